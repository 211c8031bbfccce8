"""Tasks: whatever lasts longer than a second or changes something, queued, owned by a visitor, with progress, time left and cancel."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

from vae.errors import InputError, VAEError
from vae.texts import text

log = logging.getLogger("vae.ui")
KEPT = 64  # finished tasks that are remembered, of all visitors
PER_OWNER = 4  # tasks of one visitor that may wait or run at once
SURE_AFTER = 1.0  # seconds of work before a time left is said

Report = Callable[[float, str], None]  # share done in [0, 1], and what is being done
# told where to report and what to look at for a cancel; gives the result
Work = Callable[[Report, threading.Event], Any]


class Task:
    """One piece of work: `state` goes from queued to running and ends as done, failed or cancelled."""

    def __init__(
        self, number: int, kind: str, owner: str, work: Work, clock: Callable[[], float] = time.monotonic
    ):
        self.number, self.kind, self.owner = number, kind, owner
        self.state, self.share, self.text = "queued", 0.0, text("page", "tasks", "waiting")
        self.result: Any = None
        self.error: str | None = None
        self.cancelled, self.finished = threading.Event(), threading.Event()
        self._work, self._clock, self._began = work, clock, 0.0

    def cancel(self) -> None:
        """Ask it to stop; one that still waits never starts."""
        self.cancelled.set()

    @property
    def seconds_left(self) -> float | None:
        """What remains at the pace so far; None while that says nothing."""
        gone = self._clock() - self._began
        if self.state != "running" or self.share <= 0 or gone < SURE_AFTER:
            return None
        return gone * (1 - self.share) / self.share

    def news(self) -> dict[str, Any]:
        """How it stands, for the page."""
        left = self.seconds_left
        return {
            "number": self.number,
            "kind": self.kind,
            "state": self.state,
            "share": self.share,
            "text": self.text,
            "seconds_left": None if left is None else round(left),
            "error": self.error,
            "result": self.result,
        }

    def watch(self, every: float = 0.4) -> Iterator[dict[str, Any]]:
        """Its news at least this often until it has ended; the last ones are how it ended."""
        while not self.finished.wait(every):
            yield self.news()
        yield self.news()

    def run(self) -> None:
        """Do the work, in the thread that calls this; a fault ends as a sentence."""
        if self.cancelled.is_set():
            return self._end("cancelled", text("page", "tasks", "cancelled", kind=self.kind))
        self.state, self._began = "running", self._clock()
        try:
            self.result = self._work(self._report, self.cancelled)
        except VAEError as error:
            self._end("cancelled" if self.cancelled.is_set() else "failed", str(error))
        except Exception as error:
            log.exception("the task %s failed", self.kind)
            self._end("failed", text("page", "tasks", "stopped", kind=self.kind, error=error))
        else:
            self.share = 1.0
            self._end("done")

    def _report(self, share: float, text: str) -> None:
        self.share, self.text = min(1.0, max(0.0, share)), text

    def _end(self, state: str, error: str | None = None) -> None:
        self.state, self.error = state, error
        self.finished.set()


class Tasks:
    """All tasks of a page. Of each kind so many run at once, in the order they came; the others wait."""

    def __init__(self, at_once: int = 1):
        self.at_once = at_once
        self._tasks: OrderedDict[int, Task] = OrderedDict()
        self._numbers, self._lock = itertools.count(1), threading.Lock()

    def submit(self, kind: str, owner: str, work: Work) -> Task:
        """Queue a piece of work of a visitor; `InputError` when too much of theirs waits already."""
        with self._lock:
            open_ones = [t for t in self._tasks.values() if t.owner == owner and not t.finished.is_set()]
            if len(open_ones) >= PER_OWNER:
                raise InputError(
                    f"{len(open_ones)} tasks of yours wait or run already; let one end, or cancel it, before you start another."
                )
            task = Task(next(self._numbers), kind, owner, work)
            self._tasks[task.number] = task
            ended = [number for number, t in self._tasks.items() if t.finished.is_set()]
            for number in ended[: max(0, len(ended) - KEPT)]:
                del self._tasks[number]
        self._start(kind)
        return task

    def of(self, owner: str, kind: str | None = None) -> list[Task]:
        """A visitor's tasks, oldest first."""
        with self._lock:
            return [t for t in self._tasks.values() if t.owner == owner and kind in (None, t.kind)]

    def cancel(self, owner: str, kind: str | None = None) -> None:
        """Cancel what a visitor has waiting or running; others' tasks are left alone."""
        for task in self.of(owner, kind):
            task.cancel()
        self._start(kind)

    def _start(self, kind: str | None) -> None:
        """Give free places to those that wait."""
        with self._lock:
            for each in {t.kind for t in self._tasks.values()} if kind is None else {kind}:
                mine = [t for t in self._tasks.values() if t.kind == each and not t.finished.is_set()]
                running = sum(t.state != "queued" for t in mine)
                for task in [t for t in mine if t.state == "queued"]:
                    if task.cancelled.is_set() or running < self.at_once:
                        running += not task.cancelled.is_set()
                        task.state = "starting"
                        threading.Thread(target=self._work, args=(task,), daemon=True).start()

    def _work(self, task: Task) -> None:
        try:
            task.run()
        finally:
            self._start(task.kind)
