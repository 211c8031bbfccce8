"""Everything of Gradio that is replaced or reached into, in one place: an upgrade has one file to look at."""

from __future__ import annotations

import inspect
import logging
import re
from typing import Any
from urllib.parse import urlsplit

import gradio as gr
from fastapi.exceptions import RequestValidationError
from gradio import http_server
from gradio.components.api_component import Api
from gradio.route_utils import FnIndexInferError
from gradio.routes import ORJSONResponse
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vae.checks import short
from vae.errors import in_a_line
from vae.ui.web import assets, sockets
from vae.ui.web.reachable import API
from vae.ui.web.refusals import refused
from vae.ui.web.root_path import prefix_of, root_path, route_path
from vae.ui.web.steady_queue import HASH

log = logging.getLogger("vae.ui")


def event_fields(event: gr.EventData) -> dict[str, Any]:
    """What the browser sent with a part's own event."""
    return event._data or {}


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
