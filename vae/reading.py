"""Files opened so that only a regular file of bounded size is read: no pipe, no device, nothing outside its folder."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from vae.errors import UnreadableError, unreadable

PIECE = 1 << 20  # bytes of a file that are read at once
# never wait for a writer, hand nothing down to another program, follow no link that was put there a moment ago
FLAGS = os.O_RDONLY | sum(
    getattr(os, flag, 0) for flag in ("O_NONBLOCK", "O_CLOEXEC", "O_NOFOLLOW", "O_BINARY")
)


class Refused(ValueError):
    """What lies there is not read: it is missing, no file, too large or elsewhere. Its text follows the file's name."""


class Missing(Refused):
    """There is nothing of that name."""


def checked(path: Path, folder: Path | None = None) -> tuple[str, os.stat_result]:
    """Where a regular file really lies, and what the system knows of it; it is not opened.

    With `folder`, a link is followed only to another place in that folder. `Refused` or `UnreadableError` say why not.
    """
    real = os.fspath(path)
    try:
        found = os.lstat(real)
        if stat.S_ISLNK(found.st_mode):
            real = os.path.realpath(path)
            if folder is not None and not real.startswith(os.path.join(os.path.realpath(folder), "")):
                raise Refused("cannot be read, it is a link that leads out of its folder")
            found = os.stat(real)
    except (FileNotFoundError, NotADirectoryError):
        raise Missing("is missing") from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise Refused("cannot be read, it is a link that leads nowhere") from None
        raise unreadable(path, error) from error
    _refuse_other(found)
    return real, found


def open_file(path: Path, folder: Path | None = None) -> BinaryIO:
    """A regular file opened for reading, see `checked`; what was checked is what is open."""
    real, _ = checked(path, folder)
    try:
        file = os.fdopen(os.open(real, FLAGS), "rb", buffering=0)
    except (FileNotFoundError, NotADirectoryError):
        raise Missing("is missing") from None
    except OSError as error:
        raise unreadable(path, error) from error
    try:
        _refuse_other(os.fstat(file.fileno()))
    except BaseException:
        file.close()
        raise
    return file


def _refuse_other(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise Refused("cannot be read, it is not a file")


def pieces(path: Path, most: int, folder: Path | None = None) -> Iterator[bytes]:
    """A file's bytes piece by piece, `most` at most, all of one state of it."""
    with open_file(path, folder) as file:
        try:
            before = os.fstat(file.fileno())
            if before.st_size > most:
                raise Refused(f"holds {before.st_size} bytes, more than any such file has")
            read = 0
            while piece := file.read(min(PIECE, most + 1 - read)):
                read += len(piece)
                if read > most:
                    raise Refused(f"holds more than {most} bytes, more than any such file has")
                yield piece
            after = os.fstat(file.fileno())
        except OSError as error:
            raise unreadable(path, error) from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise UnreadableError(f"{path} was changed while it was read; try again.")


def read_whole(path: Path, most: int, folder: Path | None = None) -> bytes:
    """A file's bytes, `most` at most; `Refused` says what keeps it from being read, `UnreadableError` what keeps it now."""
    try:
        return b"".join(pieces(path, most, folder))
    except MemoryError as error:
        raise unreadable(path, error) from error
