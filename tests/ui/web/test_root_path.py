"""The page below a prefix: a reverse proxy that strips it and one that keeps it find the same page, files and answers."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from vae.ui.web.gradio_patches import EarlyHead
from vae.ui.web.guard import Guard
from vae.ui.web.hosts import HostRules
from vae.ui.web.root_path import RootPath, prefix_of, root_path, route_path

PREFIXES = ["/explorer", "/explorer/", "/deep/er", "https://example.org/explorer"]


def small_app(folder: Path):
    async def page(request):
        return PlainTextResponse("<html><head></head></html>")

    routes = [
        Route("/", page),
        Route("/gradio_api/upload", page),
        Mount("/static", StaticFiles(directory=folder)),
    ]
    return RootPath(Guard(EarlyHead(Starlette(routes=routes)), hosts=HostRules()))


def ask(app, root: str, path: str, **headers: str) -> httpx.Response:
    async def one() -> httpx.Response:
        transport = httpx.ASGITransport(app, root_path=root)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(one())


@pytest.mark.parametrize("root", ["", *PREFIXES])
@pytest.mark.parametrize("kept", [True, False])
def test_routes_mounts_and_middleware_find_their_part_of_the_path(tmp_path, root, kept):
    (tmp_path / "a.txt").write_text("a")
    prefix = {"": "", "/deep/er": "/deep/er"}.get(root, "/explorer") if kept else ""
    app = small_app(tmp_path)
    page = ask(app, root, prefix + "/")
    assert page.status_code == 200 and "lx-tokens" in page.text
    assert ask(app, root, prefix + "/static/a.txt").text == "a"
    assert "There is nothing" in ask(app, root, prefix + "/gradio_api/upload").text
    assert ask(app, root, prefix + "/static/none").status_code == 404


@pytest.mark.parametrize("root", PREFIXES)
def test_the_prefix_without_its_slash_leads_to_the_page_whatever_host_the_proxy_names(tmp_path, root):
    where = root.removeprefix("https://example.org").rstrip("/")
    answer = ask(small_app(tmp_path), root, where + "?model=a")
    assert answer.status_code == 307 and answer.headers["location"] == where + "/?model=a"


def test_a_path_that_only_begins_like_the_prefix_is_another(tmp_path):
    scope = {"path": "/explorers/a", "root_path": "/explorer"}
    assert route_path(scope) == "/explorers/a" and prefix_of(scope) == "/explorer"
    assert ask(small_app(tmp_path), "/explorer", "/explorers").status_code == 404


def test_the_preview_picture_has_the_address_that_the_visitor_sees(tmp_path, monkeypatch):
    def picture(root: str, **headers: str) -> str:
        monkeypatch.setenv("GRADIO_ROOT_PATH", root)
        return re.search(r'og:image" content="(.*?)lx/', ask(small_app(tmp_path), root, "/", **headers).text)[
            1
        ]

    assert picture("") == "http://localhost/"
    assert picture("/explorer") == "http://localhost/explorer/"
    assert picture("https://example.org/explorer") == "https://example.org/explorer/"
    proxied = {"x-forwarded-host": "example.org", "x-forwarded-proto": "https"}
    assert picture("/explorer", **proxied) == "https://example.org/explorer/"


@pytest.mark.parametrize(
    ("text", "path"), [("", ""), ("/", ""), ("explorer", "/explorer"), (" /explorer/ ", "/explorer")]
)
def test_a_prefix_is_read_with_and_without_its_slashes(monkeypatch, text, path):
    monkeypatch.setenv("GRADIO_ROOT_PATH", text)
    assert root_path() == path


# ---- the whole program -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def behind(serve_long, trained) -> str:
    """The address of a server that is told to be shown at /explorer."""
    return serve_long(trained, environment={"GRADIO_ROOT_PATH": "/explorer"}).address


@pytest.mark.parametrize("prefix", ["/explorer", ""], ids=["kept", "stripped"])
def test_page_files_and_answers_are_found_behind_a_proxy(behind, trained, prefix):
    with httpx.Client(base_url=behind + prefix, trust_env=False, timeout=60) as client:
        page = client.get("/").text
        assert f'"root":"{behind}/explorer"' in page.replace(" ", "")
        files = re.findall(r'(?:href|src)="((?:lx|\./assets)/[^"]+)"', page)
        assert any(file.startswith("lx/plotly") for file in files) and any(
            "map.css" in file for file in files
        )
        for file in files:
            assert client.get("/" + file).status_code == 200, file
        weights = client.get("/lx/models/digits-tutorial-z2/model.safetensors")
        assert weights.content == (trained / "digits-tutorial-z2" / "model.safetensors").read_bytes()
        assert len(client.get("/lx/images/digits").content) == 360 * 64
        assert client.get("/gradio_api/info").status_code == 200
        asked = client.post("/gradio_api/run/metrics", json={"data": ["digits-tutorial-z2"]})
        assert asked.json()["data"][0]["elbo"]["value"] < 0
        component = re.search(r'"id":(\d+),"type":"html"', page.replace(" ", ""))
        assert component is not None
        question = {
            "data": {"model": "digits-tutorial-z2"},
            "component_id": int(component[1]),
            "fn_name": "card",
            "session_hash": "s",
        }
        answer = client.post("/gradio_api/component_server", json=question)
        assert answer.status_code == 200 and answer.json()["card"]["recipe"] == "tutorial"
        assert client.post("/gradio_api/upload").status_code == 404
