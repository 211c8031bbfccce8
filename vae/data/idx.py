"""LeCun's idx format: arrays of unsigned bytes behind a short header."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path

import numpy as np

from vae.errors import DataError, unreadable
from vae.reading import Refused, open_file, read_whole

MOST_BYTES = 1 << 30  # of a file, packed or not: twenty times the largest that is published
AGAIN = "delete it and let it be downloaded again"
GZIP, UNPACKED = b"\x1f\x8b", b"\0\0\x08"  # how an archive begins, and an idx file of unsigned bytes


def is_packed(path: Path) -> bool:
    """Whether a file is an archive, told by its content: some browsers unpack what they fetch and leave it its name."""
    start = _beginning(path)[:3]
    return start.startswith(GZIP) or (path.suffix == ".gz" and start != UNPACKED)


def _beginning(path: Path) -> bytes:
    try:
        with open_file(path) as file:
            return file.read(4)
    except OSError as error:
        raise unreadable(path, error) from error


def unpacked(path: Path) -> bytes:
    """The content of a plain or packed file; `gzip.BadGzipFile`, `EOFError` or `zlib.error` where it cannot be unpacked."""
    raw = read_whole(path, MOST_BYTES)
    if not is_packed(path):
        return raw
    if not raw:
        raise EOFError("it is empty")
    with gzip.GzipFile(fileobj=io.BytesIO(raw)) as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise EOFError(f"it unpacks to more than {MOST_BYTES} bytes")
    return content


def read_idx(path: Path, dims: int) -> np.ndarray:
    """An idx file of unsigned bytes with `dims` dimensions (LeCun's format, plain or .gz); `DataError` names the file and its fault."""
    try:
        raw = unpacked(path)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(
            f"{path} is not an idx file of {dims} dimensions (it {_start(_beginning(path))} and cannot be unpacked: {error})",
            AGAIN,
        ) from error
    except Refused as error:
        why = str(error) if str(error).startswith("cannot be read") else f"cannot be read (it {error})"
        raise DataError(f"{path} {why}", AGAIN) from error
    except MemoryError as error:
        raise unreadable(path, error) from error
    if len(raw) < 4 + 4 * dims or raw[:4] != bytes([0, 0, 8, dims]):
        raise DataError(
            f"{path} is not an idx file of {dims} dimensions (it {_start(raw)})",
            AGAIN,
        )
    shape = tuple(int(n) for n in np.frombuffer(raw, ">u4", dims, 4))
    body = len(raw) - 4 - 4 * dims
    if body != np.prod(shape, dtype=object):
        raise DataError(
            f"{path} holds {body} bytes after its header, which promises {shape}",
            AGAIN,
        )
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * dims).reshape(shape)


def _start(raw: bytes) -> str:
    return f"starts with {raw[:4].hex() or 'nothing'}"
