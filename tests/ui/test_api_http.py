"""The endpoints as curl asks them: streams and direct answers, bodies that are no question, and what a server keeps of them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import httpx
import numpy as np
import pytest
from digits_models import Z2, decoded
from support import Server


def run(server: Server, name: str, *data, **body) -> httpx.Response:
    """An endpoint's answer at once, without the queue."""
    return httpx.post(f"{server.address}/gradio_api/run/{name}", json={"data": data, **body}, timeout=60)


def memory(server: Server) -> int:
    """Bytes the process holds."""
    return int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def call(address: str, name: str, data: list) -> str:
    """The event stream of an endpoint, as two curl lines get it."""
    event = httpx.post(f"{address}/gradio_api/call/{name}", json={"data": data}).json()["event_id"]
    return httpx.get(f"{address}/gradio_api/call/{name}/{event}").text


def test_curl_gets_the_same_answer_by_either_way(served, trained):
    z = [[0.5, -0.5]]
    stream = call(served.address, "decode", [Z2, z, None])
    assert stream.startswith("event: complete\ndata: ")
    direct = run(served, "decode", Z2, z)
    assert direct.status_code == 200
    assert json.loads(stream.split("data: ", 1)[1]) == direct.json()["data"]
    np.testing.assert_allclose(direct.json()["data"][0]["images"], decoded(trained, Z2, z)[:, 0], atol=6e-5)


def test_a_list_that_ends_early_is_answered_with_the_name_of_the_missing_field(served):
    assert "z is missing; it must be a list of 1 to 1,024 lists of 2 numbers" in call(
        served.address, "decode", [Z2]
    )
    assert run(served, "metrics", Z2, 1).json()["error"] == "/metrics was sent 2 fields; it takes 1: model."


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[1]",
        b'{"data": 3}',
        b'{"data": {"a": 1}}',
        b'{"data": ' + b"[" * 100_000,
        b'{"data": [' + b"[" * 900 + b"]" * 900 + b"]}",
        b'{"data": ["\\ud800", NaN]}',
        b'{"data": ["digits-tutorial-z2", [[' + b"9" * 5000 + b", 1]]]}",
        b'{"data": [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}]}',
        b'{"data": [{"path": "http://127.0.0.1:9/", "url": "http://127.0.0.1:9/", "meta": {"_type": "gradio.FileData"}}]}',
    ],
)
def test_a_body_that_is_no_question_is_refused_and_the_server_stays_up(served, body):
    answer = httpx.post(
        f"{served.address}/gradio_api/run/decode",
        content=body,
        headers={"content-type": "application/json"},
        timeout=60,
    )
    assert answer.status_code in (400, 422, 500)
    assert "Traceback" not in answer.text and answer.json().get("error", "") is not None
    assert run(served, "models").status_code == 200


def test_sessions_leave_neither_questions_nor_answers_in_memory(served):
    """Gradio would keep the last ones of each of 500 sessions; these 60 would be 120 MB."""
    square = [[round((x * y % 97) / 97, 4) for x in range(256)] for y in range(256)]
    for i in range(8):
        assert run(served, "encode", Z2, square, session_hash=f"warm {i}").status_code == 200
    before = memory(served)
    for i in range(60):
        assert run(served, "encode", Z2, square, session_hash=f"session {i}").status_code == 200
    grown = memory(served) - before
    assert grown < 40e6, f"60 sessions left {grown / 1e6:.0f} MB behind"


def test_answers_that_nobody_fetches_are_forgotten_and_those_that_are_fetched_arrive(served):
    with httpx.Client(base_url=f"{served.address}/gradio_api/call") as http:
        for _ in range(400):
            assert http.post("/models", json={"data": []}).status_code == 200
        event = http.post("/codes", json={"data": [Z2]}).json()["event_id"]
        assert http.get(f"/codes/{event}").text.startswith("event: complete")
