"""What tells that a file or a model folder was changed or replaced, without reading it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path

FileStamp = tuple[int, int, int, int]  # inode, time of its content, time of its inode, size
Stamp = tuple[tuple[str, FileStamp], ...]  # of every file of a folder, by name
NOWHERE = (errno.ENOENT, errno.ELOOP)  # what a link answers that leads to nothing or to itself


def file_stamp(found: os.stat_result) -> FileStamp:
    """What tells a file from the one that was there before; a copy can keep the time of its content and the size, not all four."""
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size


def _mark(entry: os.DirEntry) -> FileStamp | None:
    """The stamp of a file, of a link that leads nowhere its own; None for a folder, a pipe or a device."""
    try:
        found = entry.stat()
    except OSError as error:
        if error.errno not in NOWHERE:
            raise
        return file_stamp(entry.stat(follow_symlinks=False))
    return file_stamp(found) if stat.S_ISREG(found.st_mode) else None


def _stamp(files: Iterable[os.DirEntry]) -> Stamp:
    """() where one of them is just being exchanged, or cannot be read: reading it will say so."""
    try:
        marks = ((file.name, _mark(file)) for file in files)
        return tuple(sorted((name, mark) for name, mark in marks if mark))
    except OSError:
        return ()


def _entries(folder: Path) -> list[os.DirEntry]:
    with os.scandir(folder) as found:
        return list(found)


def stamp_of(path: Path) -> Stamp:
    """What tells whether any file of a folder was changed or replaced, without reading one."""
    try:
        return _stamp(_entries(path))
    except OSError:
        return ()


def stamps(models_dir: Path) -> dict[str, Stamp] | None:
    """{name: stamp} of all that lies in a models folder, None where it cannot be read; files beside the folders have a stamp of one entry."""
    try:
        entries = _entries(models_dir) if models_dir.exists() else []
    except OSError:
        return None
    return {
        entry.name: stamp_of(Path(entry.path)) if _is_folder(entry) else _stamp([entry])
        for entry in entries
        if not entry.name.startswith(".") or entry.name.endswith(".old")
    }


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False
