"""The page's own questions: what comes back packed in binary, against the library asked another way."""

import asyncio
import base64
import json
import shlex
import shutil

import gradio as gr
import numpy as np
import pytest
import torch
from digits_models import AE, COND, Z2, Z5
from safetensors.torch import save_file
from support import MODELS, needs_model

from vae import Explorer, load_model
from vae.config import ModelConfig
from vae.model import VAE
from vae.ui.api import Endpoints
from vae.ui.doors import Doors

DIGITS = "digits-default-z2"  # its images come with scikit-learn, so that they are always at hand
MNIST = "mnist-default-z2"


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


# ---- what strangers are told -----------------------------------------------------------------------------------------


@pytest.fixture
def public(copied, tmp_path):
    """What a public page answers whose folders have telling names, with a model of each fault, and those names."""
    models = copied.rename(tmp_path / "secret place")
    (models / Z2 / "metrics.json").write_text("{}")
    (models / Z5 / "codes.safetensors").write_bytes(b"")
    (models / AE / "history.json").unlink()
    (models / COND / "model.safetensors").unlink()
    shutil.copytree(models / Z2, models / "images elsewhere")
    config = json.loads((models / Z2 / "config.json").read_text())
    config["dataset"], config["model"]["image_shape"] = "kmnist", [1, 28, 28]
    (models / "images elsewhere" / "config.json").write_text(json.dumps(config))
    weights = VAE(ModelConfig.from_dict(config["model"])).half().state_dict()
    save_file(dict(weights), models / "images elsewhere" / "model.safetensors")
    shutil.copytree(models / Z2, models / "set" / "m")
    (models / "x.pt").touch()
    return Explorer(models, tmp_path / "secret data"), tmp_path


def test_a_public_page_does_not_tell_where_its_folders_lie(public):
    explorer, place = public
    doors = Doors(explorer, public=True)
    answers = [doors.start()]
    for door in doors.functions():
        for model in (Z2, Z5, "images elsewhere", "set"):
            fields = {"model": model, "models": [model], "dataset": "digits", "index": 0, "indices": [0]}
            wanted = getattr(doors, door.__name__).door["checks"]
            given = {name: value for name, value in fields.items() if name in wanted}
            answers.append(asyncio.run(door(given)))
    said = json.dumps(answers, default=str)
    assert "codes.safetensors" in said and "is not in data" in said and "x.pt is a PyTorch" in said
    assert "secret" not in said and str(place) not in said
    broken = doors.start()["broken"]
    assert broken[AE].startswith(f"{AE}/history.json: is missing")
    assert broken["set"] == "set holds model folders."
    assert Doors(explorer).start()["broken"]["set"].endswith("or name it by --models.")


def test_an_endpoint_does_not_tell_where_the_folders_lie(public):
    explorer, place = public
    endpoints = Endpoints(explorer)
    with pytest.raises(gr.Error, match=f"^'{Z5}/codes.safetensors: is not a safetensors file"):
        endpoints.codes(Z5)
    said = json.dumps([endpoints.metrics(Z2), endpoints.models()])
    assert f"python -m vae evaluate models/{Z2}" in said and "secret" not in said
    command = endpoints.metrics("images elsewhere")["kl"]["command"]
    assert shlex.split(command) == ["python", "-m", "vae", "evaluate", "models/images elsewhere"]


def test_the_owner_of_a_page_is_told_where_a_broken_model_lies(public):
    explorer, place = public
    reason = Doors(explorer).start()["broken"][AE]
    assert reason.startswith(str(place / "secret place" / AE / "history.json"))
