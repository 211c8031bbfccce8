"""The ink of a photograph or a scan: what was written, without the paper, its light, its rules, its rim and its dirt.

Lengths are shares of the picture's longer side. Everywhere below, a picture is grey with light paper: dark paper is turned over first.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from vae.data.strokes import otsu, without_rules, written

SIDE = 512  # a larger picture is scaled down to this many pixels
FEW = 128  # a smaller picture is scaled up to this many pixels at least
COARSE = 50  # blocks to a side, over whose medians the paper is estimated
RIM = 0.25  # a dark strip along a side is at most this wide
STEP = 0.1  # how much darker than the paper beside it such a strip is at least
DUSK = 0.56  # of that paper: a strip that is brighter is paper in a shadow
DIM = 0.35  # light paper in poor light is at least this bright
GLOW = 0.6  # what is brighter on a dark ground is light ink: paper in poor light is darker
BROAD = 15  # blocks: wider than any stroke
SHADE = 0.4  # a shadow leaves the paper at least this share of its light
CORNER = (slice(1, 4), slice(-4, -1))  # blocks that a sheet fills and a round digit does not
POWERS = [(i, total - i) for total in range(4) for i in range(total + 1)]  # of y and x in a cubic surface


def ink_of(grey: np.ndarray) -> np.ndarray:
    """How much ink (H, W) from 0 to about 1 lies on each pixel of a grey picture in [0, 1]; all 0 where nothing is written."""
    picture = _sheet(_scaled(grey))
    if min(picture.shape) < 8:
        return np.clip(np.median(picture) - picture, 0, 1)
    picture = _quiet(picture)
    paper = _paper(picture)
    ink = 1 - picture / np.maximum(paper, 0.05)
    for _ in range(2):  # level rules, then upright ones
        ink = without_rules(ink).T
    return written(ink)


# ---- light paper, right to its edges ---------------------------------------------------------------------------------


def _scaled(grey: np.ndarray) -> np.ndarray:
    """The picture in as many pixels as the steps below are made for, its shape kept."""
    from PIL import Image

    image, (tall, wide) = Image.fromarray(grey), grey.shape
    if max(grey.shape) > SIDE:
        return np.asarray(image.reduce(-(-max(grey.shape) // SIDE)))
    factor = min(-(-FEW // min(grey.shape)), SIDE // max(grey.shape))
    return np.asarray(image.resize((wide * factor, tall * factor), Image.Resampling.BILINEAR))


def _sheet(grey: np.ndarray) -> np.ndarray:
    """The part of a picture that is the sheet, turned over where the paper is dark, without the dark strips along its sides."""
    step = _block(grey)
    small = _medians(grey, step)
    if np.median(small) > 0.5 < np.median(_border(small)):
        return _trimmed(grey)
    light = _trimmed(grey)  # where the border is no paper, it may be a dark rim
    dim = min(0.5, max(DIM, np.quantile(small, [0.02, 0.98]).mean()))
    inside = _medians(light, step)
    if np.median(small) > dim and (_border(inside) > dim).mean() > 0.6 and 0.01 < (inside < dim).mean() < 0.4:
        return light
    if np.median(_border(small)) <= 0.5:
        found = _pixels(_inner_sheet(1 - small), step)
        if found is not None:
            return _trimmed(grey[found])
        return light if _may_be_paper(small) and _dark_is_rare(small) else _trimmed(1 - grey)
    found = _pixels(_inner_sheet(small), step)
    return _trimmed(grey if found is None else 1 - grey[found])


def _dark_is_rare(blocks: np.ndarray) -> bool:
    """Whether what strays farthest from the tone of most blocks is dark, as ink does on paper in poor light."""
    terms, values, left = _terms(*blocks.shape)[:, :3], blocks.ravel(), np.zeros(blocks.size)
    for _ in range(8):  # least absolute deviations, which the ink does not bend, by reweighted least squares
        left = values - terms @ _fit(terms, values, 1 / np.maximum(np.abs(left), 0.02))
    return float((left**3).mean()) < 0


def _may_be_paper(blocks: np.ndarray) -> bool:
    """Whether the lighter part may be paper: in poor light, around something dark, or broad and beside a shadow."""
    from scipy import ndimage

    dark = blocks < otsu(blocks)
    around = dark.mean() < 0.35 and (dark & ~_from_the_rim(dark)).mean() > 0.01
    broad = ndimage.binary_opening(~dark, np.ones((BROAD, BROAD))).any()
    beside = broad and np.median(blocks[dark]) > SHADE * np.median(blocks[~dark])
    return around or beside or float(np.quantile(blocks, 0.98)) < GLOW


def _trimmed(picture: np.ndarray) -> np.ndarray:
    top, left = _strip(picture), _strip(picture.T)
    bottom, right = _strip(picture[::-1]), _strip(picture.T[::-1])
    return picture[top : picture.shape[0] - bottom, left : picture.shape[1] - right]


def _border(picture: np.ndarray) -> np.ndarray:
    return np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])


def _inner_sheet(small: np.ndarray) -> tuple[slice, slice] | None:
    """Where a sheet of the other tone lies inside a picture, if one does: a large rectangle with something written in it."""
    dark = small < otsu(small)
    if not dark.any():
        return None
    spans = [np.flatnonzero(share > 0.5 * share.max()) for share in (dark.mean(1), dark.mean(0))]
    where = tuple(slice(span[0], span[-1] + 1) for span in spans)
    box = dark[where]
    if box.size < 0.3 * small.size or min(box.shape) < 6 or not 0.01 < 1 - box.mean() < 0.4:
        return None
    corners = [box[rows, columns].mean() for rows in CORNER for columns in CORNER]
    if _border(dark).mean() > 0.4 or _border(box[2:-2, 2:-2]).mean() < 0.7 or min(corners) < 0.4:
        return None
    if np.median(small[~dark]) - np.median(small[dark]) < 2 * STEP:
        return None
    return where[0], where[1]


def _pixels(blocks: tuple[slice, slice] | None, step: int) -> tuple[slice, slice] | None:
    return blocks and (
        slice(blocks[0].start * step, blocks[0].stop * step),
        slice(blocks[1].start * step, blocks[1].stop * step),
    )


def _strip(picture: np.ndarray) -> int:
    """How many rows at the top belong to a dark strip along that side."""
    tall = picture.shape[0]
    reach, near = int(RIM * tall), max(1, tall // 50)
    if reach < 2:
        return 0
    nearly = int(0.8 * picture.shape[1])  # of the whole row: no digit is that wide
    level = np.partition(picture[: reach + near], nearly, axis=1)[:, nearly]
    dark = level[:reach] < level[near : reach + near] - STEP
    if not dark.any():
        return 0
    last = int(np.flatnonzero(dark)[-1])
    inside = level[last + near]
    if (level[: last + 1] >= inside - STEP / 2).any() or np.median(level[: last + 1]) > DUSK * inside:
        return 0
    return min(last + near, reach)


# ---- even light ------------------------------------------------------------------------------------------------------


def _quiet(picture: np.ndarray) -> np.ndarray:
    """The picture without strewn pixels and noise; as it is where it has none."""
    from scipy import ndimage

    if min(picture.shape) < 64:
        return picture
    middle = picture[1:-1, 1:-1]
    around = np.stack([picture[:-2, 1:-1], picture[2:, 1:-1], picture[1:-1, :-2], picture[1:-1, 2:]])
    strewn = (middle < around.min(0) - 0.2) | (middle > around.max(0) + 0.2)
    if strewn.mean() > 0.001:
        picture = ndimage.median_filter(picture, 3)
    # a picture scaled up has its noise in the coarser one
    sigma = max(_noise(picture), _noise(picture[::2, ::2]))
    if sigma < 0.008:
        return picture
    return ndimage.gaussian_filter(picture, min(0.5 + 12 * sigma, 1.2) * max(picture.shape) / 200)


def _noise(picture: np.ndarray) -> float:
    """The standard deviation of the noise (Immerkaer 1996): the median of what has neither slopes nor edges."""
    return float(np.median(np.abs(np.diff(np.diff(picture, 2, axis=0), 2, axis=1)))) / (6 * 0.6745)


def _paper(picture: np.ndarray) -> np.ndarray:
    """The paper's own grey at every pixel, ink or not: a cubic surface through what is not ink, and what the paper near by differs from it."""
    from numpy.polynomial.polynomial import polygrid2d
    from PIL import Image
    from scipy import ndimage

    block = _block(picture)
    coarse = _medians(picture, block)
    tall, wide = coarse.shape
    blank, fit = _blank(coarse)
    rows, columns = ((np.arange(n) - (block - 1) / 2) / block for n in picture.shape)
    smooth = polygrid2d(_unit(rows, tall), _unit(columns, wide), fit)
    left = np.where(
        blank, coarse - polygrid2d(_unit(np.arange(tall), tall), _unit(np.arange(wide), wide), fit), 0
    )
    reach = 0.06 * max(tall, wide)
    left = ndimage.gaussian_filter(left, reach) / (
        ndimage.gaussian_filter(blank.astype(np.float32), reach) + 0.05
    )
    near = Image.fromarray(left.astype(np.float32)).resize(
        (wide * block, tall * block), Image.Resampling.BILINEAR
    )
    beyond = [(0, n - k * block) for n, k in zip(picture.shape, coarse.shape)]
    return _shaded(picture, smooth + np.pad(np.asarray(near), beyond, mode="edge"), BROAD * block)


def _shaded(picture: np.ndarray, paper: np.ndarray, broad: int) -> np.ndarray:
    """The paper with the sharp edges of shadows: what is dark over `broad` pixels, counting those beyond the rim, and not as dark as ink."""
    from scipy import ndimage

    inside = (slice(broad // 2, -(broad // 2)),) * 2
    closed = ndimage.grey_closing(np.pad(picture, broad // 2), broad)[inside]
    shade = (closed < 0.98 * paper) & (closed > SHADE * paper)
    return np.where(_from_the_rim(shade), closed, paper)


def _blank(coarse: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which blocks show paper alone, and the coefficients (4, 4) of the cubic surface through them."""
    from scipy import ndimage

    tall, wide = coarse.shape
    terms = _terms(tall, wide)
    values = coarse.ravel().astype(np.float64)

    def off(weights: np.ndarray, degree: int) -> np.ndarray:
        few = terms[:, :degree]
        fit[:degree] = _fit(few, values, weights)
        return values - few @ fit[:degree]

    fit, weights = np.zeros(10), np.ones(values.size)
    for _ in range(6):  # the upper edge of all values, by asymmetric least squares: below it lies the ink
        left = off(weights, 6)
        weights = np.where(left > 0, 1.0, 0.01)
    even = coarse > ndimage.grey_closing(coarse, BROAD) - 0.04  # true in a shadow, wider than any stroke
    for degree in (6, 6, 6, 10, 10, 10):
        blank = left > -np.clip(3 * np.median(np.abs(left[left > -0.1])), 0.03, 0.08)
        if degree == 10:
            blank |= even.ravel() & _from_the_rim(~blank.reshape(tall, wide)).ravel()
        left = off(blank.astype(np.float64), degree)
    coefficients = np.zeros((4, 4))
    coefficients[tuple(np.transpose(POWERS))] = fit
    return blank.reshape(tall, wide), coefficients


def _fit(terms: np.ndarray, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The coefficients of weighted least squares; small ones where the terms do not tell them."""
    square = terms.T @ (terms * weights[:, None]) + 1e-6 * np.eye(terms.shape[1])
    return np.linalg.solve(square, terms.T @ (values * weights))


@lru_cache(8)
def _terms(tall: int, wide: int) -> np.ndarray:
    """The terms of a cubic surface (tall * wide, 10) in the order of POWERS."""
    from numpy.polynomial.polynomial import polyvander2d

    down, across = np.meshgrid(_unit(np.arange(tall), tall), _unit(np.arange(wide), wide), indexing="ij")
    products = polyvander2d(down, across, [3, 3]).reshape(tall * wide, 4, 4)
    return products[(slice(None), *np.transpose(POWERS))]


def _unit(steps: np.ndarray, count: int) -> np.ndarray:
    return 2 * steps / max(count - 1, 1) - 1


def _from_the_rim(dark: np.ndarray) -> np.ndarray:
    """The parts of a mask that reach the edge of the picture."""
    from scipy import ndimage

    seed = np.zeros_like(dark)
    seed[[0, -1]], seed[:, [0, -1]] = dark[[0, -1]], dark[:, [0, -1]]
    return ndimage.binary_propagation(seed, mask=dark)


def _block(picture: np.ndarray) -> int:
    """The side of the blocks of a picture in pixels: at least eight of them across a narrow one."""
    return max(1, min(max(picture.shape) // COARSE, min(picture.shape) // 8))


def _medians(picture: np.ndarray, block: int) -> np.ndarray:
    """The median of each block of pixels: what is thinner than half a block is not in it."""
    tall, wide = (n // block for n in picture.shape)
    blocks = picture[: tall * block, : wide * block].reshape(tall, block, wide, block)
    return np.median(blocks.swapaxes(1, 2).reshape(tall, wide, -1), axis=2)
