"""The training images' codes, which no model folder holds: computed on first asking, judged by torch and by the data set's own labels."""

import asyncio
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from support import ROOT, needs_model

import vae.data.load
import vae.explorer
from vae import Explorer, load_model
from vae.errors import DataError, InputError
from vae.ui.doors import Doors

Z2, Z5, COND = "digits-tutorial-z2", "digits-tutorial-z5", "digits-tutorial-cond-sigma-z2"


def torch_means(folder: Path, images: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
    with torch.no_grad():
        return (
            load_model(folder)
            .encode(
                torch.from_numpy(images / np.float32(255)),
                None if labels is None else torch.from_numpy(labels),
            )[0]
            .numpy()
        )


def ask(doors: Doors, name: str, fields: dict) -> dict:
    return asyncio.run(next(door for door in doors.functions() if door.__name__ == name)(fields))


@pytest.mark.parametrize("model", [Z2, Z5, COND])
def test_the_training_codes_lie_where_torch_encodes_them(trained, digits, model):
    train, explorer = digits[0], Explorer(trained)
    found, chart = explorer.training_map(model), explorer.chart(model)
    mu = torch_means(trained / model, train.images, train.labels if model == COND else None).astype(
        np.float64
    )
    np.testing.assert_allclose(found["uv"], (mu - chart.origin) @ chart.basis.T, atol=1e-4)
    np.testing.assert_array_equal(found["labels"], train.labels)
    assert found["total"] == len(train) == 1437


def test_the_parts_joined_are_the_whole(trained, monkeypatch):
    whole = Explorer(trained).training_map(Z5, chart="axes:1,3")
    monkeypatch.setattr(vae.explorer, "TRAINING_PART", 500)
    explorer = Explorer(trained)
    parts = [explorer.training_map(Z5, start, "axes:1,3") for start in (0, 500, 1000)]
    np.testing.assert_allclose(np.concatenate([p["uv"] for p in parts]), whole["uv"], atol=1e-5)
    np.testing.assert_array_equal(np.concatenate([p["labels"] for p in parts]), whole["labels"])
    for start in (250, 1500, -500):
        with pytest.raises(InputError, match=f"start is {start}; it must be a multiple of 500 below 1,437"):
            explorer.training_map(Z5, start)


def test_training_codes_are_encoded_once_whatever_the_chart(trained, monkeypatch):
    explorer, blocks = Explorer(trained), []
    loaded = explorer.catalogue.load(Z5)
    means = loaded.means
    monkeypatch.setattr(
        loaded, "means", lambda images, labels: blocks.append(len(images)) or means(images, labels)
    )
    for chart in ("pca", "axes:0,1", None):
        explorer.training_map(Z5, chart=chart)
    assert blocks == [1437]


def test_on_umap_a_training_code_lies_among_the_places_of_its_nearest_test_codes(trained, digits, tmp_path):
    from sklearn.neighbors import NearestNeighbors

    shutil.copytree(trained / Z5, tmp_path / Z5)
    places = np.random.default_rng(0).normal(size=(360, 2)).astype(np.float32)
    save_file({"umap": places}, tmp_path / Z5 / "charts.safetensors")
    explorer = Explorer(tmp_path)
    uv = explorer.training_map(Z5, chart="umap")["uv"]
    distances, rows = (
        NearestNeighbors(n_neighbors=15)
        .fit(explorer.codes(Z5)["mu"])
        .kneighbors(torch_means(trained / Z5, digits[0].images))
    )
    weight = 1 / (distances + 1e-6)
    np.testing.assert_allclose(
        uv, (weight[..., None] * places[rows]).sum(1) / weight.sum(1)[:, None], atol=2e-3
    )


def test_absent_training_images_are_a_sentence_with_the_way_out_and_never_a_download(tmp_path, monkeypatch):
    needs_model("mnist-default-z2")
    monkeypatch.setattr(vae.data.load, "fetch", lambda *_: pytest.fail("a download began"))
    monkeypatch.setattr("vae.catalogue.fetch", lambda *_: pytest.fail("a download began"))
    explorer = Explorer(ROOT / "models", tmp_path)
    with pytest.raises(DataError, match="MNIST is not in .*put train-images-idx3-ubyte.* by hand"):
        explorer.training_map("mnist-default-z2")
    reply = ask(Doors(explorer), "training", {"model": "mnist-default-z2"})
    assert list(reply) == ["absent"] and "by hand" in reply["absent"]
