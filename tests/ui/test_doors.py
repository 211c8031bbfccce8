"""The page's own questions: what comes back packed in binary, against the library asked another way."""

import asyncio
import base64

import numpy as np
import pytest
import torch
from support import MODELS, needs_model

from vae import Explorer, load_model
from vae.ui.doors import Doors

DIGITS = "digits-default-z2"  # its images come with scikit-learn, so that they are always at hand
MNIST = "mnist-default-z2"
Z2 = "digits-tutorial-z2"


@pytest.fixture(scope="module")
def shipped() -> Explorer:
    return Explorer(MODELS)


def ask(explorer: Explorer, door: str, **fields) -> dict:
    (function,) = (f for f in Doors(explorer).functions() if f.__name__ == door)
    return asyncio.run(function(fields))


def unpacked(packed: dict) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed["b64"]), packed["dtype"]).reshape(packed["shape"])


# ---- the figures that codes are coloured by


def test_the_recon_of_every_code_is_the_one_shown_for_that_image(shipped):
    needs_model(DIGITS)
    recons = unpacked(ask(shipped, "recons", model=DIGITS)["values"])
    for index in (0, 17, 255, len(recons) - 1):
        assert recons[index] == pytest.approx(shipped.select(DIGITS, index)["recon"], rel=1e-4)


def test_without_the_images_there_is_no_recon_and_no_error(shipped, monkeypatch):
    from vae.errors import DataError

    def gone(dataset, split):
        raise DataError("The images are not on this computer.")

    needs_model(DIGITS)
    monkeypatch.setattr(shipped.catalogue, "images", gone)
    assert ask(shipped, "recons", model=DIGITS) == {"values": None}


# ---- the training images' codes


def test_the_door_gives_places_and_labels_in_binary_and_refuses_by_name(trained, digits):
    explorer = Explorer(trained)
    reply = ask(explorer, "training", model=Z2)
    uv = unpacked(reply["uv"])
    with torch.no_grad():  # at Z = 2 the chart is z itself
        means = load_model(trained / Z2).encode(torch.from_numpy(digits[0].images / np.float32(255)))[0]
    np.testing.assert_allclose(uv, means.numpy(), atol=1e-4)
    labels = unpacked(reply["labels"])
    np.testing.assert_array_equal(np.bincount(labels), np.bincount(digits[0].labels))
    assert (reply["start"], reply["total"]) == (0, 1437)
    for field, value, words in (
        ("start", -1, "start is -1; it must be a whole number"),
        ("start", 1.0, "start is 1.0"),
        ("start", True, "start is true"),
        ("start", 7, "multiple of 5,000"),
        ("start", 5000, "below 1,437"),
        ("chart", "pie", "chart is 'pie'"),
        ("model", "x", "model is 'x'"),
    ):
        assert words in ask(explorer, "training", **({"model": Z2} | {field: value}))["error"]
