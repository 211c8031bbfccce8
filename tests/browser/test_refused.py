"""What the page says when the server refuses it: behind a forwarder that names another origin, asked in haste, or with too much at once."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
from hands import model_drawn

STRANGE = "https://demo.example.org"
HOP = {"connection", "transfer-encoding", "keep-alive", "date", "server"}


class Forwarder(ThreadingHTTPServer):
    """A reverse proxy on this computer: the server sees its own name as Host, and `origin` as Origin of every POST where one is set."""

    daemon_threads = True

    def __init__(self, target: str, origin: str | None = None, tells: bool = True):
        super().__init__(("127.0.0.1", 0), Forwarded)
        self.target, self.origin = urlsplit(target).netloc, origin
        self.tells = tells  # the server which host the visitor asked
        self.answer: tuple[int, dict[str, str]] | None = None  # in the server's stead, to every POST
        self.posts: list[str] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://localhost:{self.server_port}/"

    def handle_error(self, request, client_address) -> None:
        """A browser that closes a page ends its connections."""


class Forwarded(BaseHTTPRequestHandler):
    def log_message(self, *_) -> None:
        pass

    def do_GET(self) -> None:
        self.forward(None)

    def do_POST(self) -> None:
        self.server.posts.append(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.server.answer is None:
            return self.forward(body)
        status, headers = self.server.answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def forward(self, body: bytes | None) -> None:
        headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP}
        headers["Host"] = self.server.target
        if self.server.tells:
            headers["X-Forwarded-Host"] = self.headers["Host"]
        if body is not None and self.server.origin:
            headers["Origin"] = self.server.origin
        with closing(http.client.HTTPConnection(self.server.target, timeout=60)) as upstream:
            upstream.request(self.command, self.path, body, headers)
            with upstream.getresponse() as reply:
                self.send_response(reply.status)
                for name, value in reply.getheaders():
                    if name.lower() not in HOP:
                        self.send_header(name, value)
                self.end_headers()
                while piece := reply.read1(65536):
                    self.wfile.write(piece)
                    self.wfile.flush()


@pytest.fixture
def forward() -> Iterator[Callable[..., Forwarder]]:
    running: list[Forwarder] = []

    def start(*given) -> Forwarder:
        running.append(Forwarder(*given))
        return running[-1]

    yield start
    for one in running:
        one.shutdown()
        one.server_close()


def test_behind_a_forwarder_that_rewrites_the_host_and_tells_nobody_every_request_goes_to_the_forwarder(
    app, visit, forward
):
    forwarder = forward(app.url, None, False)
    page = visit(forwarder.url)
    model_drawn(page, "mnist-default-z2")
    asked = page.evaluate("performance.getEntriesByType('resource').map((one) => one.name)")
    assert any("component_server" in path for path in forwarder.posts)
    assert len(asked) > 10 and {url for url in asked if not url.startswith(forwarder.url)} == set()


def alarm(page):
    return page.locator(".head__alarm:not([hidden])")


def test_a_strange_origin_is_named_with_the_flag_that_lets_it_in_and_the_page_starts_once_it_may(
    app, visit, forward
):
    forwarder = forward(app.url, STRANGE)
    page = visit(forwarder.url, ready=".head__alarm:not([hidden])", forgiving=True)
    alarm(page).get_by_text("--allow-host demo.example.org").wait_for()
    assert STRANGE in alarm(page).text_content() and "does not answer" not in page.inner_text("body")
    forwarder.origin = None
    model_drawn(page, "mnist-default-z2")
    page.locator(".head__alarm").wait_for(state="hidden")


def test_a_page_that_is_refused_asks_ever_more_seldom(app, visit, forward):
    forwarder = forward(app.url, STRANGE)
    page = visit(forwarder.url, ready=".head__alarm:not([hidden])", forgiving=True)
    page.clock.install()
    alarm(page).get_by_text("--allow-host").wait_for()
    page.wait_for_function("document.readyState === 'complete'")
    before = len(forwarder.posts)
    page.clock.run_for(120_000)
    assert len(forwarder.posts) - before <= 16


def test_a_server_that_refuses_while_the_page_is_open_is_quoted_and_the_map_goes_on(app, visit, forward):
    forwarder = forward(app.url)
    page = visit(f"{forwarder.url}?ground=none", forgiving=True)
    forwarder.origin = STRANGE
    page.locator("[data-size='20']").click()  # a model that only the server can hand over
    alarm(page).get_by_text("--allow-host demo.example.org").wait_for()
    assert page.locator(".latent-map[data-ready]").count() == 1
    forwarder.origin = None
    model_drawn(page, "mnist-default-z20")
    page.locator(".head__alarm").wait_for(state="hidden")


def waiting(page):
    """The calm line at the page's foot."""
    return page.locator("#lx-waiting")


def test_a_refusal_without_a_sentence_is_told_by_its_status(app, visit, forward):
    forwarder = forward(app.url)
    forwarder.answer = (403, {})
    page = visit(forwarder.url, ready=".head__alarm:not([hidden])", forgiving=True)
    alarm(page).get_by_text("refuses this request (403)").wait_for()
    forwarder.answer = None
    model_drawn(page, "mnist-default-z2")


@pytest.mark.parametrize("headers", [{"Retry-After": "1"}, {}])
@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_waited_for_calmly_and_every_question_has_its_answer(
    app, visit, forward, status, headers
):
    forwarder = forward(app.url)
    forwarder.answer = (status, headers)
    page = visit(forwarder.url, ready=None, forgiving=True)
    waiting(page).get_by_text("Many people ask at once").wait_for()
    assert page.locator(".head__alarm").is_hidden()
    forwarder.answer = None
    model_drawn(page, "mnist-default-z2")
    page.wait_for_selector(".sizes__one canvas")
    waiting(page).wait_for(state="hidden")


def test_a_question_that_is_too_large_is_told_so_and_others_are_asked_on(app, visit):
    page = visit(app.url, forgiving=True)
    said = page.evaluate(
        """async () => {
          const folder = document.querySelector("link[rel=modulepreload][href$='space/net.js']").href.replace("space/net.js", "");
          const { ask } = await import(`${folder}explorer/server.js`);
          const fault = await ask("decode", { model: "mnist-default-z2", z: "9".repeat(33 * 2 ** 20) }).catch((fault) => fault);
          return [fault.message, (await ask("revision", {})).revision !== undefined];
        }"""
    )
    assert "larger than 32 MB" in said[0] and said[1:] == [True]
    assert page.locator(".head__alarm").is_hidden()
