"""Anything at all is asked of endpoints and doors: they answer with JSON or a sentence, and memory stays flat."""

from __future__ import annotations

import asyncio
import base64
import gc
import inspect
import json
import tracemalloc

import gradio as gr
import pytest
from digits_models import AE, COND, Z2, Z5
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vae.ui.api import Endpoints
from vae.ui.doors import Doors
from vae.ui.web.assets import tokens

DOORS = tuple(name for name, method in vars(Doors).items() if hasattr(method, "door"))
SIDE = tokens()["draw"]["side"]

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.just(10**400)
    | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
NUMBER = st.floats(-4, 4) | st.integers(-3, 3)
INK = base64.b64encode(bytes(255 * (SIDE // 3 < i % SIDE < SIDE // 2) for i in range(SIDE * SIDE))).decode()
LIKELY = {
    "model": st.sampled_from([Z2, Z5, AE, COND]),
    "models": st.lists(st.sampled_from([Z2, Z5, AE, COND]), min_size=1, max_size=3),
    "dataset": st.just("digits"),
    "z": st.lists(NUMBER, min_size=2, max_size=2)
    | st.lists(st.lists(NUMBER, min_size=2, max_size=2), max_size=3),
    "z_start": st.lists(NUMBER, min_size=2, max_size=2),
    "z_end": st.lists(NUMBER, min_size=2, max_size=2),
    "uv": st.none() | st.lists(NUMBER, min_size=2, max_size=2),
    "label": st.none() | st.integers(0, 9),
    "index": st.integers(0, 400),
    "indices": st.lists(st.integers(0, 400), max_size=4),
    "n": st.integers(0, 6),
    "extent": NUMBER,
    "spacing": st.sampled_from(["even", "equal-mass"]),
    "chart": st.none()
    | st.sampled_from(
        [
            "pca",
            "axes:0,1",
            "axes:1,0",
            "axes:1,3",
            "plane:1,2,3",
            "plane:1,1,1",
            "umap",
            "plane:1,2,999",
            "axes:٣,1",
        ]
    ),
    "anchor": st.none() | st.integers(0, 400),
    "start": st.sampled_from([0, 7, 5000]),
    "seed": st.integers(0, 2**60),
    "temperature": NUMBER,
    "steps": st.integers(1, 5),
    "box": st.lists(NUMBER, min_size=4, max_size=4),
    "columns": st.integers(0, 7),
    "rows": st.integers(0, 7),
    "method": st.sampled_from(["linear", "slerp"]),
    "dim": st.integers(0, 5),
    "low": NUMBER,
    "high": NUMBER,
    "raw": st.booleans(),
    "revs": st.none()
    | st.dictionaries(st.sampled_from([Z2, Z5, "none"]), st.text("0123456789abcdef", max_size=9)),
    "exclude": st.none() | st.integers(0, 400),
    "image": st.just(INK)
    | st.lists(st.lists(st.floats(0, 1), min_size=8, max_size=8), min_size=8, max_size=8),
}


def questions(names) -> st.SearchStrategy:
    """Dicts whose fields are mostly likely ones, sometimes anything, in half of the dicts sometimes left out."""
    mostly = {name: st.one_of(*[LIKELY.get(name, NUMBER)] * 9, JSON) for name in names}
    return st.fixed_dictionaries(mostly) | st.fixed_dictionaries({}, optional=mostly)


ANYTHING = settings(deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("name", Endpoints.NAMES)
def test_an_endpoint_answers_anything_with_json_or_a_sentence(endpoints, name):

    @ANYTHING
    @given(questions(inspect.signature(getattr(endpoints, name)).parameters))
    def ask(asked):
        try:
            answer = getattr(endpoints, name)(**asked)
        except gr.Error as error:
            assert (
                error.message.endswith(".") and len(error.message) < 2000 and "Traceback" not in error.message
            )
            assert "could not be answered" not in error.message, f"an unexpected fault for {asked}"
            json.dumps(error.message).encode()
        else:
            json.dumps(answer, allow_nan=False)

    ask()


@pytest.mark.parametrize("name", DOORS)
def test_a_door_answers_anything_with_json_or_a_sentence(doors, name):
    door, known = doors[name], [*getattr(Doors, name).door["checks"], "revs"]

    @ANYTHING
    @given(questions(known) | questions(known) | JSON)
    def ask(asked):
        reply = asyncio.run(door(asked))
        json.dumps(reply, allow_nan=False)
        if "error" in reply:
            assert reply["error"].endswith(".") and len(reply["error"]) < 2000
            assert "its log says why" not in reply["error"], f"an unexpected fault for {asked}"

    ask()


def test_memory_stays_flat_over_many_questions(endpoints, doors):
    loop = asyncio.new_event_loop()

    def a_round(turn: int) -> None:
        for i in range(60):
            for asked in (
                {"model": f"no {turn} {i}"},
                {"model": Z2, "z": [[0, i]] * 50},
                {"model": Z2, "z": [[0, "x" * 1000]]},
                {"model": Z2, "z": None},
            ):
                try:
                    endpoints.decode(**asked)
                except gr.Error:
                    pass
            places = (
                {"model": Z2, "z": [0.1 * i, turn]},
                {"model": Z2, "chart": f"plane:{i},{turn},999"},
                {"model": Z5, "anchor": i, "chart": "axes:0,1"},
            )
            for asked in places:
                loop.run_until_complete(doors["place"](asked))
                loop.run_until_complete(doors["map"]({k: v for k, v in asked.items() if k != "z"}))

    for turn in range(3):
        a_round(turn)
    gc.collect()
    tracemalloc.start()
    for turn in range(3, 7):
        a_round(turn)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    loop.close()
    assert grown < 1e6, f"{grown / 1e6:.2f} MB stayed after {4 * 60 * 10} questions"
