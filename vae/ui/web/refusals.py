"""Why a request is not answered, and that every request ends in an answer: one sentence as JSON, one line in the log at most."""

from __future__ import annotations

import json
import logging
import math
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from vae.errors import in_a_line, readable

log = logging.getLogger("vae.ui")
PIECE = 1 << 18  # bytes of an answer that are handed to a connection at once


class Refusal(Exception):
    """Why a request is not answered: a status, a sentence, and after how many seconds it may be asked again."""

    def __init__(self, status: int, text: str, later: float | None = None):
        super().__init__(text)
        self.status, self.text, self.later = status, text, later

    def headers(self) -> list[tuple[bytes, bytes]]:
        if self.later is None:
            return []
        return [
            (b"retry-after", str(max(1, math.ceil(self.later))).encode()),
            (b"cache-control", b"no-store"),
        ]


def refused(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    """The same as an answer of an address of our own."""
    return JSONResponse({"error": readable(text)}, status, headers)


class Answer:
    """What goes back of one request, with our headers and in pieces; knows whether it has begun."""

    def __init__(self, send: Any, headers: list[tuple[bytes, bytes]]):
        self._send, self._headers, self.begun, self.ended = send, headers, False, False
        self.size = 0  # bytes of the body so far

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            present = {k.lower() for k, _ in message.get("headers", ())}
            more = [h for h in self._headers if h[0] not in present]
            if message["status"] == 503 and b"retry-after" not in present:  # Gradio's own, of a full queue
                more.append((b"retry-after", b"2"))
            message = {**message, "headers": [*message.get("headers", ()), *more]}
        else:
            self.ended = message["type"] == "http.response.body" and not message.get("more_body")
            body = message.get("body", b"")
            self.size += len(body)
            while (
                len(body) > PIECE
            ):  # what a slow client has not taken yet stays with us, not with its connection
                await self._send(
                    {"type": "http.response.body", "body": bytes(body[:PIECE]), "more_body": True}
                )
                body = memoryview(body)[PIECE:]
            message = {**message, "body": bytes(body)}
        await self._send(message)

    async def refuse(self, scope: Any, refusal: Refusal) -> None:
        """A refusal in JSON; where an answer has begun already, its end."""
        if self.begun:
            if not self.ended:
                await self._send({"type": "http.response.body", "body": b""})
            return
        body = json.dumps({"error": refusal.text}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
            *refusal.headers(),
        ]
        await self.send({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def not_answered(scope: Any, error: Exception, begun: bool) -> Refusal:
    """What nobody has caught, as one line of the log and a sentence; whose fault it is can be told by where it came up alone."""
    path = readable(scope["path"][:100])
    if not (begun and isinstance(error.__cause__, HTTPException)):  # a stream that told its end itself
        log.error("%s %s failed: %s: %s", scope["method"], path, type(error).__name__, in_a_line(error)[:300])
    return Refusal(
        500, "The server could not answer this; its log says why. Try other values, or reload the page."
    )
