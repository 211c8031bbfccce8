"""Files in LeCun's format of our own making, small enough for a test."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from vae.data.sets import FILES


def idx(array: np.ndarray) -> bytes:
    """LeCun's format: two zero bytes, 8 for unsigned bytes, the number of dimensions, their sizes big-endian, the bytes."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def lay(folder: Path, rng_seed: int = 0) -> dict[str, np.ndarray]:
    """Four small kmnist files of our own making."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(rng_seed)
    arrays = {}
    for split, count in (("train", 40), ("test", 20)):
        images, labels = FILES[split]
        arrays[images] = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        arrays[labels] = (np.arange(count) % 10).astype(np.uint8)
    for name, array in arrays.items():
        (folder / name).write_bytes(idx(array))
    return arrays
