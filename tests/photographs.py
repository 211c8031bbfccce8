"""Pictures of digits as people bring them: a digit on paper as a camera or a scanner sees it, one function a kind of fault.

Every kind takes a digit (28, 28) in [0, 1], ink bright, and a seeded generator, and returns a picture in [0, 1] with SIDE pixels a
side, or fewer where its name says so: (SIDE, SIDE), or (SIDE, SIDE, 3) where it has colours. How strong, wide, thick and where each fault is, is drawn anew for every
picture; `KINDS` names them all.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image
from scipy import ndimage

SIDE = 200
Kind = Callable[[np.ndarray, np.random.Generator], np.ndarray]


# ---- pen and paper ---------------------------------------------------------------------------------------------------


def pen(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """How much ink lies on each pixel of a sheet: the digit 60 to 160 pixels large, anywhere, by a pen up to a third thinner or thicker."""
    rows, columns = np.flatnonzero(digit.any(1)), np.flatnonzero(digit.any(0))
    crop = np.pad(digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], 2).astype(np.float32)
    size = rng.uniform(60, 160)
    scale = size / (max(crop.shape) - 4)
    ink = Image.fromarray(crop).resize([round(n * scale) for n in crop.shape[::-1]], Image.Resampling.BICUBIC)
    reach = rng.uniform(-0.4, 0.4) * scale  # pixels by which each edge of a stroke moves
    solid = np.asarray(ink) > 0.5
    depth = ndimage.distance_transform_edt(solid) - ndimage.distance_transform_edt(~solid)
    ink = np.clip(0.5 + (depth + np.maximum(reach, 1.0 - depth.max())) / 2, 0, 1)
    sheet = np.zeros((SIDE, SIDE), np.float32)
    top, left = (int(rng.integers(2, SIDE - n - 1)) for n in ink.shape)
    sheet[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return sheet


def middle(digit: np.ndarray) -> np.ndarray:
    """The data set's own image blown up to the whole sheet, its greys kept."""
    large = Image.fromarray(digit.astype(np.float32)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return np.clip(np.asarray(large), 0, 1)


def written(digit: np.ndarray, rng: np.random.Generator, paper: float = 0.95) -> np.ndarray:
    """A digit in pencil or pen on plain paper; half of them the data set's own image, half by another pen at another place."""
    ink = middle(digit) if rng.random() < 0.5 else pen(digit, rng)
    return paper - (paper - rng.uniform(0.05, 0.4)) * ink


def across(rng: np.random.Generator) -> np.ndarray:
    """Numbers from 0 to 1 that grow in some direction over the sheet."""
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[:SIDE, :SIDE]
    slope = np.cos(angle) * x + np.sin(angle) * y
    return (slope - slope.min()) / np.ptp(slope)


def coloured(picture: np.ndarray, where: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """A picture in colour with one colour laid over a part of it (a share from 0 to 1 a pixel), as ink that lets the darker through."""
    picture = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, 2)
    return np.minimum(picture, 1 - where[..., None] * (1 - colour))


# ---- the kinds -------------------------------------------------------------------------------------------------------


def clean(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Dark ink on white paper, nothing else."""
    return 1 - middle(digit)


def blackboard(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Bright ink on a dark ground, nothing else."""
    return middle(digit)


def moved(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Plain paper, the digit of any size at any place by any pen."""
    paper = rng.uniform(0.75, 1)
    return paper - (paper - rng.uniform(0.05, 0.4)) * pen(digit, rng)


def chalk(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Chalk on a blackboard that is neither black nor even."""
    board = rng.uniform(0.05, 0.25) * (0.7 + 0.6 * across(rng))
    return board + (rng.uniform(0.6, 0.95) - board) * pen(digit, rng) + rng.normal(0, 0.02, (SIDE, SIDE))


def falling_light(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Light that falls off from one side or corner to the other, 0.95 to 0.55."""
    light = 0.95 - rng.uniform(0.35, 0.42) * across(rng)
    return light * written(digit, rng, 1.0)


def vignette(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Light that falls off from a point of the sheet outwards."""
    y, x = np.mgrid[:SIDE, :SIDE]
    at = rng.uniform(0.3, 0.7, 2) * SIDE
    away = np.hypot(y - at[0], x - at[1])
    return (0.95 - rng.uniform(0.3, 0.4) * (away / away.max()) ** rng.uniform(1, 3)) * written(
        digit, rng, 1.0
    )


def soft_shadow(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The shadow of a hand or a head over a part of the sheet."""
    share = 1 / (1 + np.exp((across(rng) - rng.uniform(0.3, 0.7)) * rng.uniform(10, 25)))
    return (1 - rng.uniform(0.2, 0.4) * share) * written(digit, rng)


def hard_shadow(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A shadow beyond a straight edge at any angle, which may cross the digit."""
    share = across(rng) > rng.uniform(0.4, 0.8)
    return (1 - rng.uniform(0.25, 0.45) * share) * written(digit, rng)


def dark_rim(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A dark rim all round, up to a seventh of the sheet wide."""
    picture, dark = written(digit, rng), rng.uniform(0, 0.4)
    sides = rng.integers(3, 29, 4) if digit_free(picture) else rng.integers(3, 22, 4)
    return rimmed(picture, sides, dark)


def scan_border(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One dark pixel all round, as scanners leave it."""
    return rimmed(written(digit, rng), np.ones(4, int), rng.uniform(0, 0.5))


def strip(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A dark strip along one side."""
    sides = np.zeros(4, int)
    sides[rng.integers(4)] = rng.integers(1, 25)
    return rimmed(written(digit, rng), sides, rng.uniform(0, 0.5))


def on_a_table(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A slip of paper on a darker table that shows on all sides and is nowhere even."""
    inner = Image.fromarray(np.float32(written(digit, rng))).resize((130, 130), Image.Resampling.BOX)
    table = rng.uniform(0.1, 0.4) * (0.7 + 0.5 * across(rng)) + rng.normal(0, 0.02, (SIDE, SIDE))
    top, left = rng.integers(10, 60, 2)
    table[top : top + 130, left : left + 130] = inner
    return np.clip(table, 0, 1)


def noise(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Noise of standard deviation 0.06."""
    return np.clip(written(digit, rng) + rng.normal(0, 0.06, (SIDE, SIDE)), 0, 1)


def salt_and_pepper(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """White and black pixels strewn over one to five in a hundred."""
    picture, dice = written(digit, rng), rng.random((SIDE, SIDE))
    share = rng.uniform(0.01, 0.05)
    picture[dice < share / 2] = 0
    picture[dice > 1 - share / 2] = 1
    return picture


def jpeg(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Packed as a JPEG of low quality, a little noise before."""
    picture = np.clip(written(digit, rng) + rng.normal(0, 0.02, (SIDE, SIDE)), 0, 1)
    packed = io.BytesIO()
    Image.fromarray(np.uint8(255 * picture)).save(packed, "JPEG", quality=int(rng.integers(10, 40)))
    return np.asarray(Image.open(packed), np.float32) / 255


def ruled(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Paper with horizontal rules."""
    return np.minimum(written(digit, rng), 1 - rules(rng) * rng.uniform(0.2, 0.7))


def tilted_rules(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rules that are up to two degrees off the horizontal."""
    return np.minimum(written(digit, rng), 1 - rules(rng, rng.uniform(-0.035, 0.035)) * rng.uniform(0.2, 0.7))


def upright_rules(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Paper with vertical rules."""
    return np.minimum(written(digit, rng), 1 - rules(rng).T * rng.uniform(0.2, 0.7))


def squared(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Squared paper."""
    lines, step = np.zeros((SIDE, SIDE)), rng.integers(10, 32)
    for start, view in ((rng.integers(step), lines), (rng.integers(step), lines.T)):
        view[start::step] = 1
    return np.minimum(written(digit, rng), 1 - lines * rng.uniform(0.15, 0.6))


def tinted_rules(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blue rules and a red margin, as in a school exercise book, written on in blue or black."""
    lined = coloured(written(digit, rng), rules(rng), np.array([0.45, 0.65, 0.95]) * rng.uniform(0.7, 1))
    margin = np.zeros((SIDE, SIDE))
    margin[:, (at := rng.integers(8, 50)) : at + rng.integers(1, 3)] = 1
    return coloured(lined, margin, np.array([0.95, 0.45, 0.5]))


def five_specks(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Five dark specks, two to eight pixels large, anywhere but on the digit."""
    return specked(written(digit, rng), rng, 5)


def scan(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A poor scan: light that falls off, a border, noise and specks together."""
    picture = specked(written(digit, rng, 1.0), rng, 4) * (0.95 - 0.3 * across(rng))
    sides = rng.integers(0, 12, 4)
    return np.clip(rimmed(picture, sides, rng.uniform(0, 0.3)) + rng.normal(0, 0.03, (SIDE, SIDE)), 0, 1)


def small_ruled(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A thumbnail of 28 to 63 pixels a side, with three to five rules one pixel thick."""
    side, count = int(rng.integers(28, 64)), int(rng.integers(3, 6))
    picture = Image.fromarray(np.float32(0.95 - 0.85 * middle(digit))).resize(
        (side, side), Image.Resampling.BOX
    )
    lined = np.array(picture)
    at = ((np.arange(count) + rng.uniform(0.2, 0.8)) * side / count).astype(int)
    lined[at] = np.minimum(lined[at], rng.uniform(0.4, 0.7))
    return lined


def dark_photo(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An underexposed photo: the paper is as dark as a blackboard, the ink darker."""
    light = rng.uniform(0.2, 0.4) * (1 - rng.uniform(0, 0.3) * across(rng))
    return np.clip(light * written(digit, rng) + rng.normal(0, 0.01, (SIDE, SIDE)), 0, 1)


def exercise_book(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A photo of an exercise book: rules, light that falls off, noise."""
    picture = np.minimum(written(digit, rng, 1.0), 1 - rules(rng) * rng.uniform(0.2, 0.5))
    return np.clip(picture * (0.95 - 0.35 * across(rng)) + rng.normal(0, 0.03, (SIDE, SIDE)), 0, 1)


KINDS: dict[str, Kind] = {
    kind.__name__: kind
    for kind in (
        clean,
        blackboard,
        moved,
        chalk,
        falling_light,
        vignette,
        soft_shadow,
        hard_shadow,
        dark_rim,
        scan_border,
        strip,
        on_a_table,
        noise,
        salt_and_pepper,
        jpeg,
        ruled,
        tilted_rules,
        upright_rules,
        squared,
        tinted_rules,
        five_specks,
        scan,
        exercise_book,
        small_ruled,
        dark_photo,
    )
}


# ---- what several kinds are made of ----------------------------------------------------------------------------------


def digit_free(picture: np.ndarray) -> bool:
    """Whether the outer seventh of a picture is blank, so that a rim there hides no ink."""
    inside = np.zeros_like(picture, bool)
    inside[29:-29, 29:-29] = True
    return bool(picture[~inside].min() > 0.9 * picture.max())


def rimmed(picture: np.ndarray, sides: np.ndarray, dark: float) -> np.ndarray:
    """A picture with dark bands of these widths at the top, bottom, left and right; never over the ink."""
    ink = picture < 0.75 * picture.max()
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    room = [rows[0], SIDE - 1 - rows[-1], columns[0], SIDE - 1 - columns[-1]]
    top, bottom, left, right = (min(n, max(int(free) - 2, 1 if n else 0)) for n, free in zip(sides, room))
    band = np.ones_like(picture, bool)
    band[top : SIDE - bottom, left : SIDE - right] = False
    return np.where(band, np.minimum(picture, dark), picture)


def rules(rng: np.random.Generator, slope: float = 0.0) -> np.ndarray:
    """Lines 14 to 34 pixels apart and one to three pixels thick, 1 on a line and 0 between."""
    step, thick = rng.uniform(14, 34), rng.integers(1, 4)
    y, x = np.mgrid[:SIDE, :SIDE]
    return ((y + slope * x - rng.uniform(0, step)) % step < thick).astype(np.float64)


def specked(picture: np.ndarray, rng: np.random.Generator, count: int) -> np.ndarray:
    """A picture with round dark specks that keep off the ink."""
    y, x = np.mgrid[:SIDE, :SIDE]
    away = ndimage.distance_transform_edt(picture > 0.75 * picture.max())
    for _ in range(count):
        radius = rng.uniform(1, 4)
        for _ in range(50):
            top, left = rng.integers(0, SIDE, 2)
            if away[top, left] > radius + 3:
                break
        picture = np.where(np.hypot(y - top, x - left) <= radius, rng.uniform(0, 0.4), picture)
    return picture
