"""Every wrong field of an endpoint or a door is named, with its value and what is allowed."""

from __future__ import annotations

import asyncio
import timeit

import gradio as gr
import pytest
from digits_models import COND, Z2, Z5

from vae.ui import fields
from vae.ui.doors import Doors

RAGGED, WIDE = [[0.0] * 8] * 7 + [[0.0] * 9], [[0.5] * 5000] * 5000
WRONG = [
    ("decode", {}, ["model is missing", Z2, Z5]),
    ("decode", {"model": "nope", "z": [[0, 0]]}, ["model is 'nope'", Z2]),
    ("decode", {"model": 5, "z": [[0, 0]]}, ["model is 5", Z2]),
    ("decode", {"model": "x" * 10**6, "z": [[0, 0]]}, ["model is 'xxx", "...", Z2]),
    ("decode", {"model": Z2}, ["z is missing", "1 to 1,024 lists of 2 numbers"]),
    ("decode", {"model": Z2, "z": [0, 1]}, ["z[0] is 0", "(N, 2)", "list of its own"]),
    ("decode", {"model": Z2, "z": []}, ["z is []", "(N, 2)"]),
    ("decode", {"model": Z2, "z": [[]]}, ["z[0] has 0 numbers", "(N, 2)"]),
    ("decode", {"model": Z2, "z": [[0, 1], [0, 1, 2]]}, ["z[1] has 3 numbers", "(N, 2)"]),
    ("decode", {"model": Z5, "z": [[0, 1]]}, ["z[0] has 2 numbers", "(N, 5)"]),
    (
        "decode",
        {"model": Z2, "z": [[0, float("nan")]]},
        ["z[0][1] is nan", "number from -1,000,000 to 1,000,000"],
    ),
    ("decode", {"model": Z2, "z": [[float("inf"), 0]]}, ["z[0][0] is inf", "number from"]),
    ("decode", {"model": Z2, "z": [[0, 0], [1e300, 0]]}, ["z[1][0] is 1e+300", "number from"]),
    ("decode", {"model": Z2, "z": [[10**400, 0]]}, ["z[0][0] is a whole number of 1329 bits", "number from"]),
    (
        "decode",
        {"model": Z2, "z": [[10**5000, 0]]},
        ["z[0][0] is a whole number of 16610 bits", "number from"],
    ),
    ("decode", {"model": Z2, "z": [["1", 0]]}, ["z[0][0] is '1'", "number from"]),
    ("decode", {"model": Z2, "z": [[True, 0]]}, ["z[0][0] is true", "number from"]),
    ("decode", {"model": Z2, "z": [[None, 0]]}, ["z[0][0] is null", "number from"]),
    ("decode", {"model": Z2, "z": [[[0], [0]]]}, ["z[0][0] is [0]", "number from"]),
    ("decode", {"model": Z2, "z": [[0, 0]] * 10**6}, ["z has 1,000,000 rows", "1 to 1,024"]),
    ("decode", {"model": Z2, "z": {"0": 1}}, ["z is {'0': 1}", "(N, 2)"]),
    (
        "decode",
        {"model": Z2, "z": [[0, 0]], "label": 1},
        ["label is 1", "not conditional", "leave label out"],
    ),
    ("decode", {"model": COND, "z": [[0, 0]]}, ["label is missing", "0 to 9", "conditional"]),
    (
        "decode",
        {"model": COND, "z": [[0, 0]], "label": 10},
        ["label is 10", "whole number from 0 to 9, because"],
    ),
    ("decode", {"model": COND, "z": [[0, 0]], "label": True}, ["label is true", "0 to 9"]),
    ("decode", {"model": COND, "z": [[0, 0]], "label": 1.0}, ["label is 1.0", "0 to 9"]),
    ("encode", {"model": Z2}, ["image is missing", "(H, W)"]),
    ("encode", {"model": Z2, "image": []}, ["image is []", "(H, W)"]),
    ("encode", {"model": Z2, "image": [[]]}, ["image[0] is []", "(H, W)"]),
    ("encode", {"model": Z2, "image": [0.5]}, ["image[0] is 0.5", "(H, W)"]),
    ("encode", {"model": Z2, "image": RAGGED}, ["image[7] has 9 pixels, but image[0] has 8", "(H, W)"]),
    ("encode", {"model": Z2, "image": WIDE}, ["image has 5,000 rows", "1 to 1024"]),
    ("encode", {"model": Z2, "image": [[0.5] * 1025]}, ["image[0] has 1,025 pixels", "1 to 1024"]),
    ("encode", {"model": Z2, "image": [[0.5, 1.5]]}, ["image[0][1] is 1.5", "0 to 1"]),
    ("encode", {"model": Z2, "image": [[0.5, -0.1]]}, ["image[0][1] is -0.1", "0 to 1"]),
    ("encode", {"model": Z2, "image": [[0.5, float("nan")]]}, ["image[0][1] is nan", "0 to 1"]),
    ("encode", {"model": Z2, "image": [[0.5, True]]}, ["image[0][1] is true", "0 to 1"]),
    ("encode", {"model": Z2, "image": [[0.5, [0, 0, 0]]]}, ["image[0][1] is [0, 0, 0]", "0 to 1"]),
    ("encode", {"model": Z2, "image": [[[0.5, 0], [0, 0]]]}, ["image has shape (1, 2, 2)", "(H, W, 3)"]),
    ("encode", {"model": Z2, "image": [[[0, 0, 0], [0, 0]]]}, ["image[0][1] is [0, 0]", "(H, W, 3)"]),
    ("encode", {"model": Z2, "image": [[[0, 0, 0], [0, 0, 2]]]}, ["image[0][1][2] is 2", "0 to 1"]),
    ("encode", {"model": Z2, "image": "data:image/png;base64,"}, ["image is 'data:image", "(H, W)"]),
    ("encode", {"model": Z2, "image": [[0.5] * 9] * 9, "raw": True}, ["image has shape (9, 9)", "(8, 8)"]),
    ("encode", {"model": Z2, "image": [[0.5] * 9] * 9}, ["image is empty", "draw"]),
    ("encode", {"model": Z2, "image": [[0.5] * 8] * 8, "raw": 1}, ["raw is 1", "true or false"]),
    ("reconstruct", {}, ["dataset is missing", "digits"]),
    ("reconstruct", {"dataset": "mnist", "index": 0}, ["dataset is 'mnist'", "digits"]),
    ("reconstruct", {"dataset": "digits"}, ["index is missing", "whole number"]),
    ("reconstruct", {"dataset": "digits", "index": 360}, ["index is 360", "0 to 359"]),
    ("reconstruct", {"dataset": "digits", "index": -1}, ["index is -1", "0 or more"]),
    ("reconstruct", {"dataset": "digits", "index": 1.5}, ["index is 1.5", "whole number"]),
    ("reconstruct", {"dataset": "digits", "index": 1, "models": []}, ["models is []", "1 to 64"]),
    ("reconstruct", {"dataset": "digits", "index": 1, "models": [Z2, "nope"]}, ["model is 'nope'", Z2]),
    ("reconstruct", {"dataset": "digits", "index": 1, "models": Z2}, [f"models is '{Z2}'", "list"]),
    ("codes", {"model": "../models"}, ["model is '../models'", Z2]),
    ("manifold", {"model": Z2, "n": 31}, ["n is 31", "1 to 30"]),
    ("manifold", {"model": Z2, "n": 0}, ["n is 0", "1 to 30"]),
    ("manifold", {"model": Z2, "n": 5.0}, ["n is 5.0", "1 to 30"]),
    ("manifold", {"model": Z2, "n": 10**30}, ["n is a whole number of 100 bits", "1 to 30"]),
    ("manifold", {"model": Z2, "extent": -1}, ["extent is -1", "0 to 100"]),
    ("manifold", {"model": Z2, "extent": float("inf")}, ["extent is inf", "0 to 100"]),
    ("manifold", {"model": Z2, "spacing": "odd"}, ["spacing is 'odd'", "even or equal-mass"]),
    ("manifold", {"model": Z2, "chart": "tsne"}, ["chart is 'tsne'", "pca"]),
    ("manifold", {"model": Z2, "chart": "axes:0,2"}, ["chart is 'axes:0,2'", "0 to 1"]),
    ("manifold", {"model": Z2, "chart": "umap"}, ["chart is 'umap'", "python -m vae charts"]),
    ("manifold", {"model": Z2, "chart": ["pca"]}, ["chart is ['pca']", "pca"]),
    ("sample", {"model": Z2}, ["n is missing", "1 to 1024"]),
    ("sample", {"model": Z2, "n": 1025}, ["n is 1025", "1 to 1024"]),
    ("sample", {"model": Z2, "n": True}, ["n is true", "1 to 1024"]),
    ("sample", {"model": Z2, "n": 1, "temperature": 3.1}, ["temperature is 3.1", "0 to 3"]),
    ("sample", {"model": Z2, "n": 1, "temperature": "hot"}, ["temperature is 'hot'", "0 to 3"]),
    ("sample", {"model": Z2, "n": 1, "seed": -1}, ["seed is -1", "0 or more"]),
    ("sample", {"model": Z2, "n": 1, "seed": 0.5}, ["seed is 0.5", "whole number"]),
    ("interpolate", {"model": Z2, "z_start": [0, 0]}, ["z_end is missing", "2 numbers"]),
    (
        "interpolate",
        {"model": Z2, "z_start": [[0, 0]], "z_end": [0, 0]},
        ["z_start is [[0, 0]]", "2 numbers"],
    ),
    ("interpolate", {"model": Z2, "z_start": [0], "z_end": [0, 0]}, ["z_start has 1 entries", "2 numbers"]),
    (
        "interpolate",
        {"model": Z2, "z_start": [0, "0"], "z_end": [0, 0]},
        ["z_start[1] is '0'", "number from"],
    ),
    (
        "interpolate",
        {"model": Z2, "z_start": [0, 0], "z_end": [0, 0], "steps": 101},
        ["steps is 101", "2 to 100"],
    ),
    (
        "interpolate",
        {"model": Z2, "z_start": [0, 0], "z_end": [0, 0], "steps": 1},
        ["steps is 1", "2 to 100"],
    ),
    (
        "interpolate",
        {"model": Z2, "z_start": [0, 0], "z_end": [0, 0], "method": "cubic"},
        ["method is 'cubic'", "linear or slerp"],
    ),
    ("traverse", {"model": Z2, "z": [0, 0], "dim": 2, "low": 0, "high": 1}, ["dim is 2", "0 to 1"]),
    ("traverse", {"model": Z2, "z": [0, 0], "dim": -1, "low": 0, "high": 1}, ["dim is -1", "0 to 1"]),
    ("traverse", {"model": Z2, "z": [0, 0], "dim": 0, "high": 1}, ["low is missing", "number from"]),
    (
        "traverse",
        {"model": Z2, "z": [0, 0], "dim": 0, "low": 0, "high": float("nan")},
        ["high is nan", "number from"],
    ),
    ("metrics", {"model": None}, ["model is missing", Z2]),
    ("metrics", {"model": Z2, "extra": 1}, ["/metrics has no field 'extra'", "its fields are model"]),
    ("models", {"extra": 1}, ["/models has no field 'extra'", "takes none"]),
]


@pytest.mark.parametrize(("name", "asked", "words"), WRONG, ids=[f"{n}-{w[0][:40]}" for n, _, w in WRONG])
def test_a_wrong_field_is_answered_with_its_name_its_value_and_what_is_allowed(endpoints, name, asked, words):
    with pytest.raises(gr.Error) as refused:
        getattr(endpoints, name)(**asked)
    text = refused.value.message
    assert all(word in text for word in words), text
    assert len(text) < 1000 and text.endswith(".") and not refused.value.print_exception


def test_every_door_refuses_a_field_it_does_not_know(doors):
    for name, door in doors.items():
        reply = asyncio.run(door({"zz": 1}))
        assert f"{name} has no field 'zz'" in reply["error"]
        assert "takes one object of named fields" in asyncio.run(door([1]))["error"]


def test_a_check_costs_microseconds(explorer):

    asked = {"model": Z2, "z": [0.1, 0.2], "label": None}
    explorer.codes(Z2)
    best = (
        min(
            timeit.repeat(
                lambda: fields.check("place", Doors.place.door["checks"], asked, explorer),
                number=200,
                repeat=5,
            )
        )
        / 200
    )
    assert best < 2e-4, f"{best * 1e6:.0f} us"
