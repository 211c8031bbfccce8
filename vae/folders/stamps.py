"""What tells that a model folder was changed or replaced, without reading its files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

Stamp = tuple[tuple[str, int, int, int], ...]  # of every file: name, inode, time, size


def _stamp(files: Iterable[os.DirEntry]) -> Stamp:
    """() where one of them is just being exchanged, or cannot be read: reading it will say so."""
    try:
        seen = [(file.name, file.stat()) for file in files if file.is_file()]
    except OSError:
        return ()
    return tuple(sorted((name, stat.st_ino, stat.st_mtime_ns, stat.st_size) for name, stat in seen))


def stamp_of(path: Path) -> Stamp:
    """What tells whether any file of a folder was changed or replaced, without reading one."""
    try:
        return _stamp(list(os.scandir(path)))
    except OSError:
        return ()


def stamps(models_dir: Path) -> dict[str, Stamp]:
    """{name: stamp} of all that lies in a models folder; files beside the folders have a stamp of one entry."""
    found: dict[str, Stamp] = {}
    for entry in os.scandir(models_dir) if models_dir.is_dir() else ():
        if entry.is_dir() and (not entry.name.startswith(".") or entry.name.endswith(".old")):
            found[entry.name] = stamp_of(Path(entry.path))
        elif entry.is_file():
            found[entry.name] = _stamp([entry])
    return found
