"""LeCun's idx format: arrays of unsigned bytes behind a short header."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np

from vae.errors import DataError

GZIP, UNPACKED = b"\x1f\x8b", b"\0\0\x08"  # how an archive begins, and an idx file of unsigned bytes


def is_packed(path: Path) -> bool:
    """Whether a file is an archive, told by its content: some browsers unpack what they fetch and leave it its name."""
    with path.open("rb") as file:
        start = file.read(3)
    return start.startswith(GZIP) or (path.suffix == ".gz" and start != UNPACKED)


def unpacked(path: Path) -> bytes:
    """The content of a plain or packed file; `OSError`, `EOFError` or `zlib.error` where it cannot be unpacked."""
    raw = path.read_bytes()
    if not is_packed(path):
        return raw
    if not raw:
        raise EOFError("it is empty")
    return gzip.decompress(raw)


def read_idx(path: Path, dims: int) -> np.ndarray:
    """An idx file of unsigned bytes with `dims` dimensions (LeCun's format, plain or .gz); `DataError` names the file and its fault."""
    try:
        raw = unpacked(path)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(
            f"{path} is not an idx file of {dims} dimensions (it {_start(path.read_bytes())} and cannot be unpacked: {error}); delete it and let it be downloaded again."
        ) from error
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error}); delete it and let it be downloaded again."
        ) from error
    if len(raw) < 4 + 4 * dims or raw[:4] != bytes([0, 0, 8, dims]):
        raise DataError(
            f"{path} is not an idx file of {dims} dimensions (it {_start(raw)}); delete it and let it be downloaded again."
        )
    shape = tuple(int(n) for n in np.frombuffer(raw, ">u4", dims, 4))
    body = len(raw) - 4 - 4 * dims
    if body != np.prod(shape, dtype=object):
        raise DataError(
            f"{path} holds {body} bytes after its header, which promises {shape}; delete it and let it be downloaded again."
        )
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * dims).reshape(shape)


def _start(raw: bytes) -> str:
    return f"starts with {raw[:4].hex() or 'nothing'}"
