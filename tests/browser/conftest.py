"""A served page and a real Chromium: what a hand does, and what an eye waits for."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from arithmetic import open_bench
from forwarder import forward  # noqa: F401
from hands import chromium_path
from support import missing

WHOLE = ".nearest[data-ready]"
DESK = {"viewport": {"width": 1280, "height": 800}}
WAIT = 60_000  # milliseconds; a busy machine is slow, a broken page never gets there


def pytest_collection_modifyitems(items):
    """All but the journey are left to `-m browser`. One that timed out is tried once more, and the summary says so."""
    for item in items:
        if Path(item.path).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.flaky(reruns=1, only_rerun=["TimeoutError"]))
            if item.path.stem != "test_journey":
                item.add_marker("browser")


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


@pytest.fixture(scope="module")
def bench(chromium, app):
    """The page's own arithmetic as `lx`, without a page to look at."""
    page = open_bench(chromium, app.url)
    yield page
    page.close()


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
