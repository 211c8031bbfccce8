"""The figures that codes are coloured by, against the ones the page shows for a single image and against scikit-learn."""

import asyncio
import base64

import numpy as np
import pytest
from support import MODELS, needs_model

from vae.explorer import Explorer
from vae.ui.doors import Doors

NAME = "digits-default-z2"  # its images come with scikit-learn, so that they are always at hand


@pytest.fixture(scope="module")
def explorer():
    needs_model(NAME)
    return Explorer(MODELS)


def ask(explorer, **fields):
    (door,) = (f for f in Doors(explorer).functions() if f.__name__ == "recons")
    return asyncio.run(door({"model": NAME, **fields}))


def values(reply) -> np.ndarray:
    return np.frombuffer(base64.b64decode(reply["values"]["b64"]), np.float32)


def test_the_recon_of_every_code_is_the_one_shown_for_that_image(explorer):
    recons = values(ask(explorer))
    for index in (0, 17, 255, len(recons) - 1):
        assert recons[index] == pytest.approx(explorer.select(NAME, index)["recon"], rel=1e-4)


def test_without_the_images_there_is_no_recon_and_no_error(explorer, monkeypatch):
    from vae.errors import DataError

    def gone(dataset, split):
        raise DataError("The images are not on this computer.")

    monkeypatch.setattr(explorer.catalogue, "images", gone)
    assert ask(explorer) == {"values": None}
