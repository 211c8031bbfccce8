"""A stranger with curl: what once stopped the server or used it, asked of the whole program in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from digits_models import Z2
from support import DATA, Server

from vae.ui.web.limits import LARGE_BODIES, MB, STREAMS
from vae.ui.web.steady_queue import UNHEARD

JSON = {"content-type": "application/json"}
DECODE = {"data": [Z2, [[0.5, -0.5]]]}


@pytest.fixture(scope="module")
def public(serve_long, trained) -> Server:
    return serve_long(trained, DATA, "--public")


def post(server: Server, path: str, body, **more) -> httpx.Response:
    content = body if isinstance(body, (str, bytes)) else json.dumps(body)
    return httpx.post(f"{server.address}/gradio_api/{path}", content=content, headers=JSON | more, timeout=60)


def decode(server: Server) -> str:
    """What the two lines of curl say that a README shows."""
    asked = post(server, "call/decode", DECODE)
    assert asked.status_code == 200, asked.text
    return httpx.get(f"{server.address}/gradio_api/call/decode/{asked.json()['event_id']}", timeout=60).text


def memory(server: Server) -> int:
    """Bytes the process holds."""
    return int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def sockets(server: Server, count: int, first: bytes) -> Iterator[list[socket.socket]]:
    """So many connections on which a request has been begun."""
    with contextlib.ExitStack() as open_ones:
        found = []
        for _ in range(count):
            one = open_ones.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=20))
            with contextlib.suppress(OSError):  # refused while it was still sending
                one.sendall(first)
            found.append(one)
        yield found


def status(one: socket.socket) -> str:
    """The status of what was answered; "none" where the connection was ended without."""
    with contextlib.suppress(OSError):
        found = re.match(rb"HTTP/1.1 (\d+)", one.recv(200))
        return found[1].decode() if found else "none"
    return "none"


# ---- the queue -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("session", ["", " ", "a" * 65, "é", "../x"])
def test_a_session_without_a_name_is_refused_and_the_queue_goes_on(public, session):
    body = {"data": [Z2, [[0, 0]]], "fn_index": 3, "session_hash": session}
    with ThreadPoolExecutor(8) as people:
        answers = list(people.map(lambda _: post(public, "queue/join", body), range(8)))
    assert {a.status_code for a in answers} == {400}
    assert all("session_hash is" in a.text for a in answers)
    assert decode(public).startswith("event: complete")


def test_hundreds_of_unfetched_answers_keep_nobody_from_theirs(public):
    with ThreadPoolExecutor(8) as people:
        asked = list(people.map(lambda _: post(public, "call/metrics", {"data": [Z2]}), range(400)))
    told = Counter(a.status_code for a in asked)
    assert set(told) <= {200, 429, 503} and told[200] > UNHEARD, told
    assert all("retry-after" in a.headers for a in asked if a.status_code != 200)
    assert decode(public).startswith("event: complete")


# ---- bodies that are no question -----------------------------------------------------------------------------------

ODD = [
    '{"data": Infinity}',
    '{"data": [], "session_hash": NaN}',
    '{"data": 1e999}',
    '{"data": "\\ud800"}',
    '{"data": [], "fn_index": "\\ud800", "session_hash": "a"}',
    '{"data": [], "event_data": "\\ud800"}',
    "[]",
    "null",
    '"x"',
    "{",
    "",
    "\ufeff{}",
    "[" * 100_000,
    '{"data": {}}',
    '{"fn_index": 0}',
    *(f'{{"data": [], "fn_index": {n}, "session_hash": "a"}}' for n in (-1, 12, 99, 2**40, '"x"', "1.5")),
    *(
        f'{{"data": {{}}, "component_id": {n}, "fn_name": "start", "session_hash": "a"}}'
        for n in (-1, 10**6, 2**70, '"1"', "null", "true", "[1]", "1.0")
    ),
    *(
        f'{{"data": {{}}, "component_id": 1, "fn_name": {n}, "session_hash": "a"}}'
        for n in ('"__init__"', '"nothing"', "null", "[]", '"\\ud800"', '""')
    ),
]
ASKED = ("queue/join", "call/decode", "call/nothing", "call/v2/decode", "call/v2/nothing", "run/decode")
ASKED += ("run/nothing", "component_server", "cancel")


@pytest.mark.parametrize("path", ASKED)
def test_a_body_that_is_no_question_is_refused_in_a_sentence_and_the_connection_stays(
    serve_long, trained, path
):
    server = serve_long(trained)
    before = len(server.log.read_text().splitlines())
    with httpx.Client(base_url=server.address, headers=JSON, timeout=60) as client:
        for body in ODD:
            answer = client.post(f"/gradio_api/{path}", content=body.encode("utf-8", "surrogatepass"))
            known = answer.status_code
            if (
                known == 200
            ):  # what is asked of a queue is refused when its turn comes; nothing is there to cancel
                assert path in ("call/decode", "call/v2/decode", "cancel") or "error" in answer.json(), body
                continue
            assert 400 <= known < 500 or (path == "run/decode" and "error" in answer.json()), (
                body,
                answer.text,
            )
            said = answer.json().get("error") or answer.json().get("detail")
            assert isinstance(said, str) and len(said) > 20 and "Traceback" not in said, (body, answer.text)
        assert client.get("/config").status_code == 200
    lines = server.log.read_text().splitlines()[before:]
    assert len(lines) <= len(ODD) and not any("Traceback" in line for line in lines)
    server.stop()


@pytest.mark.parametrize(
    "sent", [{"path": "/etc/passwd"}, {"path": ["x"]}, "x", [1], None, {"dataset": [{"path": "/etc/passwd"}]}]
)
def test_event_data_of_any_kind_ends_in_a_sentence_and_a_line_of_the_log_at_most(served, sent):
    before = len(served.log.read_text().splitlines())
    body = {"data": [], "fn_index": 0, "session_hash": "odd", "event_data": sent}
    assert post(served, "queue/join", body).status_code == 200
    told = httpx.get(
        f"{served.address}/gradio_api/queue/data", params={"session_hash": "odd"}, timeout=60
    ).text
    assert "process_completed" in told and "Traceback" not in told
    assert "cannot be accessed" in told or "it must be one of mnist" in told
    lines = served.log.read_text().splitlines()[before:]
    assert len(lines) <= 1 and not any("Traceback" in line for line in lines)


# ---- what one address holds ----------------------------------------------------------------------------------------


def test_bodies_that_are_held_open_are_few_and_take_no_memory(public):
    before = memory(public)
    head = f"POST /gradio_api/call/encode HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {11 * MB}\r\n\r\n"
    with sockets(public, 60, head.encode() + b"x" * (10 * MB)) as held:
        assert memory(public) - before < (LARGE_BODIES + 6) * 10 * MB
        assert decode(public).startswith("event: complete")
        told = Counter(map(status, held))
    assert set(told) <= {"408", "429", "none"} and told["408"] <= LARGE_BODIES, told


def test_about_twenty_streams_of_one_address_are_open_and_a_closed_one_makes_room(public):
    first = b"GET /gradio_api/heartbeat/h HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with sockets(public, 60, first) as held:
        assert Counter(map(status, held)) == {"200": STREAMS, "429": 60 - STREAMS}
    for _ in range(50):
        with sockets(public, 1, first) as (one,):
            if status(one) == "200":
                break
    else:
        pytest.fail("closed streams are still counted")


# ---- the end -------------------------------------------------------------------------------------------------------


def test_an_answer_in_the_air_is_finished_when_the_server_is_asked_to_end(serve, trained):
    server = serve(trained)
    body = json.dumps(DECODE).encode()
    head = f"POST /gradio_api/run/interpolate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    with sockets(server, 1, head.encode()) as (one,):
        assert b"100" in one.recv(100), "the server waits for the body"
        server.process.send_signal(signal.SIGTERM)
        for _ in range(2000):
            try:
                socket.create_connection(("127.0.0.1", server.port), timeout=1).close()
            except OSError:
                break
        one.sendall(body)
        assert b"HTTP/1.1 500" in one.recv(1000), "z_start is missing, said by the endpoint itself"
    assert server.process.wait(20) == 0
    assert "Traceback" not in server.log.read_text()


def test_the_second_signal_ends_at_once(serve, trained):
    server = serve(trained)
    with sockets(server, 1, b"GET /gradio_api/heartbeat/h HTTP/1.1\r\nHost: localhost\r\n\r\n") as (one,):
        assert status(one) == "200"
        server.process.send_signal(signal.SIGTERM)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) in (0, -signal.SIGTERM)
