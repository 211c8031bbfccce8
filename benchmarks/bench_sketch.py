"""How well photographed and scanned digits find their class: 300 MNIST test digits (seed 7), one JSON line a kind of picture.

The kinds are those of `tests/photographs.py`; the share whose best vote is the label, and milliseconds of processor time of `sketch` a picture.
`python benchmarks/bench_sketch.py [--model mnist-default-z10] [--data data] [--count 300] [--kinds clean noise ...]`
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

from vae.data.load import load_split
from vae.data.sketch import sketch
from vae.errors import InputError
from vae.explorer import Explorer

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))
from photographs import KINDS  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mnist-default-z10")
    parser.add_argument("--data", default=None)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=list(KINDS))
    options = parser.parse_args()
    explorer, test = Explorer(data_dir=options.data), load_split("mnist", "test", options.data)
    chosen = np.random.default_rng(7).choice(len(test), options.count, replace=False)
    for name in options.kinds:
        rng, right, spent = np.random.default_rng(7), 0, 0.0
        for index in chosen:
            picture = np.clip(KINDS[name](test.images[index, 0] / 255, rng), 0, 1)
            began = time.process_time()
            try:
                x = sketch(picture, "mnist", (1, 28, 28))[0]
            except InputError:  # a digit that is not found counts as wrong
                continue
            finally:
                spent += time.process_time() - began
            votes = explorer.encode(options.model, x, raw=True)["label_votes"]
            right += int(next(iter(votes))) == test.labels[index]
        shares = {"share": right / options.count, "ms": round(1000 * spent / options.count, 1)}
        print(json.dumps({"figure": "vote is the label", "kind": name, "model": options.model, **shares}))


if __name__ == "__main__":
    main()
