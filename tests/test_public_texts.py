"""What strangers are told of a fault: the thing and the value, never where folders lie nor what only their owner can do."""

from __future__ import annotations

import copy
import json
import pickle
import shutil

import gradio as gr
import pytest
from digits_models import Z2, Z5

from vae import Explorer
from vae.errors import CheckpointError, InputError, VAEError
from vae.ui.api import Endpoints
from vae.ui.page_data import page_data

ADVICE = (
    "train the model",
    "restore",
    "python -m",
    "--models",
    "--name",
    "permission",
    "delete it",
    "move them",
)


def test_an_error_keeps_advice_apart_also_when_it_is_copied_or_sent():
    error = CheckpointError("a/b: is missing", "train the model again")
    for one in (error, copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert (str(one), one.public) == ("a/b: is missing; train the model again.", "a/b: is missing.")
    plain = InputError("z is null; it must be a place.")
    assert str(plain) == plain.public == "z is null; it must be a place."


@pytest.fixture
def faulty(copied, tmp_path) -> Explorer:
    """A folder of one sound model and many broken ones, and data of garbage, all in places with telling names."""
    models, data = copied.rename(tmp_path / "secret models"), tmp_path / "secret data" / "MNIST" / "raw"
    damage = {
        "config.json": b"{",
        "metrics.json": b"[]",
        "history.json": None,
        "codes.safetensors": b"",
        "model.safetensors": None,
    }
    for file, content in damage.items():
        broken = shutil.copytree(models / Z2, models / f"without {file}") / file
        broken.unlink() if content is None else broken.write_bytes(content)
    shutil.copytree(models / Z2, models / "above" / "below")
    for file in ("x.pt", "x.zip", "x.h5"):
        (models / file).touch()
    (models / "loop").symlink_to("loop")
    data.mkdir(parents=True)
    for file in ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
        (data / file).write_bytes(b"garbage")
    return Explorer(models, tmp_path / "secret data")


def check(text: str) -> None:
    assert "secret" not in text and not [word for word in ADVICE if word in text], text


def test_no_fault_of_a_folder_tells_strangers_of_paths_or_advises_the_owner(faulty):
    catalogue = faulty.catalogue
    for name in list(catalogue.folders()):
        try:
            faulty.decode(name, [[0, 0]])
        except VAEError as error:
            check(catalogue.shown(error))
    page = page_data(catalogue, public=True)
    assert len(page["broken"]) >= 9
    for text in page["broken"].values():
        check(text)
        assert text.endswith(".")
    faults = [one["fault"] for one in page["datasets"] if one["fault"]]
    assert faults == [
        "data/MNIST/raw/t10k-images-idx3-ubyte is not an idx file of 3 dimensions (it starts with 67617262)."
    ]
    owner = page_data(catalogue, public=False)
    assert "restore the folder" in json.dumps(owner["broken"]) and "delete it" in json.dumps(
        owner["datasets"]
    )


def test_an_endpoint_tells_strangers_no_advice_for_the_owner(faulty):
    endpoints = Endpoints(faulty, public=True)
    for name in ("without config.json", "without codes.safetensors", "above", "x.pt", "nothing"):
        with pytest.raises(gr.Error) as caught:
            endpoints.codes(name)
        check(caught.value.message)
    with pytest.raises(gr.Error, match="restore the folder"):
        Endpoints(faulty).codes("without config.json")


def test_without_a_model_strangers_are_not_told_how_to_train_one(tmp_path):
    explorer = Explorer(tmp_path)
    with pytest.raises(InputError, match="python -m vae train") as caught:
        explorer.codes(Z5)
    assert explorer.catalogue.shown(caught.value) == f"model is '{Z5}'; the models are none."
