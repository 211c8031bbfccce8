"""The page's static files as a browser gets them, and the head that starts them."""

from __future__ import annotations

import mimetypes
import re
from html.parser import HTMLParser

import brotli
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from support import ROOT

from vae.ui.web import assets, gradio_patches

SERVED = [p.relative_to(assets.STATIC).as_posix() for p in assets.STATIC.rglob("*") if p.is_file()]
MODULES = sorted((assets.STATIC / "js").rglob("*.js"))


@pytest.fixture(scope="module")
def client():
    with TestClient(Starlette(routes=assets.routes())) as client:
        yield client


@pytest.mark.parametrize("name", [*SERVED, None], ids=lambda name: name or "plotly")
def test_every_file_arrives_as_it_lies_on_disk_and_small_where_that_is_understood(client, name):
    address, path = (
        (assets.url(name), assets.STATIC / name)
        if name
        else (assets.plotly_prefix() + "/plotly.min.js", assets.plotly_folder() / "plotly.min.js")
    )
    with client.stream("GET", "/" + address, headers={"accept-encoding": "gzip, br"}) as small:
        sent = b"".join(small.iter_raw())
    plain = client.get("/" + address, headers={"accept-encoding": "identity"})
    assert plain.content == path.read_bytes() and "content-encoding" not in plain.headers
    assert (
        brotli.decompress(sent) if small.headers.get("content-encoding") == "br" else sent
    ) == plain.content
    assert len(sent) <= len(plain.content) and (
        len(sent) < len(plain.content) / 2 or len(sent) < 3000 or not name or not name.endswith(".js")
    )
    for reply in (small, plain):
        assert "immutable" in reply.headers["cache-control"] and reply.headers["vary"] == "Accept-Encoding"
    kinds = {
        "js": "javascript",
        "css": "text/css",
        "svg": "image/svg+xml",
        "json": "application/json",
        "png": "image/png",
    }
    assert kinds[path.suffix[1:]] in plain.headers["content-type"]


def test_a_computer_that_takes_scripts_for_text_sends_them_as_scripts(client, monkeypatch):
    """As the registry of some Windows has it; browsers refuse such a module."""
    monkeypatch.setitem(mimetypes.types_map, ".js", "text/plain")
    assert mimetypes.guess_type("a.js")[0] == "text/plain"
    answer = client.get("/" + assets.plotly_prefix() + "/plotly.min.js")
    assert "javascript" in answer.headers["content-type"]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "js",
        "js/none.js",
        "../assets.py",
        "js/../../page.py",
        "%2e%2e/page.py",
        "/etc/passwd",
        "js/state/store.js/",
    ],
)
def test_nothing_but_the_files_themselves_can_be_asked_for(client, name):
    assert client.get(f"/{assets.prefix()}/{name}").status_code == 404
    assert client.get(f"/{assets.plotly_prefix()}/{name}").status_code == 404


class Head(HTMLParser):
    """The addresses that a page's head asks for, in their order, and its titles."""

    def __init__(self, text: str):
        super().__init__()
        self.asked, self.named = [], {}
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        a = dict(attributes)
        self.asked += [a["src"]] if a.get("src") else [a["href"]] if tag == "link" else []
        if tag == "meta":
            self.named.setdefault(a.get("property") or a.get("name"), []).append(a["content"])


def test_the_head_starts_plotly_first_gradio_next_and_our_modules_last(client):
    page = b"""<html><head><meta property="og:title" content="Gradio" /><title>x</title><style>a{}</style>
    <script type="module" src="./assets/index-1.js"></script></head><body></body></html>"""
    head = Head(gradio_patches.with_head(page, "https://here/").decode())
    modules = [a for a in head.asked if a.startswith(assets.prefix() + "/js/")]
    order = [
        head.asked.index(a)
        for a in (assets.plotly_prefix() + "/plotly.min.js", "./assets/index-1.js", modules[0])
    ]
    assert order == sorted(order)
    assert set(modules) == {
        assets.url(p.relative_to(assets.STATIC).as_posix()) for p in MODULES if p.name not in assets.INLINE
    }
    assert all(client.get("/" + a).status_code == 200 for a in head.asked if a.startswith("lx/"))
    assert head.named["og:title"] == [assets.TITLE] and head.named["og:image"][0].startswith(
        "https://here/lx/"
    )


def test_a_page_without_a_head_is_left_as_it_is():
    assert gradio_patches.with_head(b"<p>no head</p>", "") == b"<p>no head</p>"


def test_every_module_imports_only_modules_that_are_served():
    for path in MODULES:
        wanted = re.findall(r'(?:from|import)\s*\(?"(\.[\w./]+)"', path.read_text())
        assert {(path.parent / name).resolve() for name in wanted} <= set(MODULES), path.relative_to(ROOT)
