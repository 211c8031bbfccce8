"""Signals and exits that end a training: the first is obeyed, it waits while something is written, and nothing unfinished is forgotten."""

from __future__ import annotations

import atexit
import contextlib
import functools
import math
import signal
import threading
import time
import weakref
from collections.abc import Callable, Generator, Iterator
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
G = TypeVar("G", bound=Generator)
# Ctrl-C, what service managers and batch systems send, and a terminal that is closed
ENDING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)
]
SAME_WISH = 5.0  # seconds after a signal in which others say nothing new
_unfinished: weakref.WeakSet[Generator] = weakref.WeakSet()


class ObeyedOnce:
    """Of the signals that end a program the first does what it would have done, SIGTERM and others without a handler by SystemExit.

    Those that follow would only interrupt what is done to end well: they count for nothing for five seconds, or `for_good`.
    """

    _writing: bool = False  # of the one main thread, the only one that signals reach
    _waiting: int | None = None

    def __init__(self, for_good: bool = False):
        self.same_wish = math.inf if for_good else SAME_WISH
        self.obeyed: float | None = None
        self.before: dict[int, Any] = {}

    def __enter__(self) -> ObeyedOnce:
        for number in ENDING:
            way = signal.getsignal(number)
            if way in (signal.SIG_IGN, None):  # as nohup asks for
                continue
            with contextlib.suppress(ValueError):  # another thread than the main one
                self.before[number] = way
                signal.signal(number, self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        for number, way in self.before.items():
            with contextlib.suppress(ValueError):
                if signal.getsignal(number) == self._hear:
                    over = self.obeyed is not None and math.isinf(self.same_wish)
                    signal.signal(number, signal.SIG_IGN if over else way)

    def _hear(self, number: int, frame: Any) -> None:
        if ObeyedOnce._writing:
            ObeyedOnce._waiting = ObeyedOnce._waiting or number
        elif self.obeyed is None or time.monotonic() - self.obeyed > self.same_wish:
            self._obey(number, frame)

    def _obey(self, number: int, frame: Any) -> None:
        self.obeyed = time.monotonic()
        way = self.before[number]
        if not callable(way):
            raise SystemExit(128 + number)
        way(number, frame)
        self.obeyed = None  # it ends nothing


@contextlib.contextmanager
def signals_wait() -> Iterator[None]:
    """What an `ObeyedOnce` around this hears waits until the block is done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ObeyedOnce._writing = True
    try:
        yield
    finally:
        number, ObeyedOnce._waiting, ObeyedOnce._writing = ObeyedOnce._waiting, None, False
        if number is not None:
            signal.raise_signal(number)


def closed_at_exit(function: Callable[P, G]) -> Callable[P, G]:
    """The same generator function; a generator that somebody still holds when the program exits ends while it can still write files."""

    @functools.wraps(function)
    def make(*arguments: P.args, **options: P.kwargs) -> G:
        generator = function(*arguments, **options)
        _unfinished.add(generator)
        return generator

    return make


@atexit.register
def _close_all() -> None:
    for generator in list(_unfinished):
        with contextlib.suppress(ValueError):  # it runs, in a thread that ends with the program
            generator.close()
