"""A reverse proxy on this computer, which may refuse what passes through it."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

HOP = {"connection", "transfer-encoding", "keep-alive", "date", "server"}
Refused = tuple[int, dict[str, str]]  # status and headers


class Forwarder(ThreadingHTTPServer):
    """A reverse proxy on this computer: the server sees its own name as Host, and `origin` as Origin of every POST where one is set."""

    daemon_threads = True

    def __init__(self, target: str, origin: str | None = None, tells: bool = True):
        super().__init__(("127.0.0.1", 0), Forwarded)
        self.target, self.origin = urlsplit(target).netloc, origin
        self.tells = tells  # the server which host the visitor asked
        self.answer: Refused | None = None  # in the server's stead, to every POST
        self.refuse: Callable[[str, bytes], Refused | None] = lambda path, body: (
            None
        )  # the same by what is asked
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
        if (refused := self.server.refuse(self.path, b"")) is not None:
            return self.tell(*refused)
        self.forward(None)

    def do_POST(self) -> None:
        self.server.posts.append(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        refused = self.server.answer or self.server.refuse(self.path, body)
        return self.forward(body) if refused is None else self.tell(*refused)

    def tell(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
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
