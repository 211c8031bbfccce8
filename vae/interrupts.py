"""Signals and exits that end a training: they wait while something is written, and nothing unfinished is forgotten."""

from __future__ import annotations

import atexit
import contextlib
import functools
import signal
import threading
import weakref
from collections.abc import Callable, Generator, Iterator
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
G = TypeVar("G", bound=Generator)
# Ctrl-C, what service managers and batch systems send, and a terminal that is closed
ENDING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)
]
_unfinished: weakref.WeakSet[Generator] = weakref.WeakSet()


@contextlib.contextmanager
def signals_wait() -> Iterator[None]:
    """What would end this program waits until the block is done, and then does what it would have done."""
    if threading.current_thread() is not threading.main_thread():  # which no signal reaches
        yield
        return
    waiting: list[int] = []
    before = {number: signal.getsignal(number) for number in ENDING}
    before = {number: way for number, way in before.items() if way not in (signal.SIG_IGN, None)}
    for number in before:
        signal.signal(number, lambda number, _: waiting.append(number))
    try:
        yield
    finally:
        for number, way in before.items():
            signal.signal(number, way)
        if waiting:
            signal.raise_signal(waiting[0])


def _leave(number: int, _: object) -> None:
    raise SystemExit(128 + number)


@contextlib.contextmanager
def termination_unwinds() -> Iterator[None]:
    """SIGTERM leaves by SystemExit, as Ctrl-C leaves by KeyboardInterrupt, where nobody has said what it should do."""
    with contextlib.suppress(ValueError):  # no signal reaches other threads than the main one
        if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
            signal.signal(signal.SIGTERM, _leave)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            if signal.getsignal(signal.SIGTERM) is _leave:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)


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
