"""LeCun's idx format: arrays of unsigned bytes behind a short header."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np

from vae.errors import DataError


def read_idx(path: Path, dims: int) -> np.ndarray:
    """An idx file of unsigned bytes with `dims` dimensions (LeCun's format, plain or .gz); `DataError` names the file and its fault."""
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{path} cannot be read ({error}); delete it and let it be downloaded again."
        ) from error
    if len(raw) < 4 + 4 * dims or raw[:4] != bytes([0, 0, 8, dims]):
        start = raw[:4].hex() or "nothing"
        raise DataError(
            f"{path} is not an idx file of {dims} dimensions (it starts with {start}); delete it and let it be downloaded again."
        )
    shape = tuple(int(n) for n in np.frombuffer(raw, ">u4", dims, 4))
    body = len(raw) - 4 - 4 * dims
    if body != np.prod(shape, dtype=object):
        raise DataError(
            f"{path} holds {body} bytes after its header, which promises {shape}; delete it and let it be downloaded again."
        )
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * dims).reshape(shape)
