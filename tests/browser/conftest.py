"""A served page and a real Chromium: what a hand does, and what an eye waits for."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hands import MODELS, ROOT, chromium_path, missing

WHOLE = ".nearest[data-ready]"
DESK = {"viewport": {"width": 1280, "height": 800}}
WAIT = 60_000  # milliseconds; a busy machine is slow, a broken page never gets there


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(item.path).parent == Path(__file__).parent:
            item.add_marker("browser")


def ended_within(process: subprocess.Popen, seconds: float) -> bool:
    """Whether a process ends in this time; a loop that asked at once again would take the processor that the server needs to start."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


class Server:
    """`python app.py` on a free port, as a person starts it."""

    def __init__(
        self,
        models: Path,
        data: Path,
        log: Path,
        flags: tuple[str, ...] = (),
        port: int | None = None,
        environment: dict[str, str] | None = None,
    ):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = port or probe.getsockname()[1]
        self.url, self.log = f"http://127.0.0.1:{self.port}/", log
        words = [
            sys.executable,
            "app.py",
            "--no-browser",
            "--port",
            str(self.port),
            "--models",
            str(models),
            "--data",
            str(data),
            *flags,
        ]
        with log.open("w") as out:
            self.process = subprocess.Popen(
                words,
                cwd=ROOT,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
            )

    def wait(self) -> "Server":
        end = time.monotonic() + 240
        while time.monotonic() < end:
            try:
                urllib.request.urlopen(self.url, timeout=5).close()
                return self
            except OSError:
                if ended_within(self.process, 0.1):
                    break
        raise AssertionError("the server did not answer:\n" + self.log.read_text()[-3000:])

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)


@contextmanager
def servers(folder: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers over any folders of models and data, and ends them."""
    running: list[Server] = []

    def start(models: Path = MODELS, data: Path = ROOT / "data", *flags: str, **more) -> Server:
        server = Server(models, data, folder / f"log{len(running)}.txt", flags, **more)
        running.append(server)
        return server.wait()

    yield start
    for server in running:
        server.stop()


@pytest.fixture(scope="session")
def serve_long(tmp_path_factory) -> Iterator[Callable[..., Server]]:
    """Servers that many tests share."""
    with servers(tmp_path_factory.mktemp("servers")) as start:
        yield start


@pytest.fixture
def serve(tmp_path_factory) -> Iterator[Callable[..., Server]]:
    """Servers of one test alone: left running they would go on to load their models beside the tests that follow."""
    with servers(tmp_path_factory.mktemp("servers")) as start:
        yield start


@pytest.fixture(scope="session")
def app(serve_long) -> Server:
    """The page over the shipped models."""
    for name in ("mnist-default-z2", "mnist-default-z20"):
        if not (MODELS / name / "config.json").exists():
            missing(f"{MODELS / name} is not there")
    return serve_long()


@pytest.fixture(scope="session")
def chromium():
    from playwright.sync_api import sync_playwright

    path = chromium_path()
    if not path:
        missing("there is no Chromium; apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def desk(chromium):
    """One browser profile for all pages at a desk: what never changes (the plotting library, the modules) is fetched and compiled once."""
    context = chromium.new_context(**DESK)
    yield context
    context.close()


@pytest.fixture
def visit(chromium, desk, serve) -> Iterator[Callable]:  # a test's own servers outlive its pages
    """Opens pages that fail their test on any error in the console or on the page."""
    opened, errors, visited = [], [], set()

    def open_page(url: str, ready: str | None = WHOLE, forgiving: bool = False, **options):
        if options:
            opened.append(chromium.new_context(**DESK | options))
            page = opened[-1].new_page()
        else:
            page = desk.new_page()
            opened.append(page)
            origin = url.partition("?")[0].rstrip("/")
            if origin not in visited:  # nothing that an earlier test's visitor left behind
                visited.add(origin)
                desk.new_cdp_session(page).send(
                    "Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "local_storage"}
                )
        page.set_default_timeout(WAIT)
        if not forgiving:
            page.on(
                "console", lambda message: errors.append(message.text) if message.type == "error" else None
            )
            page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url, wait_until="commit")
        if ready:
            page.wait_for_selector(ready, state="attached")
        if ready == WHOLE:  # the network's own answers come after the map and what the browser decodes
            page.wait_for_selector(".selected-image[data-model]", state="attached")
            page.wait_for_selector(".sizes__one canvas", state="attached")
        return page

    yield open_page
    for one in opened:
        one.close()
    assert errors == []


@pytest.fixture
def page(visit, app):
    """The page as it opens on a desk, its map drawn and its questions answered."""
    return visit(app.url)
