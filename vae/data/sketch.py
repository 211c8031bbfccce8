"""A drawing or a photo, made into an image the way the data set's own images were made."""

from __future__ import annotations

import numpy as np

from vae.errors import InputError

FAINT = 0.15  # ink weaker than this share of the strongest does not widen the box around a drawing
FINE = 8  # steps to a pixel when a drawing is placed
BOX = {
    "mnist": 20,
    "kmnist": 26,
    "fashion-mnist": 28,
    "digits": 8,
}  # the longer side of what is drawn, in pixels of the data set
CENTRED_BY_MASS = (
    "mnist",
)  # LeCun et al. 1998: centre of mass at the centre of the field; the others centre the box


def sketch(image: np.ndarray, dataset: str, image_shape: tuple[int, int, int]) -> np.ndarray:
    """A drawing (H', W') or photo (H', W', 3) in [0, 1] as x (C, H, W) float32 in [0, 1], ink bright.

    Grey: the paper (the border's median) becomes 0 whichever way round the ink is, the drawing is cropped, scaled into the
    data set's box and centred. Colour: scaled and cropped to the middle. `InputError` when nothing is drawn.
    """
    channels, height, width = image_shape
    image = np.asarray(image, np.float32)
    if channels == 3:
        return _colour(image, height, width)
    grey = image @ np.array([0.299, 0.587, 0.114], np.float32) if image.ndim == 3 else image
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    if np.median(border) > 0.5:
        grey = 1 - grey
        border = 1 - border
    ink = np.clip(grey - np.median(border), 0, 1)
    if ink.max() < 0.05:
        raise InputError(
            "image is empty: nothing in it differs from its paper; draw something bright on dark or dark on bright."
        )
    ink = ink / ink.max()
    ink[ink < 0.02] = 0
    rows, columns = np.flatnonzero((ink > FAINT).any(1)), np.flatnonzero((ink > FAINT).any(0))
    crop = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    box = min(BOX.get(dataset, round(max(height, width) * 20 / 28)), height, width)
    return _placed(crop, box, height, width, dataset in CENTRED_BY_MASS)[None]


def _placed(crop: np.ndarray, box: int, height: int, width: int, by_mass: bool) -> np.ndarray:
    """The crop scaled to `box` and centred, drawn on a field FINE times as fine and averaged down: whole-pixel steps would cost a vote in fifty."""
    from PIL import Image

    scale = FINE * box / max(crop.shape)
    wide, tall = max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale))
    large = np.asarray(
        Image.fromarray(crop).resize(
            (wide, tall), Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
        )
    )
    middle = tall / 2, wide / 2
    if by_mass:  # MNIST's own digits have their mass at the centre of pixel (14, 14), half a pixel past the middle of the field
        middle = tuple(
            float((large.sum(1 - axis) * np.arange(n)).sum() / large.sum()) + (1 - FINE) / 2
            for axis, n in enumerate((tall, wide))
        )
    top = min(max(round(height * FINE / 2 - middle[0]), 0), height * FINE - tall)
    left = min(max(round(width * FINE / 2 - middle[1]), 0), width * FINE - wide)
    field = np.zeros((height * FINE, width * FINE), np.float32)
    field[top : top + tall, left : left + wide] = large
    x = field.reshape(height, FINE, width, FINE).mean((1, 3))
    return np.clip(x / max(x.max(), 1e-6), 0, 1)


def _colour(image: np.ndarray, height: int, width: int) -> np.ndarray:
    from PIL import Image

    image = np.repeat(image[..., None], 3, 2) if image.ndim == 2 else image
    tall, wide = image.shape[:2]
    scale = max(height / tall, width / wide)
    size = max(width, round(wide * scale)), max(height, round(tall * scale))
    small = Image.fromarray(np.round(image * 255).astype(np.uint8)).resize(size, Image.Resampling.LANCZOS)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return np.asarray(small, np.float32)[top : top + height, left : left + width].transpose(2, 0, 1) / 255
