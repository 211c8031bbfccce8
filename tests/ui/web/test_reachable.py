"""Every door that Gradio has is decided about: open because this page uses it, or shut; a new one of an upgrade fails here."""

from __future__ import annotations

import asyncio
import re

import pytest
from gradio.routes import App
from starlette.routing import Mount

from vae.ui.web.reachable import reachable

# What Gradio 6.31 has and nothing of this page uses: files of visitors, other sites' files, logins, its own tools
SHUT = {
    "/gradio_api/user",
    "/gradio_api/login_check",
    "/gradio_api/token",
    "/gradio_api/dev/reload",
    "/gradio_api/runs",
    "/gradio_api/run-history/connect",
    "/gradio_api/run-history/buckets",
    "/gradio_api/run-history/records",
    "/gradio_api/run-history/records/{endpoint}/{record_id}/assets/{asset_id}",
    "/gradio_api/deep_link",
    "/gradio_api/custom_component/{id}/{environment}/{type}/{file_name}",
    "/gradio_api/proxy={url_path:path}",
    "/gradio_api/file={path_or_url:path}",
    "/gradio_api/file/{path:path}",
    "/gradio_api/stream/{event_id}",
    "/gradio_api/stream/{event_id}/close",
    "/gradio_api/stream/{session_hash}/{run}/{component_id}/playlist.m3u8",
    "/gradio_api/stream/{session_hash}/{run}/{component_id}/{segment_id}.{ext}",
    "/gradio_api/stream/{session_hash}/{run}/{component_id}/playlist-file",
    "/gradio_api/reset",
    "/gradio_api/api/{api_name}",
    "/gradio_api/upload_progress",
    "/gradio_api/upload",
    "/gradio_api/theme.css",
    "/gradio_api/process_recording",
    "/gradio_api/vibe-edit",
    "/gradio_api/undo-vibe-edit",
    "/gradio_api/vibe-code",
    "/gradio_api/vibe-starter-queries",
    "/login",
    "/logout",
    "/svelte/{path:path}",
    "/pwa_icon",
    "/pwa_icon/{size}",
    "/monitoring",
    "/monitoring/summary",
    "/monitoring/{key}",
    "/docs",
    "/docs/oauth2-redirect",
    "/redoc",
    "/openapi.json",
}
OPEN = {
    "/",
    "/config",
    "/assets/{path:path}",
    "/static/{path:path}",
    "/theme.css",
    "/favicon.ico",
    "/manifest.json",
    "/robots.txt",
    "/gradio_api/app_id",
    "/gradio_api/info",
    "/gradio_api/openapi.json",
    "/gradio_api/startup-events",
    "/gradio_api/heartbeat/{session_hash}",
    "/gradio_api/queue/status",
    "/gradio_api/queue/data",
    "/gradio_api/queue/join",
    "/gradio_api/call/{api_name}",
    "/gradio_api/call/{api_name}/{event_id}",
    "/gradio_api/call/v2/{api_name}",
    "/gradio_api/call/v2/{api_name}/{event_id}",
    "/gradio_api/run/{api_name}",
    "/gradio_api/cancel",
    "/gradio_api/component_server",
}


def doors(routes) -> set[tuple[str, str]]:
    """(method, path) of all that an app of Gradio's answers to."""
    found = set()
    for route in routes:
        if inside := getattr(route, "original_router", None):  # FastAPI keeps an included router whole
            found |= doors(inside.routes)
        elif isinstance(route, Mount):
            found.add(("GET", route.path + "/{path:path}"))
        else:
            found |= {(method, route.path) for method in route.methods or ()}
    return found


@pytest.fixture(scope="module")
def gradios(demo) -> set[tuple[str, str]]:
    async def build() -> App:  # inside a loop, or Gradio makes one that it never closes
        return App.create_app(demo)

    return doors(asyncio.run(build()).routes)


def example(path: str) -> str:
    """An address of a route."""
    return re.sub(r"\{(\w+)(:path)?\}", lambda m: "a/b" if m[2] else "decode", path)


def test_every_door_of_gradio_is_decided_about(gradios):
    known = {path for path in OPEN | SHUT}
    new = {path for _, path in gradios if (path.rstrip("/") or "/") not in known}
    assert sorted(new) == [], (
        "an upgrade of Gradio brings doors that nobody decided about; open them in reachable.py or add them to SHUT"
    )
    assert OPEN <= {path.rstrip("/") or "/" for _, path in gradios}, "these doors are gone"


def test_what_is_shut_is_reachable_by_no_method(gradios):
    for method, path in gradios:
        if (path.rstrip("/") or "/") in SHUT:
            for tried in {method, "GET", "POST", "HEAD", "PUT"}:
                assert reachable(tried, example(path)) is None, (tried, path)


def test_what_is_open_is_reachable_by_its_own_methods(gradios):
    for method, path in gradios:
        if (path.rstrip("/") or "/") in OPEN:
            assert reachable(method, example(path)) is not None, (method, path)
            assert (reachable("POST", example(path)) is None) == (
                "POST" not in {m for m, p in gradios if p == path}
            )


def test_only_what_takes_pictures_and_many_latents_takes_large_bodies():
    large = {p for p in OPEN if (kind := reachable("POST", example(p))) and kind.picture}
    assert large == {
        p for p in OPEN if p.startswith(("/gradio_api/call/", "/gradio_api/run/")) and "event" not in p
    } | {"/gradio_api/queue/join"}, "decode stands for every {api_name} here"
    for name in ("sample", "metrics", "models"):
        assert not reachable("POST", f"/gradio_api/call/{name}").picture
