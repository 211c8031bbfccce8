"""Whether a server of this user is running, and the low priority at which a training runs beside it."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from vae.folders.locks import CAREFUL, lock

FILE = "server.lock"  # which every server holds together with the others
NICE = 10  # how far the priority of a training is lowered beside a server
ATTEMPTS = 20  # while others look at it
_announced: list[int] = []  # handles that keep the locks of this process

if sys.platform == "win32":
    USER = "server"  # where every user has a temporary folder of their own
else:
    USER = str(os.getuid())


def announce() -> None:
    """Tell other programs of this user, until this process ends, that a server runs; in silence where there is no place to."""
    if _announced:
        return
    for folder in _folders():
        with contextlib.suppress(OSError, ValueError):
            with contextlib.suppress(FileExistsError):
                folder.mkdir(mode=0o700)
            handle = _open(folder, os.O_CREAT)
            if _share(handle):
                _announced.append(handle)
            else:
                os.close(handle)


def server_is_running() -> bool:
    """Whether any server of this user has announced itself and lives."""
    return any(_is_held(folder) for folder in _folders())


def _is_held(folder: Path) -> bool:
    with contextlib.suppress(OSError, ValueError):
        handle = _open(folder)
        try:
            return not lock(handle)
        finally:
            os.close(handle)
    return False


def _share(handle: int) -> bool:
    for _ in range(ATTEMPTS):
        if lock(handle, shared=True):
            return True
        time.sleep(0.01)  # for whom looks at it just now
    return False


def _folders() -> Iterator[Path]:
    """The user's own runtime folder and one for temporary files; both, since not every service has the first."""
    places = [os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{USER}"]
    with contextlib.suppress(OSError):
        places.append(tempfile.gettempdir())
    for place in places:
        if os.path.isabs(place):
            yield Path(place, f"latent-explorer-{USER}")


def _open(folder: Path, flags: int = 0) -> int:
    """The lock file of a folder that is really one, this user's and nobody else's; `OSError` of any other."""
    flags |= os.O_RDWR | CAREFUL
    if sys.platform == "win32":  # where the temporary folder is the user's own
        return os.open(folder / FILE, flags)
    inside = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | CAREFUL)
    try:
        found = os.fstat(inside)
        if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
            raise PermissionError(errno.EPERM, "not this user's alone", str(folder))
        return os.open(FILE, flags, 0o600, dir_fd=inside)
    finally:
        os.close(inside)


class Priority:
    """The priority of a training: lowered by `nice` where that was asked for, else by 10 once a server runs; `say` is told."""

    def __init__(self, nice: int | None, say: Callable[[str], None]):
        self.nice, self.say, self.done = nice, say, False

    def look(self) -> None:
        """Lower it where it is time to; a server may start later than the training."""
        if self.done:
            return
        serves = server_is_running()
        if not serves and self.nice is None:
            return
        self.done = True
        nice = NICE if self.nice is None else self.nice
        if nice and lower_priority(nice):
            why = "A server of Latent Explorer is running: this" if serves else "This"
            self.say(f"{why} training runs at low priority (--nice {nice}).")


if sys.platform == "win32":

    def lower_priority(nice: int) -> bool:
        """This process and its threads wait for others, by one of Windows' two classes; whether the system let it."""
        import ctypes

        kernel = ctypes.WinDLL("kernel32")
        kernel.GetCurrentProcess.restype = ctypes.c_void_p
        kernel.SetPriorityClass.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
        below_normal, idle = 0x4000, 0x40
        return bool(
            kernel.SetPriorityClass(kernel.GetCurrentProcess(), idle if nice > NICE else below_normal)
        )

else:

    def lower_priority(nice: int) -> bool:
        """This process and its threads wait for others, as `nice` does it; whether the system let it. A lower priority stays."""
        threads = [0]
        with contextlib.suppress(OSError, ValueError):  # on Linux each thread has its own
            threads = [int(name) for name in os.listdir("/proc/self/task")]
        lowered = False
        for thread in threads:
            with contextlib.suppress(OSError):  # it has ended meanwhile
                if os.getpriority(os.PRIO_PROCESS, thread) < nice:
                    os.setpriority(os.PRIO_PROCESS, thread, nice)
                lowered = True
        return lowered
