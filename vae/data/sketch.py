"""A drawing or a photo, made into an image the way the data set's own images were made."""

from __future__ import annotations

from typing import Any

import numpy as np

from vae.data.photo import ink_of
from vae.errors import InputError

PICTURE = (
    "(H, W), (H, W, 1), (H, W, 3) or (H, W, 4), grey, colour or colour with alpha, in numbers from 0 to 1"
)
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
FAINT = 0.15  # ink weaker than this share of the strongest does not widen the box around a drawing
PLAIN = 0.15  # a sheet whose tone has a smaller standard deviation has no ink of its own: what is cut out of it is the ink
FINE = 8  # steps to a pixel when a drawing is placed
# The longer side of what is drawn, in pixels of the data set.
BOX = {
    "mnist": 20,
    "kmnist": 26,
    "fashion-mnist": 28,
    "digits": 8,
}
# LeCun et al. 1998: centre of mass at the centre of the field; the others centre the box.
CENTRED_BY_MASS = ("mnist",)
# Data sets of strokes with paper around them. Other pictures fill their frame: a rim or a speck may be a part of them.
WRITTEN = ("mnist",)


def sketch(
    image: np.ndarray, dataset: str, image_shape: tuple[int, int, int], ink: str | None = None
) -> np.ndarray:
    """A drawing or photo (H', W'), or (H', W', 1), 3 or 4, in [0, 1] as x (C, H, W) float32 in [0, 1], ink bright.

    Grey: the ink is told from its paper, cropped, scaled into the data set's box and centred. `ink` says whether it is
    "bright" on black or "dark" on white, and then all of it counts; else a border whose median is over 0.5 means dark
    ink on light paper, and of what is written by hand the paper's light, rules, rim and specks are left out.
    Colour: scaled and cropped to the middle. `InputError` when nothing is drawn.
    """
    channels, height, width = image_shape
    if ink not in ("bright", "dark", None):
        raise InputError(f"ink is {ink!r}; it must be bright, dark or None, which finds it out.")
    image = as_picture(image)
    if channels == 3:
        return _colour(_on_paper(image, 1.0), height, width)
    image = _on_paper(image, _paper_under(image) if ink is None else float(ink == "dark"))
    grey = image @ LUMA if image.shape[2] == 3 else image[..., 0]
    if ink is not None:
        drawn = grey if ink == "bright" else 1 - grey
    else:
        drawn = ink_of(grey) if dataset in WRITTEN else _off_the_border(grey)
    if drawn.max() < 0.05:
        raise InputError(
            "image is empty: nothing in it differs from its paper; draw something bright on dark or dark on bright."
        )
    drawn = drawn / drawn.max()
    drawn[drawn < 0.02] = 0
    rows, columns = np.flatnonzero((drawn > FAINT).any(1)), np.flatnonzero((drawn > FAINT).any(0))
    crop = drawn[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    box = min(BOX.get(dataset, round(max(height, width) * 20 / 28)), height, width)
    return _placed(crop, box, height, width, dataset in CENTRED_BY_MASS)[None]


def as_picture(image: Any) -> np.ndarray:
    """A picture from outside as (H, W, 1), 3 or 4, float32; `InputError` where it is none or leaves [0, 1]."""
    try:
        array = np.asarray(image)
    except ValueError:  # rows of different lengths
        array = np.empty(0, object)
    if array.dtype.kind not in "biuf":
        raise InputError(f"image is no array of numbers; it must be {PICTURE}.")
    channels = array.shape[2:] or (1,)
    if array.ndim not in (2, 3) or not array.size or channels[0] not in (1, 3, 4):
        raise InputError(f"image has shape {array.shape}; it must be {PICTURE}.")
    if not np.isfinite(array).all() or array.min() < 0 or array.max() > 1:
        way = " (divide an image of bytes by 255)" if array.dtype.kind in "iu" else ""
        raise InputError(f"image holds values outside [0, 1]; scale them into it{way}.")
    return array.reshape(*array.shape[:2], *channels).astype(np.float32)


def _paper_under(image: np.ndarray) -> float:
    """The tone that a transparent picture is laid on: the one farther from what is opaque, but white where an opaque picture has ink of its own."""
    if image.shape[2] != 4 or not image[..., 3].any():
        return 1.0
    tone, alpha = image[..., :3] @ LUMA, image[..., 3]
    mean = np.average(tone, weights=alpha)
    plain = np.average(np.square(tone - mean), weights=alpha) < PLAIN**2
    cut_out = plain or np.median(_border(alpha)) < 0.5
    return 0.0 if mean > 0.5 and cut_out else 1.0


def _on_paper(image: np.ndarray, paper: float) -> np.ndarray:
    if image.shape[2] != 4:
        return image
    alpha = image[..., 3:]
    return image[..., :3] * alpha + paper * (1 - alpha)


def _off_the_border(grey: np.ndarray) -> np.ndarray:
    """What differs from the border's median, whichever way round: for pictures of things, which fill their frame."""
    paper = np.median(_border(grey))
    return np.clip(paper - grey if paper > 0.5 else grey - paper, 0, 1)


def _border(picture: np.ndarray) -> np.ndarray:
    return np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])


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
    middle: tuple[float, ...] = (tall / 2, wide / 2)
    # MNIST's own digits have their mass at the centre of pixel (14, 14), half a pixel past the middle of the field
    if by_mass:
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

    image = np.repeat(image, 3, 2) if image.shape[2] == 1 else image
    tall, wide = image.shape[:2]
    scale = max(height / tall, width / wide)
    size = max(width, round(wide * scale)), max(height, round(tall * scale))
    small = Image.fromarray(np.round(image * 255).astype(np.uint8)).resize(size, Image.Resampling.LANCZOS)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return np.asarray(small, np.float32)[top : top + height, left : left + width].transpose(2, 0, 1) / 255
