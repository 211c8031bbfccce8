"""How well drawings find their class: 500 MNIST test digits drawn large onto a 400 x 400 canvas; one JSON line a case.

Each digit is placed at random with its longer side at 0.25 to 0.9 of the canvas, then encoded as a drawing (own code left out of the
votes). Cases: as it is; tilted by up to 15 degrees; strokes thinned or thickened by half; dark ink on light paper.
`python benchmarks/bench_draw.py [--model mnist-default-z10] [--data data]`
"""

from __future__ import annotations

import argparse
import json

import numpy as np
from PIL import Image
from scipy import ndimage

from vae.data.load import load_split
from vae.explorer import Explorer

CANVAS = 400


def stroke_width(ink: np.ndarray) -> float:
    """Mean stroke width in pixels: twice the mean distance to the paper along the strokes' ridge."""
    depth = ndimage.distance_transform_edt(ink > 0.5)
    ridge = (depth == ndimage.maximum_filter(depth, 3)) & (depth > 0)
    return 2 * float(depth[ridge].mean()) if ridge.any() else 1.0


def draw(digit: np.ndarray, rng: np.random.Generator, tilt: float = 0.0, stroke: float = 1.0) -> np.ndarray:
    """A digit (28, 28) in [0, 1] drawn large onto an empty canvas."""
    rows, columns = np.flatnonzero(digit.any(1)), np.flatnonzero(digit.any(0))
    crop = digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    side = rng.uniform(0.25, 0.9) * CANVAS
    scale = side / max(crop.shape)
    large = Image.fromarray(np.pad(crop, 2).astype(np.float32))
    size = [max(1, round(n * scale)) for n in reversed(np.pad(crop, 2).shape)]
    ink = np.clip(np.asarray(large.resize(size, Image.Resampling.BICUBIC)), 0, 1)
    if tilt:
        ink = np.clip(ndimage.rotate(ink, tilt, order=1), 0, 1)
    if stroke != 1.0:
        reach = stroke_width(ink) * abs(stroke - 1) / 2
        ink = np.pad(ink, int(reach) + 1)
        solid = ink > 0.5
        changed = (
            ndimage.distance_transform_edt(solid) > reach
            if stroke < 1
            else ndimage.distance_transform_edt(~solid) <= reach
        )
        ink = ndimage.gaussian_filter(changed.astype(np.float32), 0.7)
    rows, columns = np.flatnonzero((ink > 0.02).any(1)), np.flatnonzero((ink > 0.02).any(0))
    if not len(rows):
        return np.zeros((CANVAS, CANVAS), np.float32)
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1][:CANVAS, :CANVAS]
    canvas = np.zeros((CANVAS, CANVAS), np.float32)
    top, left = (int(rng.integers(0, CANVAS - n + 1)) for n in ink.shape)
    canvas[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return canvas


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mnist-default-z10")
    parser.add_argument("--data", default=None)
    parser.add_argument("--count", type=int, default=500)
    options = parser.parse_args()
    explorer, test = Explorer(data_dir=options.data), load_split("mnist", "test", options.data)
    chosen = np.random.default_rng(0).choice(len(test), options.count, replace=False)
    cases = {
        "as it is": lambda rng: {},
        "tilted up to 15 degrees": lambda rng: {"tilt": rng.uniform(-15, 15)},
        "strokes half as thick": lambda rng: {"stroke": 0.5},
        "strokes half as thick again": lambda rng: {"stroke": 1.5},
    }
    for case, change in cases.items():
        for paper in ("dark", "light") if case == "as it is" else ("dark",):
            rng, right = np.random.default_rng(1), 0
            for index in chosen:
                canvas = draw(test.images[index, 0] / 255, rng, **change(rng))
                try:
                    votes = explorer.encode(
                        options.model, canvas if paper == "dark" else 1 - canvas, exclude=int(index)
                    )["label_votes"]
                except Exception as error:  # a drawing that cannot be read counts as wrong
                    print(json.dumps({"index": int(index), "error": str(error)}))
                    continue
                right += int(next(iter(votes))) == test.labels[index]
            print(
                json.dumps(
                    {
                        "figure": "vote is the label",
                        "case": case,
                        "paper": paper,
                        "model": options.model,
                        "share": right / options.count,
                    }
                )
            )


if __name__ == "__main__":
    main()
