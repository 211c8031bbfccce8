"""What of the ink on a sheet was written by a pen: strokes, without rules, specks and what hugs the rim.

Lengths are shares of the picture's longer side.
"""

from __future__ import annotations

import numpy as np

RULE = 0.025  # rules are at most this thick
SLOPES = np.linspace(-0.08, 0.08, 17)  # of rules that are not quite level
THIN = 0.1  # of what is written: strokes are made at least this thick


def without_rules(ink: np.ndarray) -> np.ndarray:
    """The ink without level rules: thin lines across most of the sheet, whose pixels get the ink just above and below them."""
    from scipy import ndimage

    tall, wide = ink.shape
    thick = max(3, round(RULE * max(ink.shape)))
    if min(ink.shape) < 64:
        return ink
    thin = np.clip(ink - ndimage.grey_opening(ink, (thick + 2, 1)), 0, 1)
    if thin.mean() < 0.001:
        return ink
    block = max(1, wide // 25)
    count = wide // block
    blocks = thin[:, : count * block].reshape(tall, count, block).mean(2)
    blocks = ndimage.maximum_filter1d(blocks, 3, axis=0)  # a rule that is not level lies between two rows
    at = (np.arange(count) + 0.5) * block - wide / 2
    rows = np.arange(tall)[:, None]
    shifted = [
        blocks[np.clip(rows + np.round(s * at).astype(int), 0, tall - 1), np.arange(count)] for s in SLOPES
    ]
    best = int(np.argmax([np.square(b.mean(1)).sum() for b in shifted]))
    found = shifted[best]
    most, some = np.quantile(found, [0.4, 0.8], axis=1)
    ends = np.minimum(np.median(found[:, :3], axis=1), np.median(found[:, -3:], axis=1))
    seen = np.maximum(most, np.minimum(some, ends))  # over most of the sheet, or from side to side past ink
    seen -= np.quantile(seen, 0.2)  # what noise alone leaves in every row
    if seen.max() < 0.03:
        return ink
    rule = ndimage.binary_dilation(seen > max(0.3 * seen.max(), 0.02))
    level = rows - np.round(SLOPES[best] * (np.arange(wide) - wide / 2)).astype(int)
    return _bridged(ink, rule[np.clip(level, 0, tall - 1)])


def _bridged(ink: np.ndarray, masked: np.ndarray) -> np.ndarray:
    """The ink with masked runs of each column filled evenly from the pixel above to the pixel below them."""
    tall = len(ink)
    rows = np.arange(tall)[:, None]
    above = np.maximum.accumulate(np.where(masked, -1, rows), axis=0)
    below = np.minimum.accumulate(np.where(masked, tall, rows)[::-1], axis=0)[::-1]
    share = (rows - above) / np.maximum(below - above, 1)
    padded = np.pad(ink, ((1, 1), (0, 0)))
    columns = np.arange(ink.shape[1])
    return np.where(
        masked, (1 - share) * padded[above + 1, columns] + share * padded[below + 1, columns], ink
    )


def written(ink: np.ndarray) -> np.ndarray:
    """The ink of the components that were written, 1 at their usual strength; specks, and what hugs the rim, left out."""
    from scipy import ndimage

    noise = float(np.sqrt(np.square(np.minimum(ink, 0)).mean()))
    ink = np.maximum(ink, 0)
    level = otsu(ink)
    strong = ink[ink > level]
    if not strong.size or strong.mean() < max(0.05, 4 * noise):
        return np.zeros_like(ink)
    usual = float(np.median(strong))
    labels, count = ndimage.label(ink > max(0.4 * usual, 4 * noise), np.ones((3, 3)))
    if not count:
        return np.zeros_like(ink)
    kept = _kept(labels, count)
    grow = max(1, round(max(ink.shape) / 150))
    around, _ = ndimage.label(ink > max(0.15 * usual, 3 * noise))
    soft = ndimage.maximum_filter(np.isin(around, np.unique(around[kept])), 2 * grow + 1)
    lost = ndimage.maximum_filter((labels > 0) & ~kept, 2 * grow + 3)
    result = np.where(kept | soft & ~lost, ink, 0)
    top = max(float(np.quantile(ink[kept], 0.98)), 1e-6)
    return _thickened(np.clip(result / top, 0, 1), kept)


def _thickened(ink: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """The ink with the strokes of a fine pen as thick as the thinnest that data sets know."""
    from scipy import ndimage

    box = kept[ndimage.find_objects(kept.astype(np.int8))[0]]
    depth = ndimage.distance_transform_edt(np.pad(box, 1))
    ridge = (depth == ndimage.maximum_filter(depth, 3)) & (depth > 0)
    lacking = THIN * max(box.shape) - 2 * depth[ridge].mean()
    size = 2 * round(lacking / 2) + 1
    return ndimage.grey_dilation(ink, footprint=_disc(size)) if size > 1 else ink


def _disc(size: int) -> np.ndarray:
    y, x = np.mgrid[:size, :size] - size // 2
    return np.hypot(y, x) <= size / 2


def _kept(labels: np.ndarray, count: int) -> np.ndarray:
    """Which pixels belong to what was written: the largest component inside the sheet, and those large or near enough to be parts of it."""
    from scipy import ndimage

    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    boxes = ndimage.find_objects(labels)
    touching = np.array([_hugs_the_rim(box, labels.shape) for box in boxes])
    long = np.array([max(b[0].stop - b[0].start, b[1].stop - b[1].start) for b in boxes])
    inside = np.where(touching, 0, areas)
    first = int(inside.argmax())
    if not inside.any() or inside[first] < 0.25 * areas.max() and long[first] < 0.2 * max(labels.shape):
        first = int(areas.argmax())
    kept = labels == first + 1
    others = [
        i
        for i in np.argsort(-areas)[:40]
        if i != first
        and areas[i] > 0.03 * areas[first]
        and long[i] > 0.2 * long[first]
        and (touching[first] or not touching[i])
    ]
    if not others:
        return kept
    away = np.asarray(ndimage.distance_transform_edt(~kept))
    for i in others:
        part = labels[boxes[i]] == i + 1
        if areas[i] > 0.25 * areas[first] or away[boxes[i]][part].min() < 0.15 * long[first]:
            kept[boxes[i]] |= part
    return kept


def _hugs_the_rim(box: tuple[slice, slice], shape: tuple[int, int]) -> bool:
    """Whether a component touches the edge of the sheet and does not reach farther into the sheet than along the edge."""
    (rows, columns), (tall, wide) = box, shape
    high, broad = rows.stop - rows.start, columns.stop - columns.start
    level = rows.start <= 1 or rows.stop >= tall - 1
    upright = columns.start <= 1 or columns.stop >= wide - 1
    return level and high < 1.2 * broad or upright and broad < 1.2 * high


def otsu(values: np.ndarray) -> float:
    """The threshold that parts values best into two (Otsu 1979)."""
    counts, edges = np.histogram(values, 128)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(middles[np.nanargmax(between)]) if np.isfinite(between).any() else float(edges[-1])
