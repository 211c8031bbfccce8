"""Who may ask, how much and how often; and what Gradio leaves open by default. Imports no gradio: its environment is set here first."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

from vae.ui.web.hosts import HostRules, RateLimiter, host_name, origin_name, visitor
from vae.ui.web.root_path import route_path

MB = 1 << 20
# A 1024 x 1024 image of rounded floats is 8 MB of JSON, a colour one 25 MB
MAX_BODY, PUBLIC_MAX_BODY = (
    32 * MB,
    12 * MB,
)
NAMES_TOLD = 20  # refused names that the terminal is told of: strangers can make up any number
# They write to the disk, and nothing of this page uses them
CLOSED = (
    "/gradio_api/upload",
    "/gradio_api/deep_link",
)
ENVIRONMENT = {
    "GRADIO_ANALYTICS_ENABLED": "False",  # nothing is told to anyone
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": "1000000",  # Gradio summarises past events after every queued one
    "GRADIO_ANALYTICS_MAX_EVENTS": "200",
}

for _name, _value in ENVIRONMENT.items():
    os.environ.setdefault(_name, _value)


class Guard:
    """ASGI middleware: refuses foreign hosts and origins (403), large bodies (413) and haste (429), and adds headers to what it lets through."""

    def __init__(
        self,
        app: Any,
        hosts: HostRules | None = None,
        max_body: int = MAX_BODY,
        rates: RateLimiter | None = None,
        behind_proxy: bool = False,
        framed: bool = False,
    ):
        self.app, self.hosts, self.max_body, self.rates, self.behind_proxy = (
            app,
            hosts or HostRules(),
            max_body,
            rates,
            behind_proxy,
        )
        self.told: set[str] = set()  # names that the terminal has been told of
        policy = "base-uri 'self'; object-src 'none'; form-action 'self'" + (
            "" if framed else "; frame-ancestors 'self'"
        )
        self.headers = [
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"strict-origin-when-cross-origin"),
            (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
            (b"content-security-policy", policy.encode()),
        ]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        headers = {k: v.decode("latin-1") for k, v in scope["headers"]}
        looking = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        refusal = self._refusal(scope, headers, looking)
        if refusal is None and not looking and scope["type"] == "http":
            body = await self._body(receive)
            if body is None:
                refusal = (
                    413,
                    f"This request is larger than {self.max_body // MB} MB; send a smaller image, or fewer rows at a time.",
                    (),
                )
            else:
                receive = _replay(body, receive)
        if refusal is not None:
            return await self._refuse(scope, send, *refusal)

        async def dressed(message: Any) -> None:
            if message["type"] == "http.response.start":
                present = {k.lower() for k, _ in message.get("headers", ())}
                message = {
                    **message,
                    "headers": [
                        *message.get("headers", ()),
                        *(h for h in self.headers if h[0] not in present),
                    ],
                }
            await send(message)

        await self.app(scope, receive, dressed)

    def _refusal(self, scope: Any, headers: dict[bytes, str], looking: bool) -> tuple[int, str, tuple] | None:
        host = headers.get(b"host", "")
        if not self.hosts.answers_to(host):
            way, name = "open it by its own", host_name(host)
            if name is not None:
                flag = self._flag_for(name, f"asked under the host name {host[:100]!r}")
                way += f", or start it with {flag}"
            return 403, f"This server does not answer to the host name {host[:100]!r}; {way}.", ()
        origin = headers.get(b"origin")
        if not looking and origin is not None and not self.hosts.trusts(origin, host):
            way, name = "open the page in a tab of its own", origin_name(origin)
            if name is not None:
                flag = self._flag_for(name, f"asked by a page from {origin[:100]!r}")
                way = f"start it with {flag} to let it"
            return 403, f"A page from {origin[:100]!r} may not ask this server; {way}.", ()
        if route_path(scope).rstrip("/") in CLOSED:
            return 403, "This page takes no files.", ()
        length = headers.get(b"content-length", "0")
        if not length.isdecimal() or len(length) > 15 or int(length) > self.max_body:
            return (
                413,
                f"This request is larger than {self.max_body // MB} MB; send a smaller image, or fewer rows at a time.",
                (),
            )
        if self.rates is not None:
            peer = (scope.get("client") or ("unknown", 0))[0]
            address = visitor(peer, headers.get(b"x-forwarded-for") if self.behind_proxy else None)
            seconds = self.rates.wait(address, 0.1 if looking else 1.0)
            if seconds > 0:
                later = math.ceil(seconds)
                return (
                    429,
                    f"Too many questions at once; ask again in {later} s.",
                    ((b"retry-after", str(later).encode()),),
                )
        return None

    def _flag_for(self, name: str, what: str) -> str:
        """The flag that would let this name in, said once in the terminal too: behind a port forwarder the name is the visitor's, not ours."""
        if name not in self.told and len(self.told) < NAMES_TOLD:
            self.told.add(name)
            print(
                f"Refused: {what}. If that is you, add --allow-host {name} to the command that starts this server.",
                file=sys.stderr,
                flush=True,
            )
        return f"--allow-host {name}"

    async def _body(self, receive: Any) -> list[Any] | None:
        """The messages of a whole body, None once it is too large: the header may lie or be absent."""
        messages, size, more = [], 0, True
        while more:
            message = await receive()
            messages.append(message)
            size += len(message.get("body", b""))
            more = message["type"] == "http.request" and message.get("more_body", False)
            if size > self.max_body:
                return None
        return messages

    async def _refuse(self, scope: Any, send: Any, status: int, text: str, more: tuple) -> None:
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": 1008})
        body = json.dumps({"error": text}).encode()
        plain = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        await send(
            {"type": "http.response.start", "status": status, "headers": [*plain, *more, *self.headers]}
        )
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _replay(messages: list[Any], receive: Any) -> Callable[[], Any]:
    """A `receive` that first gives the messages read before."""
    waiting = iter(messages)

    async def again() -> Any:
        return next(waiting, None) or await receive()

    return again


def strangers(public: bool = False, share: bool = False) -> bool:
    """Whether others than the owner can reach this page: by a flag, or because it is a Space."""
    return public or share or bool(os.environ.get("SPACE_HOST"))


def middleware(
    host: str = "127.0.0.1", allow: Iterable[str] = (), public: bool = False, share: bool = False
) -> list[tuple[type, dict[str, Any]]]:
    """The guard with its options, for a server bound to `host`; on a Space its own host and its proxy are known from the environment."""
    space = [name for name in map(host_name, os.environ.get("SPACE_HOST", "").split(",")) if name]
    open_to_all = strangers(public, share)
    options = {
        "hosts": HostRules(host, [*space, *allow], share),
        "max_body": PUBLIC_MAX_BODY if open_to_all else MAX_BODY,
        "rates": RateLimiter() if open_to_all else None,
        "behind_proxy": bool(space),
        "framed": bool(space),
    }
    return [(Guard, options)]


def launch_limits() -> dict[str, Any]:
    """What `launch` is told so that nothing is open which need not be; an image is measured before it is opened."""
    import PIL.Image

    PIL.Image.MAX_IMAGE_PIXELS = 2_000_000
    return {
        "allowed_paths": [],
        "max_file_size": "5mb",
        "enable_monitoring": False,
        "run_history": False,
        "mcp_server": False,
        "state_session_capacity": 500,
        "strict_cors": True,
        "show_error": True,  # else an error Gradio finds first arrives as null
    }
