"""How questions are answered: faults, who waits for whom, what an answer costs, whose weights it is of."""

from __future__ import annotations

import asyncio
import logging
import shutil
import threading
import time

import gradio as gr
import pytest
from digits_models import COND, Z2, Z5
from starlette.applications import Starlette
from starlette.testclient import TestClient
from support import python

from vae import Explorer
from vae.errors import CheckpointError, InputError
from vae.folders.folder import ModelFolder
from vae.ui.answering import Answering, door
from vae.ui.api import Endpoints, in_a_thread
from vae.ui.doors import Doors
from vae.ui.pools import HEAVY, LONG, SLOW, Busy, Gone, Pool
from vae.ui.web.costs import bill, charge, counted
from vae.ui.web.gradio_patches import server_functions

WAIT = 60  # seconds after which something is broken, on the slowest machine


def functions(of: Answering) -> dict:
    return {door.__name__: door for door in of.functions()}


def test_an_unexpected_fault_is_a_plain_sentence_for_the_asker_and_a_trace_for_the_log(
    explorer, doors, caplog, monkeypatch
):
    def fail(*_, **__):
        raise ZeroDivisionError("inner detail")

    monkeypatch.setattr(explorer, "metrics", fail)
    with caplog.at_level(logging.ERROR, "vae.ui"), pytest.raises(gr.Error) as told:
        Endpoints(explorer).metrics(model=Z2)
    assert "could not be answered" in told.value.message and "inner detail" not in told.value.message
    assert "inner detail" in caplog.text
    reply = asyncio.run(doors["card"]({"model": Z2}))
    assert "inner detail" not in reply["error"] and reply["error"].endswith(".")


def test_a_models_folder_that_cannot_be_read_is_a_sentence_at_every_door(trained, monkeypatch):
    explorer = Explorer(trained)

    def fail():
        raise CheckpointError("models cannot be read (Permission denied); check its permissions.")

    ask = functions(Doors(explorer))
    monkeypatch.setattr(explorer.catalogue, "_look", fail)
    for name in set(ask) - {"device"}:
        reply = asyncio.run(ask[name]({"model": Z2, "revs": {Z2: "00000000"}}))
        assert reply["error"].startswith("models cannot be read"), name


# ---- who waits for whom


class Gate:
    """Work that says when it has begun and ends when it is let."""

    def __init__(self):
        self.began, self.go, self.calls = threading.Semaphore(0), threading.Event(), 0

    def __call__(self, *_, **__):
        self.calls += 1
        self.began.release()
        assert self.go.wait(WAIT)
        return None


def test_quick_doors_answer_while_a_hundred_slow_questions_wait(explorer, monkeypatch):
    gate, ask = Gate(), functions(Doors(explorer))
    monkeypatch.setattr(explorer, "recons", gate)
    monkeypatch.setattr(explorer, "manifold", gate)

    async def all_at_once():
        quick = ("place", {"model": Z2, "z": [0, 0]}), ("start", {}), ("device", {}), ("revision", {})
        for name, fields in quick:
            await ask[name](fields)
        slow = [
            asyncio.ensure_future(ask[name]({"model": model}))
            for name in ("recons", "manifold")
            for model in [Z2, Z5] * 25
        ]
        await asyncio.to_thread(gate.began.acquire)
        for name, fields in quick:
            assert "error" not in await asyncio.wait_for(ask[name](fields), WAIT)
        assert not any(one.done() for one in slow)
        gate.go.set()
        return await asyncio.gather(*slow)

    answers = asyncio.run(all_at_once())
    assert answers.count({"values": None}) == 50 and gate.calls == 100


def test_a_quick_endpoint_answers_while_slow_ones_wait_and_one_too_many_is_told_so(explorer, monkeypatch):
    gate, endpoints = Gate(), Endpoints(explorer)
    monkeypatch.setattr(explorer, "sample", gate)

    async def all_at_once():
        slow = [
            asyncio.ensure_future(in_a_thread(endpoints.sample)(model=Z2, n=1)) for _ in range(HEAVY.most)
        ]
        await asyncio.to_thread(gate.began.acquire)
        assert len(await asyncio.wait_for(in_a_thread(endpoints.models)(), WAIT)) == 4
        with pytest.raises(gr.Error, match="ask at once"):
            await in_a_thread(endpoints.sample)(model=Z2, n=1)
        gate.go.set()
        return await asyncio.gather(*slow, return_exceptions=True)

    assert len(asyncio.run(all_at_once())) == gate.calls == HEAVY.most


def test_a_pool_that_has_too_much_waiting_says_busy_and_works_again_afterwards():
    pool, gate = Pool("test", 1, 2), Gate()

    async def all_at_once():
        held = [asyncio.ensure_future(pool.run(gate)) for _ in range(3)]
        await asyncio.to_thread(gate.began.acquire)
        with pytest.raises(Busy, match="ask at once; ask again in"):
            await pool.run(gate)
        gate.go.set()
        await asyncio.gather(*held)
        return await pool.run(lambda: 7)

    assert asyncio.run(all_at_once()) == 7


def test_a_door_of_a_busy_pool_answers_503_and_when_to_ask_again(explorer, monkeypatch):
    class Full(Answering):
        @door(Pool("full", 1, -1))
        def ask(self):
            raise AssertionError("there is no room for this")

    response = asyncio.run(functions(Full(explorer))["ask"]({}))
    assert response.status_code == 503 and int(response.headers["retry-after"]) > 0
    assert b'"busy":true' in response.body and b"ask at once" in response.body


def test_a_busy_answer_and_the_askers_connection_go_through_the_address_of_the_doors(explorer):
    seen = []

    class Full(Answering):
        @door(Pool("full", 1, -1))
        def full(self):
            raise AssertionError("there is no room for this")

        @door()
        def free(self):
            return {"there": True}

    full, free = Full(explorer).functions()
    run = Pool.run

    async def noted(pool, work, gone=None):
        seen.append(await gone())
        return await run(pool, work, gone)

    async def build():  # inside a loop, or Gradio makes loops that it never closes
        with gr.Blocks() as demo:
            part = gr.HTML(server_functions=[full, free])
        return Starlette(routes=server_functions(demo)), part

    app, part = asyncio.run(build())
    with pytest.MonkeyPatch.context() as patch, TestClient(app) as client:
        patch.setattr(Pool, "run", noted)
        question = {"data": {}, "component_id": part._id, "session_hash": "s"}
        busy, answered = (
            client.post("/gradio_api/component_server", json=question | {"fn_name": name})
            for name in ("full", "free")
        )
    assert busy.status_code == 503 and int(busy.headers["retry-after"]) > 0 and busy.json()["busy"] is True
    assert answered.status_code == 200 and answered.json() == {"there": True}
    assert seen == [False, False], "the connection can be asked whether its visitor left"


def test_a_question_whose_visitor_left_while_it_waited_is_not_computed():
    pool, gate, after = Pool("test", 1, 5), Gate(), []

    async def left():
        return True

    async def all_at_once():
        first = asyncio.ensure_future(pool.run(gate, left))  # has begun: it goes on
        await asyncio.to_thread(gate.began.acquire)
        with pytest.raises(Gone):
            await asyncio.wait_for(pool.run(lambda: after.append("computed"), left), WAIT)
        gate.go.set()
        await first

    asyncio.run(all_at_once())
    assert gate.calls == 1 and after == []


def test_a_pool_that_is_closed_drops_what_waits_and_ends_what_runs():
    pool, gate, after = Pool("test", 1, 5), Gate(), []

    async def all_at_once():
        running = asyncio.ensure_future(pool.run(gate))
        await asyncio.to_thread(gate.began.acquire)
        waiting = asyncio.ensure_future(pool.run(lambda: after.append("computed")))
        await asyncio.sleep(0)  # it stands in the queue now
        pool.close()
        with pytest.raises(Gone):
            await asyncio.wait_for(waiting, WAIT)
        with pytest.raises(Busy):
            await pool.run(lambda: after.append("computed"))
        gate.go.set()
        return await running

    assert asyncio.run(all_at_once()) is None and after == []


def test_a_question_that_is_cancelled_while_it_waits_is_not_computed():
    pool, gate, after = Pool("test", 1, 5), Gate(), []

    async def all_at_once():
        running = asyncio.ensure_future(pool.run(gate))
        await asyncio.to_thread(gate.began.acquire)
        waiting = asyncio.ensure_future(pool.run(lambda: after.append("computed")))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        gate.go.set()
        await running
        return await pool.run(lambda: "next")

    assert asyncio.run(all_at_once()) == "next" and after == []


def test_many_first_questions_about_one_model_read_it_once(trained, monkeypatch):
    explorer = Explorer(trained)
    doors = Doors(explorer)
    read, calls = doors.read, []
    monkeypatch.setattr(doors, "read", lambda model: (calls.append(model), read(model)))
    ask = functions(doors)

    async def all_at_once():
        models = [Z2, Z5] * 20
        zeros = {Z2: [0, 0], Z5: [0] * 5}
        return await asyncio.gather(*(ask["place"]({"model": m, "z": zeros[m]}) for m in models))

    answers = asyncio.run(all_at_once())
    assert sorted(calls) == sorted([Z2, Z5]) and not any("error" in answer for answer in answers)


def test_a_first_map_does_not_wait_for_the_networks(trained, monkeypatch):
    explorer, gate = Explorer(trained), Gate()
    doors = Doors(explorer)
    monkeypatch.setattr(doors, "read", gate)
    ask = functions(doors)

    async def all_at_once():
        place = asyncio.ensure_future(ask["place"]({"model": Z2, "z": [0, 0]}))
        await asyncio.to_thread(gate.began.acquire)
        found = [await asyncio.wait_for(ask["map"]({"model": model}), WAIT) for model in (Z2, Z5)]
        gate.go.set()
        return found, await place

    maps, place = asyncio.run(all_at_once())
    assert all("uv" in one for one in maps) and "image" in place


def test_an_answer_of_a_server_computes_in_one_thread():
    code = """
import os
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.pop(name, None)
from vae.ui import launch
launch.one_thread_an_answer()
import threading
import torch
from threadpoolctl import threadpool_info
import vae.device
found = []
thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
thread.start()
thread.join()
print(*found, *[library["num_threads"] for library in threadpool_info()], vae.device.device_name(), sep=";")
"""
    *threads, name = python(code).strip().split(";")
    assert len(threads) > 1 and set(threads) == {"1"} and name == "CPU, 1 thread"


# ---- what an answer costs


def test_the_processor_time_of_an_answer_is_charged_to_its_request_whichever_thread_computed_it(explorer):
    burnt = 0.03

    def burn():
        until = time.thread_time() + burnt
        while time.thread_time() < until:
            pass

    class Burning(Answering):
        @door(SLOW)
        def slow(self):
            burn()
            return {}

        @door(LONG)
        def refused(self):
            burn()
            raise InputError("no")

    ask = functions(Burning(explorer))

    async def cost(name: str) -> float:
        account: list[float] = []
        bill.set(account.append)
        await ask[name]({})
        return sum(account)

    async def both():
        return await asyncio.gather(*(asyncio.create_task(cost(name)) for name in ("slow", "refused")))

    assert all(burnt <= seconds < 10 * burnt + 1 for seconds in asyncio.run(both()))


def test_where_nobody_counts_nothing_is_charged_and_nothing_fails():
    assert bill.get() is None
    charge(1)
    with counted():
        pass
    assert bill.get() is None


# ---- whose weights an answer is of


def revision(explorer: Explorer, model: str) -> str:
    return explorer.catalogue.folder(model).revision


def exchange(models, one: str, other: str) -> None:
    """Another training under the same name."""
    shutil.rmtree(models / one)
    shutil.copytree(models / other, models / one)


def test_a_question_about_the_weights_that_a_page_knows_is_answered(explorer, doors):
    known = {Z2: revision(explorer, Z2)}
    assert "image" in asyncio.run(doors["place"]({"model": Z2, "z": [0, 0], "revs": known}))
    assert "models" in asyncio.run(doors["start"]({"revs": known | {"gone": "00000000"}}))


def test_a_question_about_weights_that_were_replaced_is_told_so(copied):
    explorer = Explorer(copied)
    ask, known = functions(Doors(explorer)), {name: revision(explorer, name) for name in (Z2, Z5)}
    assert "image" in asyncio.run(ask["place"]({"model": Z2, "z": [0, 0], "revs": known}))
    exchange(copied, Z2, Z5)
    explorer.catalogue.refresh()
    for name, fields in (
        ("place", {"model": Z2, "z": [0, 0]}),
        ("sketch", {"models": [Z5, Z2]}),
        ("start", {}),
    ):
        reply = asyncio.run(ask[name](fields | {"revs": known}))
        assert reply["changed"] == [Z2] and reply["error"].startswith(f"{Z2} was trained anew")
    assert "changed" not in asyncio.run(ask["place"]({"model": Z5, "z": [0] * 5, "revs": {Z5: known[Z5]}}))


def test_an_answer_during_which_the_weights_were_replaced_is_not_given(copied, monkeypatch):
    explorer = Explorer(copied)
    ask, known = functions(Doors(explorer)), {Z2: revision(explorer, Z2)}
    asyncio.run(ask["place"]({"model": Z2, "z": [0, 0]}))
    decode = explorer.decode

    def decode_and_replace(model, z, label):
        found = decode(model, z, label)
        exchange(copied, Z2, COND)
        explorer.catalogue.refresh()
        return found

    monkeypatch.setattr(explorer, "decode", decode_and_replace)
    reply = asyncio.run(ask["decode"]({"model": Z2, "z": [[0, 0]], "revs": known}))
    assert reply["changed"] == [Z2]


def test_a_folder_that_never_stands_still_ends_in_a_sentence(explorer, doors, monkeypatch):
    counter = iter(range(10**6))
    monkeypatch.setattr(ModelFolder, "key", property(lambda self: (self.name, next(counter))))
    reply = asyncio.run(doors["start"]({"revs": {Z2: revision(explorer, Z2)}}))
    assert "changed while this was answered" in reply["error"]


@pytest.mark.parametrize(
    "revs",
    [
        [],
        "x",
        3,
        {Z2: None},
        {Z2: "0000000"},
        {Z2: "0000000g"},
        {"m" * 256: "0" * 8},
        dict.fromkeys(map(str, range(65)), "0" * 8),
    ],
    ids=lambda revs: repr(revs)[:20],
)
def test_revisions_that_are_none_are_refused_by_name(doors, revs):
    for name in ("revision", "place"):
        reply = asyncio.run(doors[name]({"revs": revs}))
        assert reply["error"].startswith("revs is ") and "8 hexadecimal digits" in reply["error"]
        assert len(reply["error"]) < 300
