"""What a connection may hold: counted by address, closed where a head does not come or an answer is not taken."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn

from vae.ui.web import sockets
from vae.ui.web.sockets import Connections, raise_file_limit, settings

HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


async def hello(scope, receive, send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


async def large(scope, receive, send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(1000):
        await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})


@contextlib.asynccontextmanager
async def served(app, files: int = 1024) -> AsyncIterator[tuple[int, Connections]]:
    """The app behind our own protocol, on this loop."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    config = settings(app, "127.0.0.1", 0)
    config.lifespan = "off"
    config.http.held = Connections(files)
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None
    task = asyncio.create_task(server.serve([listening]))
    while not server.started:
        await asyncio.sleep(0)
    try:
        yield listening.getsockname()[1], config.http.held
    finally:
        server.should_exit = True
        await task


async def opened(port: int, first: bytes = b""):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(first)
    return reader, writer


def run(test) -> None:
    async def within() -> None:
        await asyncio.wait_for(test(), 20)

    asyncio.run(within())


@pytest.mark.parametrize("begun", [b"", HEAD], ids=["nothing", "half a head"])
def test_a_head_that_does_not_come_ends_the_connection(monkeypatch, begun):
    monkeypatch.setattr(sockets, "HEAD_SECONDS", 0.05)

    async def test():
        async with served(hello) as (port, held):
            reader, writer = await opened(port, begun)
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
            writer.close()
            while held.open:
                await asyncio.sleep(0)

    run(test)


def test_half_a_head_after_an_answered_question_ends_the_connection_too(monkeypatch):
    monkeypatch.setattr(sockets, "HEAD_SECONDS", 0.2)

    async def test():
        async with served(hello) as (port, _):
            reader, writer = await opened(port, HEAD + b"\r\n")
            assert b"hello" in await reader.readuntil(b"hello")
            writer.write(HEAD)
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
            writer.close()

    run(test)


def test_a_connection_may_rest_between_two_questions(monkeypatch):
    monkeypatch.setattr(sockets, "HEAD_SECONDS", 0.05)

    async def test():
        async with served(hello) as (port, _):
            reader, writer = await opened(port, HEAD + b"\r\n")
            await reader.readuntil(b"hello")
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.3)
            writer.write(HEAD + b"\r\n")
            assert await reader.readuntil(b"hello")
            writer.close()

    run(test)


def test_an_answer_that_is_not_taken_ends_the_connection(monkeypatch):
    monkeypatch.setattr(sockets, "TAKE_SECONDS", 0.05)

    async def test():
        async with served(large) as (port, held):
            _, writer = await opened(port, HEAD + b"\r\n")
            while not held.open:
                await asyncio.sleep(0)
            while held.open:
                await asyncio.sleep(0.01)
            writer.close()

    run(test)


def test_the_connections_of_one_address_leave_room_for_others():
    held = Connections(files=1024)
    taken = sum(held.take("a") for _ in range(2000))
    assert taken == held.most_of_one < held.most and held.take("b")
    held.give("a")
    assert held.take("a") and not held.take("a")
    for _ in range(taken):
        held.give("a")
    assert "a" not in held.open


def test_behind_a_proxy_all_connections_are_its_own():
    held = Connections(files=1024, many_from_one=True)
    assert sum(held.take("proxy") for _ in range(2000)) == held.most


def test_a_connection_too_many_is_closed_and_the_next_is_answered_once_there_is_room():
    async def test():
        async with served(hello) as (port, held):
            held.most_of_one = 1
            _, first = await opened(port)
            while not held.open:
                await asyncio.sleep(0)
            reader, second = await opened(port, HEAD + b"\r\n")
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
            second.close()
            first.close()
            while held.open:
                await asyncio.sleep(0)
            reader, third = await opened(port, HEAD + b"\r\n")
            assert await reader.readuntil(b"hello")
            third.close()

    run(test)


def test_as_many_files_as_the_system_allows_are_asked_for():
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
        most = raise_file_limit()
        assert most == resource.getrlimit(resource.RLIMIT_NOFILE)[0] and most > 64
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
