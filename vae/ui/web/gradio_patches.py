"""Everything of Gradio that is replaced or reached into, in one place: an upgrade has one file to look at."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import re
import sys
import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import gradio as gr
from fastapi.exceptions import RequestValidationError
from gradio import http_server, queueing, routes
from gradio.components.api_component import Api
from gradio.queueing import Queue
from gradio.route_utils import FnIndexInferError
from gradio.routes import ORJSONResponse
from gradio.utils import run_coro_in_background
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from vae.checks import short
from vae.errors import in_a_line, readable
from vae.ui.web import assets, sockets
from vae.ui.web.costs import BILL, bill
from vae.ui.web.reachable import API
from vae.ui.web.root_path import prefix_of, root_path, route_path

UNHEARD = 256  # sessions whose answers wait to be fetched; Gradio would keep 2,000, each up to megabytes
AGAIN_AFTER = 0.5  # seconds after which a loop of the queue that ended begins again
HASH = re.compile(r"[A-Za-z0-9_-]{1,64}")
log = logging.getLogger("vae.ui")


def event_fields(event: gr.EventData) -> dict[str, Any]:
    """What the browser sent with a part's own event."""
    return event._data or {}


class Unheard(dict):
    """{session: its messages}, of few sessions: those go first whose messages were all fetched, and none whose event still waits or runs."""

    def __init__(self, queue: Queue):
        super().__init__()
        self.queue = queue

    def __setitem__(self, session: str, messages: Any) -> None:
        if session not in self and len(self) >= UNHEARD:
            self._forget_one()
        super().__setitem__(session, messages)

    def __delitem__(self, session: str) -> None:
        self.pop(session, None)  # a stream may end when its session is forgotten already

    def _forget_one(self) -> None:
        waiting = {event.session_hash for event in self.queue.event_ids_to_events.values()}
        idle = [session for session in self if session not in waiting]
        heard = (session for session in idle if self[session].empty())
        if idle:
            gone = next(heard, idle[0])
            del self[gone]
            self.queue.pending_event_ids_session.pop(gone, None)


class Sets(dict):
    """{session: ids of its events}; of an unknown one none."""

    def __missing__(self, session: str) -> set[str]:
        return set()


class SteadyQueue(Queue):
    """Gradio's queue, which no event can end: a message that nobody can get is dropped, and a loop that ended all the same begins again."""

    def steady(self) -> None:
        """What else a queue needs that Gradio has made."""
        self.pending_messages_per_session = Unheard(self)  # type: ignore[assignment]
        self.pending_event_ids_session = Sets()
        self.closing = False

    def start(self) -> None:
        """As Gradio does, with an eye on every loop."""
        self.active_jobs = [None] * self.max_thread_count
        self._keep(self.start_processing)
        self._keep(self.start_progress_updates)
        if not self.live_updates:
            self._keep(self.notify_clients)

    @property  # what Gradio's loops set when one of them ends does not end the others
    def stopped(self) -> bool:
        return self.closing

    @stopped.setter
    def stopped(self, _: bool) -> None:
        pass

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

    async def push(self, body: Any, request: Any, username: str | None) -> Any:
        if body.session_hash is not None and not HASH.fullmatch(body.session_hash):
            text = f"session_hash is {short(body.session_hash)}; it must be 1 to 64 letters, digits, '_' and '-', or left out of /call."
            return False, text, "error"
        if body.fn_index not in self.blocks.fns:
            last = max(self.blocks.fns, default=0)
            text = f"fn_index is {short(body.fn_index)}; it must be a whole number from 0 to {last}, or ask /call/NAME."
            return False, text, "error"
        return await super().push(body, request, username)

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


def server_functions(demo: Any) -> list[Route]:
    """The address at which the page's parts ask their server functions. Gradio's own takes files into memory, keeps a state for whatever a
    caller names as its session, and ends in a bare 500 where a name is wrong."""

    async def ask(request: Request) -> Response:
        try:
            asked = await request.json()
        except (ValueError, RecursionError) as error:
            return refused(400, f"This question is not JSON ({in_a_line(error)[:100]}).")
        asked = asked if isinstance(asked, dict) else {}
        session, number, name = (asked.get(key) for key in ("session_hash", "component_id", "fn_name"))
        if not isinstance(session, str) or not HASH.fullmatch(session):
            return refused(
                400, f"session_hash is {short(session)}; it must be 1 to 64 letters, digits, '_' and '-'."
            )
        block = demo.blocks.get(number) if type(number) is int else None
        function: Any = getattr(block, name, None) if isinstance(name, str) and name.isidentifier() else None
        if not getattr(function, "_is_server_fn", False) or "data" not in asked:
            text = f"component_id is {short(number)} and fn_name {short(name)}; no part of this page has such a function with data."
            return refused(404, text)
        answer = await function(asked["data"], request)
        return answer if isinstance(answer, Response) else ORJSONResponse(answer)

    return [Route(f"{API}/component_server{slash}", ask, methods=["POST"]) for slash in ("", "/")]


def refused(status: int, text: str) -> Response:
    """A refusal as the guard writes one."""
    return JSONResponse({"error": readable(text)}, status)


def handlers() -> dict[Any, Any]:
    """What Gradio's own addresses end in where a body is not what they want: a sentence, in place of a bare 500 and pages of log."""

    async def unfit(request: Request, error: Any) -> Response:
        first = (error.errors() or [{}])[0]
        place = ".".join(map(str, first.get("loc", ())[1:])) or "the body"
        return refused(
            422,
            f"{place[:60]}: {first.get('msg', 'not understood')}; {API}/info says what each question takes.",
        )

    async def unknown(request: Request, error: Exception) -> Response:
        return refused(
            404,
            f"There is no function {request.path_params.get('api_name', '')[:60]!r}; {API}/info lists them.",
        )

    async def odd(request: Request, error: Exception) -> Response:
        log.warning("%s was asked in a way it cannot read (%s)", request.url.path[:100], type(error).__name__)
        return refused(
            400, f"This question could not be read ({type(error).__name__}); {API}/info says what each takes."
        )

    known = {RequestValidationError: unfit, FnIndexInferError: unknown}
    return known | dict.fromkeys((KeyError, TypeError, AttributeError, ValueError, RecursionError), odd)


def listen_steadily(many_from_one: bool) -> None:
    """Before `launch`: its server listens as `sockets` says; `many_from_one` where a proxy stands between it and its visitors."""

    def start_server(app: Any, server_name: str, server_port: int, **_: Any) -> tuple[str, int, str, Any]:
        shown = "localhost" if server_name == "0.0.0.0" else server_name
        config = sockets.settings(app, server_name.strip("[]"), server_port, many_from_one)
        server = http_server.Server(config)
        server.run_in_thread()
        return server_name, server_port, f"http://{shown}:{server_port}/", server

    http_server.start_server = start_server  # type: ignore[assignment]


def pass_through(demo: gr.Blocks) -> None:
    """Hand the endpoints' fields and answers on as they are.

    Gradio would look into every number for files to fetch from addresses that the caller names, hold up its loop meanwhile,
    keep each session's last question and answer in memory, and refuse a list that ends before the last parameter.
    """
    inputs_of, outputs_of = demo.preprocess_data, demo.postprocess_data

    async def preprocess_data(
        block_fn: Any, inputs: list[Any], state: Any, explicit_call: bool = False
    ) -> list[Any]:
        if not _is_endpoint(block_fn):
            return await inputs_of(block_fn, inputs, state, explicit_call)
        if len(inputs) > len(block_fn.inputs):
            names = ", ".join(inspect.signature(block_fn.fn).parameters) or "none"
            raise gr.Error(
                f"/{block_fn.api_name} was sent {len(inputs)} fields; it takes {len(block_fn.inputs)}: {names}.",
                print_exception=False,
            )
        return [*inputs, *(block.value for block in block_fn.inputs[len(inputs) :])]

    async def postprocess_data(block_fn: Any, predictions: Any, state: Any) -> list[Any]:
        return [predictions] if _is_endpoint(block_fn) else await outputs_of(block_fn, predictions, state)

    demo.preprocess_data, demo.postprocess_data = preprocess_data, postprocess_data  # type: ignore[method-assign]


def _is_endpoint(block_fn: Any) -> bool:
    return bool(block_fn.outputs) and isinstance(block_fn.outputs[0], Api)


class EarlyHead:
    """Middleware that puts `head()` into the page itself: Gradio adds its own `head=` only after its scripts have run,
    which costs a second and leaves crawlers with Gradio's title and picture."""

    def __init__(self, app: Any):
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or route_path(scope) != "/" or scope["method"] not in ("GET", "HEAD"):
            return await self.app(scope, receive, send)
        origin = _shown_at(scope)
        start: Any = None
        body = b""

        async def gather(message: Any) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
                return
            body += message.get("body", b"")
            if message.get("more_body"):
                return
            whole = with_head(body, origin)
            kept = [(k, v) for k, v in start["headers"] if k.lower() != b"content-length"]
            length = (
                len(whole)
                if scope["method"] == "GET"
                else int(dict(start["headers"]).get(b"content-length", b"0")) - len(body) + len(whole)
            )
            await send({**start, "headers": [*kept, (b"content-length", str(length).encode())]})
            await send({"type": "http.response.body", "body": whole})

        await self.app(scope, receive, gather)


def _shown_at(scope: Any) -> str:
    """The page's own address as its visitor has it, as far as a proxy tells; with a slash at its end."""
    whole = root_path()
    if "://" in whole:
        return whole + "/"
    headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
    scheme = headers.get("x-forwarded-proto", scope.get("scheme", "http")).split(",")[0].strip()
    host = headers.get("x-forwarded-host", headers.get("host", "")).split(",")[0].strip()
    return f"{scheme}://{host}{prefix_of(scope)}/" if host else ""


def with_head(page: bytes, origin: str) -> bytes:
    """The page with our head in it, without Gradio's own title and picture for link previews, and asking nothing of another host."""
    start, found, rest = page.partition(b"</head>")
    if not found:
        return page
    start = re.sub(rb'<meta\s+(?:property="og:|name="twitter:)[^>]*?/>', b"", start)
    home = (urlsplit(origin).path.rstrip("/") or "/").encode()
    start = re.sub(rb'const root = "[^"]*";', lambda _: b'const root = "' + home + b'";', start)
    at = start.find(b"<style>")
    at = len(start) if at < 0 else at
    return start[:at] + assets.head(origin).encode() + start[at:] + assets.tail().encode() + found + rest
