"""How the body of a question is read: whole, in time, and counted among all that are held in memory."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Callable
from typing import Any

from starlette.requests import ClientDisconnect

from vae.ui.web.limits import BODY_SHARE, FULL_WAIT, LARGE, LARGE_BODIES, MB, Held
from vae.ui.web.refusals import Refusal

BODY_SECONDS = 5.0  # within which a body arrives, or at a megabyte a second
MANY_BODIES = "as many large questions as are held at once; ask again later."
# Gradio writes it first or last into a question; an image between is not searched
SESSION, PEEK = re.compile(rb'"session_hash"\s*:\s*"([A-Za-z0-9_-]{1,64})"'), 2048


class Body:
    """The body of one question from one address. Its bytes are counted among all until `close`, when it has been answered."""

    def __init__(self, held: Held, address: str, most: int):
        self.held, self.address, self.most = held, address, most
        self.size = 0

    async def read(self, receive: Any, announced: str | None) -> bytes:
        """All of it; `Refusal` once it is too large, too slow, or one too many, whatever was announced."""
        length = announced or "0"
        if not length.isdecimal() or len(length) > 15 or int(length) > self.most:
            raise self._too_large()
        with contextlib.ExitStack() as sending:
            if int(length) > LARGE:
                self._count(sending)
            parts, began, more = [], time.monotonic(), True
            while more:
                message = await self._next(receive, began)
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                small = self.size <= LARGE
                self._grow(len(message.get("body", b"")))
                if small and self.size > LARGE >= int(length):  # the header may lie or be absent
                    self._count(sending)
                parts.append(message.get("body", b""))
                more = message.get("more_body", False)
        return b"".join(parts)

    def close(self) -> None:
        """Its bytes are no longer in memory."""
        self.held.give(self.address, self.size)
        self.size = 0

    def _count(self, sending: contextlib.ExitStack) -> None:
        if self.held.large[self.address] >= LARGE_BODIES:
            text = f"{LARGE_BODIES} large questions of this address are being sent already; ask again later."
            raise Refusal(429, text, 1)
        sending.enter_context(self.held.one_of(self.held.large, self.address))

    def _grow(self, more: int) -> None:
        if self.size + more > self.most:
            raise self._too_large()
        if not self.held.take(self.address, more, self.size + more):
            if self.held.bytes[self.address] + more > BODY_SHARE:
                raise Refusal(429, f"This address is sending {MANY_BODIES}", FULL_WAIT)
            raise Refusal(503, f"The server is being sent {MANY_BODIES}", FULL_WAIT)
        self.size += more

    async def _next(self, receive: Any, began: float) -> Any:
        left = began + max(BODY_SECONDS, self.size / MB) - time.monotonic()
        try:
            return await asyncio.wait_for(receive(), max(0.0, left))
        except asyncio.TimeoutError:
            text = (
                f"The question did not arrive within {BODY_SECONDS:g} s, or at 1 MB a second; send it again."
            )
            raise Refusal(408, text) from None

    def _too_large(self) -> Refusal:
        size = f"{self.most // MB} MB"
        return Refusal(
            413, f"This request is larger than {size}; send a smaller image, or fewer rows at a time."
        )


def replayed(body: bytes, receive: Any) -> Callable[[], Any]:
    """A `receive` that first gives the body that was read before."""
    waiting: list[Any] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Any:
        return waiting.pop() if waiting else await receive()

    return again


def session_of(body: bytes) -> str | None:
    """The page that asks, by what Gradio calls its session; None for a program that has none."""
    found = SESSION.search(body if len(body) <= 2 * PEEK else body[:PEEK] + body[-PEEK:])
    return found[1].decode("ascii") if found else None
