"""The decoded ground of the map against the manifold grid, which finds its places another way."""

import asyncio
import base64

import numpy as np
import pytest
from support import MODELS, needs_model

from vae.explorer import Explorer
from vae.ui.doors import Doors

NAME = "mnist-default-z2"


def unpacked(packed):
    return np.frombuffer(base64.b64decode(packed["b64"]), packed["dtype"]).reshape(packed["shape"])


@pytest.fixture(scope="module")
def explorer():
    needs_model(NAME)
    return Explorer(MODELS)


def ask(explorer, **fields):
    (door,) = (f for f in Doors(explorer).functions() if f.__name__ == "ground")
    return asyncio.run(door({"model": NAME, **fields}))


def test_cells_around_the_places_of_a_manifold_grid_decode_to_the_same_images(explorer):
    n, half = 9, 2 / 8 / 1  # the grid's places are 4 / 8 apart, so its cells reach half of that beyond
    answer = ask(explorer, box=[-2 - half, 2 + half, -2 - half, 2 + half], columns=n, rows=n)
    expected = explorer.manifold(NAME, n=n, extent=2.0)["images"]
    assert np.abs(unpacked(answer["images"]).reshape(expected.shape) / 255 - expected).max() <= 0.51 / 255
    assert len(answer["support"]) == n * n and 0 <= min(answer["support"]) <= max(answer["support"]) <= 1


def test_a_ground_of_more_tiles_than_the_page_asks_for_is_refused_in_words(explorer):
    assert "columns" in ask(explorer, box=[-2, 2, -2, 2], columns=100, rows=100)["error"]
