"""What tests of the endpoints and doors share: an explorer, a served page and the doors of the page as functions."""

from __future__ import annotations

import asyncio
from pathlib import Path

import gradio as gr
import pytest
from gradio_client import Client
from support import Server

from vae import Explorer
from vae.ui.api import Endpoints
from vae.ui.doors import Doors


@pytest.fixture(scope="session")
def explorer(trained: Path) -> Explorer:
    return Explorer(trained)


@pytest.fixture(scope="session")
def endpoints(explorer: Explorer) -> Endpoints:
    return Endpoints(explorer)


@pytest.fixture(scope="session")
def demo(explorer: Explorer) -> gr.Blocks:
    """The wired page, not served."""
    from vae.ui.api import add_endpoints
    from vae.ui.page import build_page

    async def build() -> gr.Blocks:  # inside a loop, or Gradio makes loops that it never closes
        page, _ = build_page(explorer)
        add_endpoints(page, explorer)
        return page

    return asyncio.run(build())


@pytest.fixture(scope="session")
def served(serve_long, trained: Path) -> Server:
    return serve_long(trained)


@pytest.fixture(scope="session")
def client(served):
    client = Client(served.address, verbose=False, httpx_kwargs={"timeout": 120})
    yield client
    client.close()


@pytest.fixture(scope="session")
def doors(explorer: Explorer) -> dict:
    """Every door of the page by its name, ready to be asked."""
    return {door.__name__: door for door in Doors(explorer).functions()}
