"""Everything of Gradio that is replaced or reached into, in one place: an upgrade has one file to look at."""

from __future__ import annotations

import inspect
import re
from typing import Any
from urllib.parse import urlsplit

import gradio as gr
from gradio.components.api_component import Api
from gradio.utils import LRUCache

from vae.ui.web import assets
from vae.ui.web.root_path import prefix_of, root_path, route_path

UNHEARD = 256  # sessions whose answers wait to be fetched; Gradio would keep 2,000, each up to megabytes


def event_fields(event: gr.EventData) -> dict[str, Any]:
    """What the browser sent with a part's own event."""
    return event._data or {}


def bound_queue(demo: Any) -> None:
    """After `demo.queue(...)`: answers that nobody fetches are kept for few sessions."""
    demo._queue.pending_messages_per_session = LRUCache(UNHEARD)


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
