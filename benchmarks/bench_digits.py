"""How often a model of the small digits (8 x 8) knows other people's handwriting: MNIST test digits as large pictures; one JSON line.

The Draw tab says this figure, from `drawing` in `vae/ui/static/texts/en.json`.
`python benchmarks/bench_digits.py [--model digits-default-z10] [--data data]`
"""

from __future__ import annotations

import argparse
import json

import numpy as np
from PIL import Image

from vae.data.load import load_split
from vae.data.sets import ImageSet
from vae.explorer import Explorer

SIDE, COUNT, SEED = 200, 300, 7


def right(explorer: Explorer, model: str, test: ImageSet) -> int:
    """Of COUNT digits of `test`, each a picture of SIDE x SIDE pixels, those whose best vote is their label."""
    known = 0
    for index in np.random.default_rng(SEED).choice(len(test), COUNT, replace=False):
        large = Image.fromarray(test.images[index, 0]).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        votes = explorer.encode(model, np.asarray(large, np.float32) / 255)["label_votes"]
        known += int(max(votes, key=votes.get)) == test.labels[index]
    return known


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="digits-default-z10")
    parser.add_argument("--data", default=None)
    options = parser.parse_args()
    known = right(Explorer(data_dir=options.data), options.model, load_split("mnist", "test", options.data))
    print(json.dumps({"figure": "vote is the label", "model": options.model, "share": known / COUNT}))


if __name__ == "__main__":
    main()
