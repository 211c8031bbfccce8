"""How the server listens: uvicorn with a bound on what one address holds open, a deadline for a request's head, and a grace at the end."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from vae.ui.web.hosts import visitor

HEAD_SECONDS = (
    10.0  # within which the head of a request arrives, once its first byte is here or the connection is open
)
TAKE_SECONDS = 30.0  # within which a client takes the next part of an answer
KEEP_ALIVE = 30  # seconds; clients that give an idle connection up after five must not meet us closing it
GRACE = 2  # seconds that answers in the air have when the server ends
# Of all connections; of those of one address: a class of forty browsers opens six each
SHARE_OF_FILES, SHARE_OF_ONE = 0.75, 0.5
FEWEST, MOST = 64, 512  # connections of one address, whatever the system allows


def raise_file_limit() -> int:
    """As many open files as the system lets this process have; that number."""
    try:
        import resource
    except ImportError:  # Windows: sockets are no files there
        return 8192
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return 65536 if soft == resource.RLIM_INFINITY else soft


class Connections:
    """Who holds connections, and how many one address and all together may hold."""

    def __init__(self, files: int, many_from_one: bool = False):
        self.most = int(files * SHARE_OF_FILES)
        # behind a proxy all come from its address
        self.most_of_one = (
            self.most if many_from_one else min(MOST, max(FEWEST, int(self.most * SHARE_OF_ONE)))
        )
        self.open: Counter[str] = Counter()

    def take(self, address: str) -> bool:
        """Whether one more is let in; it is counted then."""
        if sum(self.open.values()) >= self.most or self.open[address] >= self.most_of_one:
            return False
        self.open[address] += 1
        return True

    def give(self, address: str) -> None:
        """One less."""
        self.open[address] -= 1
        if self.open[address] <= 0:
            del self.open[address]


class Protocol(H11Protocol):
    """A connection that is counted, and closed where a request's head does not come or an answer is not taken."""

    held: Connections  # of this server, set by `settings`

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.counted = visitor((self.client or ("unknown", 0))[0], None)
        self.head: asyncio.TimerHandle | None = None
        self.stalled: asyncio.TimerHandle | None = None
        if not self.held.take(self.counted):
            self.counted = ""
            transport.abort()
            return
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_here()
        self._taken()
        if self.counted:
            self.held.give(self.counted)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._head_is_here()
        elif self.head is None:
            self._expect_head()

    def on_response_complete(self) -> None:
        self._head_is_here()  # until the next request's first byte uvicorn's own keep-alive counts
        super().on_response_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._taken()
        self.stalled = self.loop.call_later(TAKE_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        self._taken()
        super().resume_writing()

    def _expect_head(self) -> None:
        self.head = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _head_is_here(self) -> None:
        if self.head is not None:
            self.head.cancel()
            self.head = None

    def _taken(self) -> None:
        if self.stalled is not None:
            self.stalled.cancel()
            self.stalled = None


def settings(app: Any, host: str, port: int, many_from_one: bool = False) -> uvicorn.Config:
    """uvicorn's settings for this server. What a proxy's headers say is left to the guard."""
    counted = type("Counted", (Protocol,), {"held": Connections(raise_file_limit(), many_from_one)})
    return uvicorn.Config(
        app=app,
        host=host,
        port=port,
        http=counted,
        ws="none",
        log_level="error",
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
        backlog=1024,
    )
