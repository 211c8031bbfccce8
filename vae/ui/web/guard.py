"""Who may ask, how much and how often; and what Gradio leaves open by default. Imports no gradio: its environment is set here first."""

from __future__ import annotations

import contextlib
import math
import os
import sys
from collections.abc import Iterable
from typing import Any

from starlette.requests import ClientDisconnect

from vae.ui.web.bodies import Body, replayed, session_of
from vae.ui.web.costs import ADDRESS, BILL, bill
from vae.ui.web.hosts import INSIDE, LOOPBACK, HostRules, Network, host_name, network, origin_name, visitor
from vae.ui.web.limits import (
    ALL_STREAMS,
    FULL,
    FULL_OF_ONE,
    FULL_WAIT,
    LARGE,
    MB,
    STREAM_WAIT,
    STREAMS,
    Held,
    Shares,
)
from vae.ui.web.reachable import API, QUESTION, Kind, methods_of, reachable
from vae.ui.web.refusals import Answer, Refusal, not_answered
from vae.ui.web.root_path import route_path

# A 1024 x 1024 image of rounded floats is 8 MB of JSON, a colour one 25 MB
MAX_BODY, PUBLIC_MAX_BODY = (
    32 * MB,
    12 * MB,
)
JSON = "application/json"
MANY = "Many people ask at once; ask again in {later} s."
REFUSAL_COST = 0.001  # seconds of the server that a refusal takes
BYTE_COST = 5e-8  # seconds that writing a byte of an answer takes, beside what its door counts
NAMES_TOLD = 20  # refused names that the terminal is told of: strangers can make up any number
ENVIRONMENT = {
    "GRADIO_ANALYTICS_ENABLED": "False",  # nothing is told to anyone
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": "1000000",  # Gradio summarises past events after every queued one
    "GRADIO_ANALYTICS_MAX_EVENTS": "200",
}

for _name, _value in ENVIRONMENT.items():
    os.environ.setdefault(_name, _value)


class Guard:
    """ASGI middleware around everything: what is reachable, for whom, how much of it, and that every answer is one.

    Refuses foreign hosts and origins (403), addresses that nothing of the page uses (404), what is no JSON (415), bodies that are large (413)
    or slow (408), and who takes more than their share (429) or comes when the server is full (503), both with Retry-After.
    """

    def __init__(
        self,
        app: Any,
        hosts: HostRules | None = None,
        max_body: int = MAX_BODY,
        shares: Shares | None = None,
        proxies: Iterable[Network] = (),
        framed: bool = False,
    ):
        self.app, self.hosts, self.max_body, self.shares = app, hosts or HostRules(), max_body, shares
        self.proxies, self.held = list(proxies), Held()
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
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1008})  # nothing here speaks through one
        headers = {k: v.decode("latin-1") for k, v in scope["headers"]}
        peer = (scope.get("client") or ("unknown", 0))[0]
        address = visitor(peer, headers.get(b"x-forwarded-for"), self.proxies)
        answer = Answer(send, self.headers)
        try:
            await self._let_in(scope, receive, answer, headers, address)
        except Refusal as refusal:
            self._spend(address, None, REFUSAL_COST)
            await answer.refuse(scope, refusal)
        except ClientDisconnect:
            pass
        except Exception as error:
            await answer.refuse(scope, not_answered(scope, error, answer.begun))

    async def _let_in(
        self, scope: Any, receive: Any, answer: Answer, headers: dict[bytes, str], address: str
    ) -> None:
        kind = self._kind(scope, headers)
        with contextlib.ExitStack() as holding:
            if kind.stream:
                self._check_streams(address)
                holding.enter_context(self.held.one_of(self.held.streams, address))
            who = None
            if scope["method"] == "POST":
                most = self.max_body if kind.picture else min(LARGE, self.max_body)
                body = holding.enter_context(contextlib.closing(Body(self.held, address, most)))
                whole = await body.read(receive, headers.get(b"content-length"))
                receive, who = replayed(whole, receive), session_of(whole)
            if kind.question:
                self._check_shares(address, who)
                holding.enter_context(self.held.one_of(self.held.asked, address))
            await self._answered(scope, receive, answer, kind, address, who)

    async def _answered(
        self, scope: Any, receive: Any, answer: Answer, kind: Kind, address: str, who: str | None
    ) -> None:
        """Hand the request on; what its answer costs, now or when its turn in the queue comes, is charged to who asked."""

        def spend(seconds: float) -> None:
            self._spend(address, who, seconds)

        spend(kind.cost)
        token = bill.set(spend)
        try:
            await self.app({**scope, BILL: spend, ADDRESS: address}, receive, answer.send)
        finally:
            bill.reset(token)
            if kind.cost:
                spend(answer.size * BYTE_COST)

    def _spend(self, address: str, who: str | None, seconds: float) -> None:
        if self.shares is not None:
            self.shares.spend(address, who and f"{address} {who}", seconds)

    def _kind(self, scope: Any, headers: dict[bytes, str]) -> Kind:
        """What is asked for; `Refusal` where nobody, or not this one, may ask for it."""
        method, path = scope["method"], route_path(scope)
        self._check_names(headers, looking=method in ("GET", "HEAD"))
        kind, methods = reachable(method, path), methods_of(path)
        if not methods:
            way = f"the page is at /, what programs may ask is listed at {API}/info"
            raise Refusal(404, f"There is nothing at {path[:100]!r}; {way}.")
        if kind is None and method == "OPTIONS":
            return QUESTION  # a page that may ask is told so
        if kind is None:
            raise Refusal(405, f"{path[:100]!r} is asked by {' or '.join(methods)}, not by {method[:20]}.")
        sent = headers.get(b"content-type", "none")
        if method == "POST" and sent.partition(";")[0].strip().lower() != JSON:
            raise Refusal(
                415, f"The content type is {sent[:60]!r}; this server takes {JSON} alone, no files."
            )
        return kind

    def _check_names(self, headers: dict[bytes, str], looking: bool) -> None:
        host, origin = headers.get(b"host", ""), headers.get(b"origin")
        if not self.hosts.answers_to(host):
            way, name = "open it by its own", host_name(host)
            if name is not None:
                flag = self._flag_for(name, f"asked under the host name {host[:100]!r}")
                way += f", or start it with {flag}"
            raise Refusal(403, f"This server does not answer to the host name {host[:100]!r}; {way}.")
        if not looking and origin is not None and not self.hosts.trusts(origin, host):
            way, name = "open the page in a tab of its own", origin_name(origin)
            if name is not None:
                flag = self._flag_for(name, f"asked by a page from {origin[:100]!r}")
                way = f"start it with {flag} to let it"
            raise Refusal(403, f"A page from {origin[:100]!r} may not ask this server; {way}.")

    def _check_streams(self, address: str) -> None:
        mine, of_all = self.held.streams[address], sum(self.held.streams.values())
        if mine >= STREAMS:
            text = f"{mine} event streams of this address are open; close one, or ask again later."
            raise Refusal(429, text, STREAM_WAIT)
        if of_all >= ALL_STREAMS:
            text = f"{of_all} event streams are open, as many as this server holds; ask again later."
            raise Refusal(503, text, STREAM_WAIT)

    def _check_shares(self, address: str, who: str | None) -> None:
        mine, of_all = self.held.asked[address], sum(self.held.asked.values())
        if of_all >= FULL or mine >= FULL_OF_ONE:
            raise Refusal(503 if of_all >= FULL else 429, MANY.format(later=math.ceil(FULL_WAIT)), FULL_WAIT)
        if self.shares is None:
            return
        later = self.shares.wait(address, who and f"{address} {who}", of_all, mine)
        if later > 0:
            raise Refusal(429, MANY.format(later=math.ceil(later)), later)

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


def strangers(public: bool = False, share: bool = False) -> bool:
    """Whether others than the owner can reach this page: by a flag, or because it is a Space."""
    return public or share or bool(os.environ.get("SPACE_HOST"))


def middleware(
    host: str = "127.0.0.1",
    allow: Iterable[str] = (),
    public: bool = False,
    share: bool = False,
    behind_proxy: Iterable[str] = (),
) -> list[tuple[type, dict[str, Any]]]:
    """The guard with its options, for a server bound to `host`; on a Space its own host and its proxy are known from the environment."""
    space = [name for name in map(host_name, os.environ.get("SPACE_HOST", "").split(",")) if name]
    open_to_all = strangers(public, share)
    proxies = [*behind_proxy, *(INSIDE if space else LOOPBACK if share else ())]
    options = {
        "hosts": HostRules(host, [*space, *allow], share),
        "max_body": PUBLIC_MAX_BODY if open_to_all else MAX_BODY,
        "shares": Shares() if open_to_all else None,
        "proxies": [network(one) for one in proxies],
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
