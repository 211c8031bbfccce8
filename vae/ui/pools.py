"""Threads for questions that would hold up the server's loop: a few for each kind, so that no kind waits for a slower one."""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from vae.errors import VAEError
from vae.texts import text

LOOK_EVERY = 0.5  # seconds between two looks whether a visitor who waits is still there
AGAIN = 2  # seconds after which one who was refused may ask again

T = TypeVar("T")


class Busy(VAEError):
    """More questions wait than would be answered in time; the visitor asks again later."""

    def __init__(self) -> None:
        super().__init__(text("page", "doors", "busy", seconds=AGAIN))


class Gone(VAEError):
    """The answer was not begun: its visitor left, or the server is closing."""


class Pool:
    """A few threads and a queue of a bounded length; what waits in it is dropped when its visitor leaves."""

    def __init__(self, name: str, workers: int, waiting: int):
        self.most = workers + waiting
        self._held, self._closed, self._lock = 0, False, threading.Lock()
        self._threads = ThreadPoolExecutor(workers, name)

    async def run(self, work: Callable[[], T], gone: Callable[[], Awaitable[bool]] | None = None) -> T:
        """What `work` returns, from one of the threads; `Busy` where too many wait, `Gone` where `gone` said so before it began."""
        future = self._submit(work)
        waiting = asyncio.wrap_future(future)
        try:
            while not (await asyncio.wait({waiting}, timeout=LOOK_EVERY))[0]:
                if gone and not future.running() and await gone():
                    future.cancel()
        except asyncio.CancelledError:
            future.cancel()
            raise
        if waiting.cancelled():
            raise Gone("The visitor has left, or the server is closing.")
        return waiting.result()

    def close(self) -> None:
        """Drop all that waits, so that the program can end; what is being computed goes on to its end."""
        with self._lock:
            self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _submit(self, work: Callable[[], T]) -> Future[T]:
        with self._lock:
            if self._held >= self.most or self._closed:
                raise Busy
            future = self._threads.submit(contextvars.copy_context().run, work)
            self._held += 1
        future.add_done_callback(self._leave)
        return future

    def _leave(self, _: Future) -> None:
        with self._lock:
            self._held -= 1


CORES = os.cpu_count() or 1
SMALL = Pool("small", 4, 512)  # milliseconds, once small files are read
READING = Pool("reading", 4, 256)  # torch and models that are not in memory yet
SLOW = Pool("slow", max(2, CORES // 2), 64)  # tens of milliseconds and more
HEAVY = Pool("heavy", 2, 32)  # a thousand images for a program
LONG = Pool("long", 1, 64)  # seconds of arithmetic: one at a time, whoever asks


def close() -> None:
    """Drop what waits in any pool; for the end of the program, which would else compute it all first."""
    for pool in (SMALL, READING, SLOW, HEAVY, LONG):
        pool.close()
