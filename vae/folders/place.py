"""Whether a model folder can be written at a place, and kept for one writer, asked before the work that would fill it."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from pathlib import Path

from vae.errors import CheckpointError
from vae.folders.files import check_name, target
from vae.folders.locks import Reservation

LONGEST_FILE = "training_state.safetensors"  # the longest name of a file in a model folder
FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


def check_place(path: str | Path) -> None:
    """Refuses a name, a place or a path that could not be written at the end; nothing stays behind."""
    path = target(path).absolute()
    check_name(path.name)
    if os.path.islink(path) and not os.path.exists(path):
        raise CheckpointError(f"{path} is a link that leads to no folder; remove it, or choose another name.")
    if os.path.lexists(path) and not path.is_dir():
        raise CheckpointError(f"{path} is a file, which no model folder replaces; choose another name.")
    if os.path.ismount(path):
        raise CheckpointError(
            f"{path} is where a disk is mounted, which no model folder replaces; choose another name."
        )
    above = _above(path)
    if not above.is_dir():
        raise CheckpointError(f"{path} cannot be written, {above} is a file; choose another --out.")
    if not os.access(above, os.W_OK | os.X_OK):
        raise CheckpointError(
            f"{path} cannot be written, {above} is read-only for you; choose another --out or change its permissions."
        )
    try:
        _refuse_long(above, _temporary(path) / LONGEST_FILE)
        _try_to_write(above / _temporary(path).name)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise CheckpointError(
            f"{path} cannot be written ({why}); check the disk and its permissions, or choose another --out."
        ) from error


def reserve(path: str | Path) -> Reservation:
    """A place that can be written, for this writer alone until it is released; `CheckpointError` says why it is not to be had."""
    check_place(path)
    return Reservation(target(path))


def check_room(path: str | Path, needed: int, what: str) -> None:
    """Refuses where the disk of `path`, or a quota that nothing shows beforehand, does not give so many bytes; nothing stays behind."""
    path = Path(os.path.expanduser(path)).absolute()
    above, free = _above(path), None
    with contextlib.suppress(OSError):  # a disk that does not say; writing there does
        free = shutil.disk_usage(above).free
    try:
        if free is not None and free < needed:
            raise OSError(errno.ENOSPC, f"{_megabytes(free)} are free")
        _try_to_write(above / _temporary(path).name, needed)
    except OSError as error:
        if error.errno not in FULL:
            return  # no question of room
        raise CheckpointError(
            f"Training {what} takes up to {_megabytes(needed)} in {above}, which has no room for it ({error.strerror}); free some, or choose another --out."
        ) from error


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _above(path: Path) -> Path:
    """The nearest folder over a path that is there."""
    return next(p for p in path.parents if os.path.lexists(p))


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def _try_to_write(folder: Path, size: int = 0) -> None:
    """Make a folder with a file of so many bytes and remove both: rights alone tell neither of a disk that is read-only nor of a quota."""
    try:
        folder.mkdir()
    except FileExistsError:
        return  # what an earlier process of this number left; the writer removes it
    try:
        with (folder / LONGEST_FILE).open("wb", buffering=0) as file:
            file.write(b"0")
            if size and hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _refuse_long(above: Path, file: Path) -> None:
    """An `OSError` where the path, or a part of it below the folder that exists, is longer than the system takes."""
    for part in (file, *(above / part for part in file.relative_to(above).parts)):
        try:
            part.lstat()
        except (FileNotFoundError, NotADirectoryError):
            continue
