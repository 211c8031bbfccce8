"""Gradio's queue as we have it: no event ends it, no visitor fills it, and it forgets what nobody fetches."""

from __future__ import annotations

import asyncio
import functools
from types import SimpleNamespace

import pytest
from fastapi import HTTPException
from gradio.data_classes import PredictBodyInternal
from gradio.queueing import Queue
from gradio.server_messages import EstimationMessage
from support import ROOT

from vae.ui.web import steady_queue
from vae.ui.web.costs import ADDRESS, BILL, charge
from vae.ui.web.steady_queue import KEPT, UNHEARD, UNHEARD_OF_ONE, WAITING_OF_ONE, SteadyQueue


def in_a_loop(test):
    """An async test; outside of a loop Gradio's queue makes loops that it never closes."""

    @functools.wraps(test)
    def run(*given, **named):
        asyncio.run(test(*given, **named))

    return run


def queue(running: bool = True) -> SteadyQueue:
    """A steady queue of a page with two functions."""
    page = SimpleNamespace(is_running=running, fns={0: None, 3: None})
    made = Queue(False, 4, 1, 64, page)
    made.__class__ = SteadyQueue
    made.steady()
    return made


def messages(*content) -> asyncio.Queue:
    made: asyncio.Queue = asyncio.Queue()
    for one in content:
        made.put_nowait(one)
    return made


def asked_from(address: str) -> SimpleNamespace:
    """A request of this address."""
    return SimpleNamespace(scope={ADDRESS: address})


def event(session: str, address: str = "a") -> SimpleNamespace:
    return SimpleNamespace(session_hash=session, alive=True, _id="e" + session, request=asked_from(address))


@in_a_loop
async def test_of_many_sessions_those_are_forgotten_that_were_heard_and_none_that_waits():
    made = queue()
    kept = made.pending_messages_per_session
    kept["waits"], kept["unheard"], kept["heard"] = messages(), messages("answer"), messages()
    made.event_ids_to_events["e"] = event("waits")
    for name in kept:
        made.pending_event_ids_session[name] = {"e" + name}
    for i in range(UNHEARD - 2):
        kept[f"s{i}"] = messages("answer")
    assert len(kept) == UNHEARD and "heard" not in kept and {"waits", "unheard"} <= set(kept)
    kept["one more"] = messages()
    assert "unheard" not in kept and "waits" in kept and len(kept) == UNHEARD
    assert set(made.pending_event_ids_session) == {"waits"}, "what is forgotten is forgotten whole"


@in_a_loop
async def test_where_all_wait_nobody_is_pushed_out():
    made = queue()
    for i in range(UNHEARD + 10):
        made.event_ids_to_events[str(i)] = event(str(i))
        made.pending_messages_per_session[str(i)] = messages()
    assert len(made.pending_messages_per_session) == UNHEARD + 10


@in_a_loop
async def test_a_message_for_nobody_is_dropped_and_others_arrive():
    made = queue()
    made.send_message(event("gone"), EstimationMessage(queue_size=1))
    made.pending_messages_per_session["here"] = messages()
    made.send_message(event("here"), EstimationMessage(queue_size=1))
    assert made.pending_messages_per_session["here"].qsize() == 1
    del made.pending_messages_per_session["gone"]
    assert made.pending_event_ids_session["gone"] == set() and "gone" not in made.pending_event_ids_session


@in_a_loop
async def test_an_address_that_leaves_its_answers_is_forgotten_before_others():
    made = queue()
    kept = made.unheard
    kept["other"] = messages("answer")
    kept.room_for("b", "other")
    for i in range(2 * UNHEARD_OF_ONE):
        kept[f"s{i}"] = messages("answer")
        kept.room_for("a", f"s{i}")
    assert len(kept) == UNHEARD_OF_ONE + 1 and "other" in kept and f"s{2 * UNHEARD_OF_ONE - 1}" in kept


@in_a_loop
async def test_what_nobody_fetches_is_forgotten_after_a_while_and_who_waits_is_not():
    made, now = queue(), [0.0]
    kept = made.unheard
    kept.clock = lambda: now[0]
    kept["waits"], kept["told again"], kept["old"] = messages(), messages("answer"), messages("answer")
    made.event_ids_to_events["e"] = event("waits")
    now[0] = KEPT
    kept.touch("told again")
    now[0] += 1
    kept.expire()
    assert set(kept) == set(kept.touched) == {"waits", "told again"}


@in_a_loop
async def test_one_address_has_a_share_of_the_places_that_wait():
    made = queue()
    made.event_ids_to_events |= {str(i): event(str(i), "greedy") for i in range(WAITING_OF_ONE)}
    body = PredictBodyInternal(data=[], session_hash="s", fn_index=3)
    with pytest.raises(HTTPException) as refused:
        await made.push(body, asked_from("greedy"), None)
    assert refused.value.status_code == 429 and refused.value.headers["retry-after"]
    assert refused.value.detail.endswith("ask again.")
    made._check_share("modest")


@in_a_loop
@pytest.mark.parametrize(
    "fields",
    [
        {"session_hash": ""},
        {"session_hash": "a b"},
        {"session_hash": "x" * 65},
        {"fn_index": 1},
        {"fn_index": None},
    ],
)
async def test_who_has_no_name_or_asks_no_function_is_refused_before_anything_is_kept(fields):
    made = queue()
    body = PredictBodyInternal(**{"data": [], "session_hash": "a", "fn_index": 3} | fields)
    accepted, text, state = await made.push(body, asked_from("a"), None)
    assert not accepted and state == "error" and text.endswith(".") and " is " in text
    assert not made.pending_messages_per_session and not made.event_ids_to_events


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(steady_queue, "AGAIN_AFTER", 0)


def loops() -> list[asyncio.Task]:
    names = {"start_processing", "start_progress_updates", "notify_clients"}
    return [t for t in asyncio.all_tasks() if t.get_coro().__name__ in names and not t.done()]


@in_a_loop
async def test_a_loop_that_ended_begins_again_until_the_queue_is_closed(caplog):
    made = queue()
    made.start()
    first = loops()
    assert len(first) == 3
    await asyncio.sleep(0)
    for task in first:
        task.cancel()
    while len(again := loops()) < 3 or set(first) & set(again):
        await asyncio.sleep(0)
    assert not made.stopped and made.active_jobs == [None] * 4
    assert len(caplog.records) == 3 and all("begins again" in r.getMessage() for r in caplog.records)
    made.close()
    for task in again:
        task.cancel()
    for _ in range(20):
        await asyncio.sleep(0)
    assert not loops() and made.stopped


@in_a_loop
async def test_an_event_that_fails_within_the_loop_takes_no_other_with_it(monkeypatch):
    made = queue()
    calls = []

    def broken(*_):
        calls.append(1)
        raise RuntimeError("of one event")

    monkeypatch.setattr(Queue, "get_events", broken)
    monkeypatch.setattr(Queue, "__len__", lambda self: 1)
    made.start()
    while len(calls) < 5:
        await asyncio.sleep(0)
    assert not made.stopped
    made.close()
    for task in loops():
        task.cancel()
    for _ in range(20):
        await asyncio.sleep(0)


@in_a_loop
async def test_what_an_event_costs_is_charged_to_who_joined_the_queue(monkeypatch):
    spent = []

    async def work(self, events, *more):
        charge(0.25)

    monkeypatch.setattr(Queue, "process_events", work)
    one = event("a")
    one.request = SimpleNamespace(scope={BILL: spent.append})

    await asyncio.create_task(queue().process_events([one], False, 0.0, None))
    assert spent == [0.25]


@pytest.mark.parametrize(
    "package", ["gradio", "starlette", "fastapi", "uvicorn", "h11", "pydantic", "anyio", "numpy", "torch"]
)
def test_what_the_server_stands_on_is_pinned_for_ci_and_a_space(package):
    lines = (ROOT / "pre-requirements.txt").read_text().splitlines()
    pins = [line for line in lines if line.partition(";")[0].strip().startswith(f"{package}==")]
    assert pins, f".ci/pin has left out {package}"
