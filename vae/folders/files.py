"""Files that are believed only after checks, and folders that are written whole or not at all. No pickle anywhere."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import json
import math
import os
import re
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, deserialize

from vae.checks import short
from vae.errors import CheckpointError, unreadable
from vae.folders.locks import lives
from vae.folders.parsing import fault, in_one_line, parse, read
from vae.reading import Refused, pieces

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
RESERVED = ("judges", "traps")  # folders beside the models that are none
MAX_TENSORS = (
    1 << 29
)  # bytes of a safetensors file that are read at all: a hundred times the largest that ships
MAX_HEADER = 1 << 20  # of them, what tells where each tensor lies
MOST_ROWS = 100_000  # of a tensor whose length is left open: ten times the largest test set
DTYPES = {"F16": np.float16, "F32": np.float32, "U8": np.uint8, "I64": np.int64}
# What network and user-space disks answer to fsync that do not know it
NOT_SYNCHRONISED = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
RENAME_EXCHANGE, AT_FDCWD = 2, -100
ABANDONED = (
    3600.0  # seconds after which an unfinished folder is nobody's, where processes cannot be asked about
)


def hash_of(path: Path) -> str:
    """The SHA-256 of a safetensors file in hex digits; `CheckpointError` where `read_tensors` would not read it either."""
    digest = hashlib.sha256()
    try:
        for piece in pieces(path, MAX_TENSORS, path.parent):
            digest.update(piece)
    except Refused as error:
        raise fault(path, str(error)) from None
    return digest.hexdigest()


Shapes = dict[str, tuple[str, tuple[int | None, ...]]]  # {name: (dtype, shape)}; None leaves a size open


def read_tensors(path: Path, required: Shapes, optional: Shapes | None = None) -> dict[str, np.ndarray]:
    """The tensors of a safetensors file: exactly those `required`, and any of the `optional` ones.

    `CheckpointError` names the file and the first fault. The library refuses what is cut off, overlaps or leaves gaps; here
    follow what it lets pass: a name that stands twice, an unknown name, dtype, shape, a value that is not finite.
    """
    known = required | (optional or {})
    raw = read(path, _most(known))
    try:
        header = int.from_bytes(raw[:8], "little")
        if MAX_HEADER < header < len(raw):
            raise ValueError(f"its header has {header} bytes")
        found = dict(deserialize(raw))
        parse(raw[8 : 8 + header])  # a name that stands twice
    except (SafetensorError, ValueError, RecursionError) as error:
        raise fault(
            path, f"is not a safetensors file, or a truncated or damaged one ({error!s:.200})"
        ) from error
    except MemoryError as error:
        raise unreadable(path, error) from error
    for name in required:
        if name not in found:
            raise fault(path, f"lacks the tensor {name}")
    tensors = {}
    for name, entry in sorted(found.items()):  # the library's order is chance
        if name not in known:
            raise fault(path, f"holds the unknown tensor {short(name)}")
        dtype, shape = known[name]
        if entry["dtype"] != dtype:
            raise fault(path, f"{name} has the dtype {entry['dtype']}, not {dtype}")
        sizes = entry["shape"]
        if len(sizes) != len(shape) or any(want not in (None, size) for want, size in zip(shape, sizes)):
            allowed = ["N" if want is None else want for want in shape]
            raise fault(path, f"{name} has the shape {sizes!s:.100}, not {allowed}")
        tensors[name] = np.frombuffer(entry["data"], DTYPES[dtype]).reshape(sizes)
        if dtype in ("F16", "F32") and not np.isfinite(tensors[name]).all():
            raise fault(path, f"{name} holds values that are not finite")
    return tensors


def _most(known: Shapes) -> int:
    """The bytes that a file of these tensors has at most."""
    sizes = (
        np.dtype(DTYPES[dtype]).itemsize * math.prod(MOST_ROWS if size is None else size for size in shape)
        for dtype, shape in known.values()
    )
    return min(8 + MAX_HEADER + sum(sizes), MAX_TENSORS)


def recover(path: Path) -> None:
    """Finish an exchange that a crash cut short: the old folder takes its place again where no new one came."""
    if not path.name:  # "." and the root
        return
    old = path.with_name(f".{path.name}.old")
    if not os.path.lexists(path) and old.is_dir():
        # someone else was quicker, or may write where this process may not
        with contextlib.suppress(OSError):
            old.rename(path)


def tensor_bytes(tensors: dict[str, np.ndarray]) -> bytes:
    """A safetensors file of these arrays."""
    from safetensors.numpy import save

    # ascontiguousarray would give a scalar a dimension
    return save({name: np.asarray(value, order="C") for name, value in tensors.items()})


def json_bytes(content: Any) -> bytes:
    """Readable JSON; a number that is not finite is an error here rather than a surprise later, and no text breaks its line."""
    return (json.dumps(in_one_line(content), indent=1, allow_nan=False) + "\n").encode()


def check_name(name: str) -> None:
    """`CheckpointError` for what cannot be the name of a model folder."""
    if not NAME.fullmatch(name):
        raise CheckpointError(
            f"The name {name!r} cannot be a model's; letters, digits, '.', '_' and '-' make a name of up to 100 characters."
        )
    if name in RESERVED:
        raise CheckpointError(
            f"The name {name!r} is kept for what lies beside the models; --name chooses another."
        )


def target(path: str | Path) -> Path:
    """The folder that is written at a path: where it is a link to one, that one."""
    path = Path(os.path.expanduser(path))
    with contextlib.suppress(OSError, ValueError):  # a path that no disk takes: whoever writes there says so
        return path.resolve() if path.is_symlink() and path.is_dir() else path
    return path


def write_folder(path: str | Path, files: dict[str, bytes], force: bool = False) -> None:
    """Make `path` a folder of exactly these files; a kill at any moment leaves the old folder or the new one.

    `CheckpointError` when the folder exists and `force` is off, or the name cannot be a model's.
    """
    path = target(path)
    check_name(path.name)
    recover(path)
    _refuse_existing(path, force)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        temporary.mkdir()
        for name, content in files.items():
            _write(temporary / name, content)
        _sync(temporary)
        _refuse_existing(path, force)  # put there while the files were written
        _exchange(temporary, path)
        _sync(path.parent)
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be written ({error}); check the disk and its permissions, or choose another --out."
        ) from error
    finally:
        # what an error or Ctrl-C left, or the old folder after the exchange
        _remove(temporary)


def _refuse_existing(path: Path, force: bool) -> None:
    if os.path.lexists(path) and not force:
        raise CheckpointError(f"{path} exists already; --force replaces it, --name chooses another name.")


def write_file(path: str | Path, content: bytes) -> None:
    """Write one file whole or not at all; `CheckpointError` where it cannot be written."""
    path = Path(os.path.expanduser(path))
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        _write(temporary, content)
        os.replace(temporary, path)
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be written ({error.strerror or error}); check the disk and its permissions."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        _flush(file.fileno())


def update_folder(path: str | Path, files: dict[str, bytes]) -> None:
    """The same folder with some files replaced or added, as one exchange."""
    path = target(path)
    try:
        others = [p for p in path.iterdir() if p.is_file() and p.name not in files]
    except OSError as error:
        raise unreadable(path, error) from error
    write_folder(path, {p.name: read(p, MAX_TENSORS) for p in others} | files, force=True)


def _sweep(path: Path) -> None:
    """Remove what writers of this name left behind when they were killed."""
    recover(path)
    _remove(path.with_name(f".{path.name}.old"))
    for left in path.parent.glob(f".{path.name}.*.tmp"):
        pid = left.name[len(path.name) + 2 : -4]
        if pid.isdigit() and (int(pid) == os.getpid() or not _may_live(int(pid), left)):
            _remove(left)


def _remove(path: Path) -> None:
    """A folder, or a link in its place, which alone is removed then."""
    if path.is_symlink():
        with contextlib.suppress(OSError):
            path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)


def _may_live(pid: int, left: Path) -> bool:
    """Whether the writer that left this behind may still be at work; where a process cannot be asked about, for an hour."""
    known = lives(pid)
    if known is not None:
        return known
    try:
        return time.time() - left.stat().st_mtime < ABANDONED
    except OSError:
        return False


def _flush(handle: int) -> None:
    """Let the disk have the content, where it takes that question at all; that it is full or broken stays an error."""
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in NOT_SYNCHRONISED:
            raise


def _sync(folder: Path) -> None:
    """Let the disk know the folder's names, where the system can open a folder as a file and its disk takes that."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _exchange(new: Path, path: Path) -> None:
    """Put `new` in the place of `path`, at one stroke where the system can, else by way of `.NAME.old`, which reading recovers."""
    if not os.path.lexists(path):
        new.rename(path)
        return
    if _swap(new, path):
        return  # what is now called `new` is the old folder
    old = path.with_name(f".{path.name}.old")
    path.rename(old)
    try:
        new.rename(path)
    except OSError:
        recover(path)
        raise
    _remove(old)


def _swap(new: Path, path: Path) -> bool:
    """Exchange two folders by Linux's renameat2; False where there is none: no C library to be had by that name, an older one, a disk that refuses."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    return rename(AT_FDCWD, os.fsencode(new), AT_FDCWD, os.fsencode(path), RENAME_EXCHANGE) == 0
