"""Gradio's queue, made so that no event ends it and no visitor fills it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

from fastapi import HTTPException
from gradio import queueing, routes
from gradio.queueing import Queue
from gradio.utils import run_coro_in_background

from vae.checks import short
from vae.errors import in_a_line
from vae.ui.web.costs import ADDRESS, BILL, bill

# Sessions whose answers wait to be fetched, of all and of one address; Gradio would keep 2,000, each up to megabytes
UNHEARD, UNHEARD_OF_ONE = 128, 16
KEPT = 60.0  # seconds for which an answer waits to be fetched
WAITING_OF_ONE = 24  # events of one address that may wait or run
SWEEP_EVERY, AGAIN_AFTER = (
    10.0,
    0.5,
)  # seconds; the latter after which a loop of the queue that ended begins again
HASH = re.compile(r"[A-Za-z0-9_-]{1,64}")
log = logging.getLogger("vae.ui")


class Unheard(dict):
    """{session: its messages}, of few sessions: those go first whose messages were all fetched, and none whose event still waits or runs."""

    def __init__(self, queue: Queue, clock: Callable[[], float] = time.monotonic):
        super().__init__()
        self.queue, self.clock = queue, clock
        self.touched: dict[str, float] = {}  # when a session was last told something
        self.addresses: dict[str, str] = {}  # from which it was asked

    def __setitem__(self, session: str, messages: Any) -> None:
        if session not in self and len(self) >= UNHEARD:
            self._forget(self._idle(), 1)
        super().__setitem__(session, messages)
        self.touched[session] = self.clock()

    def __delitem__(self, session: str) -> None:
        self.pop(session, None)  # it may be forgotten already
        self.touched.pop(session, None)
        self.addresses.pop(session, None)

    def touch(self, session: str) -> None:
        """It was told something just now."""
        if session in self:
            self.touched[session] = self.clock()

    def room_for(self, address: str, session: str) -> None:
        """Let the oldest of an address go where it has left many answers unfetched."""
        mine = [one for one in self._idle() if self.addresses.get(one) == address]
        self._forget(mine, len(mine) + 1 - UNHEARD_OF_ONE)
        if session in self:
            self.addresses[session] = address

    def expire(self) -> None:
        """Forget what nobody has fetched for long."""
        old = [one for one in self._idle() if self.clock() - self.touched.get(one, 0.0) > KEPT]
        self._forget(old, len(old))

    def _idle(self) -> list[str]:
        """Sessions that wait for nothing; the heard ones first, then the oldest."""
        waiting = {event.session_hash for event in self.queue.event_ids_to_events.values()}
        idle = [session for session in self if session not in waiting]
        return sorted(idle, key=lambda one: (not self[one].empty(), self.touched.get(one, 0.0)))

    def _forget(self, sessions: list[str], count: int) -> None:
        for session in sessions[: max(0, count)]:
            del self[session]
            self.queue.pending_event_ids_session.pop(session, None)


class Sets(dict):
    """{session: ids of its events}; of an unknown one none."""

    def __missing__(self, session: str) -> set[str]:
        return set()


class SteadyQueue(Queue):
    """A message that nobody can get is dropped, a loop that ended all the same begins again, one address has a share of the places."""

    def steady(self) -> None:
        """What else a queue needs that Gradio has made."""
        self.unheard = Unheard(self)
        self.pending_messages_per_session = self.unheard  # type: ignore[assignment]
        self.pending_event_ids_session = Sets()
        self.closing = False

    def start(self) -> None:
        """As Gradio does, with an eye on every loop."""
        self.active_jobs = [None] * self.max_thread_count
        self._keep(self.start_processing)
        self._keep(self.start_progress_updates)
        self._keep(self.sweep)
        if not self.live_updates:
            self._keep(self.notify_clients)

    @property  # what Gradio's loops set when one of them ends does not end the others
    def stopped(self) -> bool:
        return self.closing

    @stopped.setter
    def stopped(self, _: bool) -> None:
        pass

    async def sweep(self) -> None:
        """Give the memory of unfetched answers back, also where nobody asks any more."""
        while not self.stopped:
            await asyncio.sleep(SWEEP_EVERY)
            self.unheard.expire()

    def _keep(self, work: Callable[[], Any]) -> None:
        """Run a loop, and again whenever it ends though the queue is not closed."""

        def again(task: asyncio.Task) -> None:
            loop = task.get_loop()
            if self.closing or loop.is_closed() or not self.blocks.is_running:
                return
            error = None if task.cancelled() else task.exception()
            log.error("the queue's %s ended (%r) and begins again", work.__name__, error)
            self.active_jobs = [job for job in self.active_jobs if job is not None]
            self.active_jobs += [None] * (self.max_thread_count - len(self.active_jobs))
            loop.call_later(AGAIN_AFTER, self._keep, work)

        run_coro_in_background(work).add_done_callback(again)

    def close(self) -> None:
        self.closing = True

    def send_message(self, event: Any, event_message: Any) -> None:
        with contextlib.suppress(KeyError):  # its session is gone: nobody will fetch this
            super().send_message(event, event_message)
            self.unheard.touch(event.session_hash)

    async def push(self, body: Any, request: Any, username: str | None) -> Any:
        if body.session_hash is not None and not HASH.fullmatch(body.session_hash):
            text = f"session_hash is {short(body.session_hash)}; it must be 1 to 64 letters, digits, '_' and '-', or left out of /call."
            return False, text, "error"
        if body.fn_index not in self.blocks.fns:
            last = max(self.blocks.fns, default=0)
            text = f"fn_index is {short(body.fn_index)}; it must be a whole number from 0 to {last}, or ask /call/NAME."
            return False, text, "error"
        address = request.scope.get(ADDRESS, "")
        self._check_share(address)
        accepted, event, state = await super().push(body, request, username)
        if accepted:
            self.unheard.room_for(address, body.session_hash)
        return accepted, event, state

    def _check_share(self, address: str) -> None:
        mine = sum(event.request.scope.get(ADDRESS) == address for event in self.event_ids_to_events.values())
        if mine >= WAITING_OF_ONE:
            text = (
                f"{mine} questions of this address wait or run already; let some be answered, and ask again."
            )
            raise HTTPException(429, text, {"retry-after": "2"})

    async def process_events(self, events: list[Any], *more: Any) -> None:
        bill.set(events[0].request.scope.get(BILL))  # of this event's own task
        await super().process_events(events, *more)


def steady_queue(demo: Any) -> None:
    """After `demo.queue(...)`: the queue that it has made becomes a steady one, and a failed event is one line of the log."""
    demo._queue.__class__ = SteadyQueue
    demo._queue.steady()
    queueing.traceback = routes.traceback = InALine()  # type: ignore[assignment]


class InALine:
    """In the place of the module `traceback` where Gradio prints what an event of a visitor failed with."""

    def print_exc(self) -> None:
        error = sys.exc_info()[1]
        if isinstance(error, Exception):
            log.error("an event failed (%s: %s)", type(error).__name__, in_a_line(error)[:300])

    def __getattr__(self, name: str) -> Any:
        return getattr(traceback, name)
