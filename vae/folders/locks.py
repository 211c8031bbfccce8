"""A model folder's name, kept for one writer: by a lock on a file beside the folder, which ends with its process however that ends."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import sys
from pathlib import Path

from vae.errors import CheckpointError

# What disks answer that know no locks, NFS among them to a file that is open for reading alone
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF)
IN_USE = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK)
# Neither through a link, nor waiting for whoever writes into a pipe, nor for the processes that this one starts
CAREFUL = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC"))
FAR = 1 << 30  # Windows lets nobody read a byte that is locked, so it is one behind the content
TRIES = 100  # of several processes that begin and end at once

if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int, shared: bool) -> None:
        os.lseek(handle, FAR + (os.getpid() if shared else 0), os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1 if shared else FAR - 1)

else:
    import fcntl

    def _lock(handle: int, shared: bool) -> None:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)


def lock(handle: int, shared: bool = False) -> bool:
    """Lock an open file until it is closed, alone or together with others; False where somebody holds it, `OSError` where its disk knows no locks."""
    try:
        _lock(handle, shared)
    except OSError as error:
        if error.errno in IN_USE:
            return False
        raise
    return True


class Reservation:
    """The name of a model folder, which nobody else writes before this is released.

    Where the disk knows no locks, a file that names this process stands in for one. `CheckpointError` says who has the name.
    """

    def __init__(self, path: Path):
        self.path = path
        self._lock, self._owner = (path.with_name(f".{path.name}.{kind}") for kind in ("lock", "owner"))
        self._file = self._lock
        self._handle: int | None = None
        self._made: list[Path] = []  # folders that were not there before
        try:
            if not any(self._take() for _ in range(TRIES)):
                raise _in_use(path, "")
        except BaseException as error:
            self.release()
            if isinstance(error, OSError):
                raise CheckpointError(
                    f"{path} cannot be written ({error.strerror or error}); check the disk and its permissions, or choose another --out."
                ) from error
            raise

    def __enter__(self) -> Reservation:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Give the name back; nothing stays behind that was not there before."""
        handle, self._handle = self._handle, None
        if handle is not None:
            # before the lock is given up, since it may be another's then; Windows removes no open file
            self._remove(os.name == "posix")
            os.close(handle)
            self._remove(os.name != "posix")
        while self._made:
            with contextlib.suppress(OSError):  # another writer's things are in it
                self._made.pop().rmdir()

    def _remove(self, now: bool) -> None:
        with contextlib.suppress(OSError):
            if now:
                self._file.unlink()

    def _take(self) -> bool:
        """Whether the name is had; False where whoever had it has just given it back."""
        missing = [folder for folder in self.path.parents if not folder.exists()]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._made += reversed(missing)
        try:
            handle = _open(self._lock)
        except FileNotFoundError:  # another writer has removed the folder that it had made
            return False
        try:
            if not lock(handle):
                raise _in_use(self.path, _text(handle))
            if not _is_still(self._lock, handle):
                os.close(handle)
                return False
        except OSError as error:
            os.close(handle)
            if error.errno not in NO_LOCKS:
                raise
            return self._take_by_name()
        except BaseException:
            os.close(handle)
            raise
        self._handle = handle
        with contextlib.suppress(OSError):  # it only tells others whom they meet
            os.ftruncate(handle, 0)
            os.write(handle, _own())
        return True

    def _take_by_name(self) -> bool:
        """The same on a disk without locks: whoever makes the file has the name while its process lives."""
        self._lock.unlink(missing_ok=True)
        try:
            self._handle = os.open(self._owner, os.O_WRONLY | os.O_CREAT | os.O_EXCL | CAREFUL, 0o666)
        except FileExistsError:  # a FileNotFoundError below: it has just been given back
            if _may_live(holder := _read(self._owner)):
                raise _in_use(self.path, holder, self._owner) from None
            self._owner.unlink(missing_ok=True)
            return False
        self._file = self._owner
        os.write(self._handle, _own())
        return True


def _open(file: Path) -> int:
    try:
        return os.open(file, os.O_RDWR | os.O_CREAT | CAREFUL, 0o666)
    except PermissionError:  # another user's, which can be locked all the same
        return os.open(file, os.O_RDONLY | CAREFUL)


def _is_still(file: Path, handle: int) -> bool:
    """Whether the locked file is the one that the next process will find, not one that was removed meanwhile."""
    try:
        return os.name != "posix" or os.path.samestat(file.lstat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _own() -> bytes:
    return f"{os.getpid()} {socket.gethostname()}\n".encode()


def _read(file: Path) -> str:
    handle = os.open(file, os.O_RDONLY | CAREFUL)
    try:
        return _text(handle)
    finally:
        os.close(handle)


def _text(handle: int) -> str:
    with contextlib.suppress(OSError):
        os.lseek(handle, 0, os.SEEK_SET)
        return os.read(handle, 200).decode("utf-8", "replace")
    return ""


def _holder(text: str) -> tuple[int | None, str]:
    pid, _, host = text.strip().partition(" ")
    return (int(pid), host) if pid.isdecimal() and len(pid) < 10 else (None, "")


def _may_live(text: str) -> bool:
    """Whether the process that a file names may still be at work; those of other computers cannot be asked."""
    pid, host = _holder(text)
    return pid is None or host != socket.gethostname() or lives(pid) is not False


def lives(pid: int) -> bool | None:
    """Whether a process of this computer is at work; None where it cannot be asked: on Windows signal 0 would end it."""
    if os.name != "posix":
        return None
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):  # the latter of a number that no process has
        return False
    except OSError:  # another user's
        pass
    return True


def _in_use(path: Path, text: str, file: Path | None = None) -> CheckpointError:
    pid, host = _holder(text)
    who = "another process" if pid is None else f"process {pid}"
    who = "this very process" if (pid, host) == (os.getpid(), socket.gethostname()) else who
    where = f" on {host}" if host and host != socket.gethostname() else ""
    left = f" (or remove {file} if that process is no more)" if file else ""
    return CheckpointError(
        f"{path} is being trained or changed by {who}{where}; wait until it has ended{left}, or train under another name with --name."
    )
