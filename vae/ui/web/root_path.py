"""A page that a reverse proxy shows below a prefix (`GRADIO_ROOT_PATH`), which it strips or keeps."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit


def root_path() -> str:
    """Where the page is shown: a path such as /explorer, a whole address, or nothing."""
    path = os.environ.get("GRADIO_ROOT_PATH", "").strip().rstrip("/")
    return path if not path or path.startswith(("/", "http://", "https://")) else "/" + path


def prefix_of(scope: Any) -> str:
    """The prefix of a request, without a slash at its end; of a whole address its path."""
    root = scope.get("root_path") or ""
    return (urlsplit(root).path if "://" in root else root).rstrip("/")


def route_path(scope: Any) -> str:
    """A request's path without the prefix; empty for the prefix itself, without a slash."""
    path, prefix = scope["path"], prefix_of(scope)
    return path[len(prefix) :] if path == prefix or path.startswith(prefix + "/") else path


class RootPath:
    """Middleware: the path holds the prefix, as ASGI has it, whether the proxy keeps it or not, so that every route and mount finds its own part."""

    def __init__(self, app: Any):
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        prefix = prefix_of(scope)
        if scope["type"] not in ("http", "websocket") or not prefix:
            return await self.app(scope, receive, send)
        inner = route_path(scope)
        if not inner and scope["type"] == "http":
            return await _redirect(scope, send, prefix + "/")
        await self.app({**scope, "root_path": prefix, "path": prefix + inner}, receive, send)


async def _redirect(scope: Any, send: Any, address: str) -> None:
    """To the prefix with its slash, below which all of the page's addresses lie; without a host, which only the proxy knows."""
    query = scope.get("query_string", b"")
    location = address.encode() + (b"?" + query if query else b"")
    headers = [(b"location", location), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 307, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
