"""Which models and data sets there are to ask about, wherever the program is started from and whatever happens to their folders."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest
import torch
from digits_models import AE, COND, Z2, Z5, codes_of, decoded
from idx_files import lay
from safetensors.numpy import load_file, save_file
from starlette.applications import Starlette
from starlette.testclient import TestClient
from support import ROOT, missing, python

import vae.catalogue
from vae import Explorer, list_models, load_model
from vae.catalogue import default_models_dir
from vae.data.load import data_dir
from vae.data.sets import DATASETS, FILES
from vae.errors import CheckpointError, InputError
from vae.folders.files import write_folder
from vae.folders.folder import read_folder
from vae.runs import Run, train_model
from vae.ui.page_data import page_data
from vae.ui.web.served import routes


@pytest.fixture(scope="module")
def explorer(trained: Path) -> Explorer:
    return Explorer(trained)


def test_started_from_another_folder_the_shipped_models_are_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert default_models_dir() == ROOT / "models"
    assert "digits-default-z2" in [m["name"] for m in Explorer().models()]


def test_models_of_the_current_folder_come_before_the_shipped_ones(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "models" / "digits-default-z2", tmp_path / "models" / "mine")
    assert [m["name"] for m in Explorer().models()] == ["mine"]


def test_a_folder_models_without_any_model_does_not_hide_the_shipped_ones(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models" / "views").mkdir(parents=True)
    (tmp_path / "models" / "user.py").touch()
    assert default_models_dir() == ROOT / "models"


def test_models_inside_an_installed_package_are_found(tmp_path, monkeypatch):
    package = tmp_path / "site-packages" / "vae"
    shutil.copytree(ROOT / "models" / "digits-default-z2", package / "models" / "digits-default-z2")
    monkeypatch.setattr("vae.catalogue.__file__", str(package / "catalogue.py"))
    monkeypatch.chdir(tmp_path)
    assert [m["name"] for m in Explorer().models()] == ["digits-default-z2"]


def test_a_tilde_is_the_home_folder_in_every_path(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    shutil.copytree(ROOT / "models" / "digits-default-z2", tmp_path / "m" / "one")
    assert [m["name"] for m in Explorer("~/m").models()] == ["one"]
    assert [f.name for f in list_models("~/m")[0]] == ["one"]
    assert load_model("~/m/one").config.latent_dim == 2
    assert data_dir("~/d") == tmp_path / "d"
    monkeypatch.setenv("VAE_DATA", "~/images")
    assert data_dir() == tmp_path / "images"


def test_a_tilde_in_out_trains_into_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for _ in train_model(Run("digits", "tutorial", 2, {"epochs": 1}), "~/out", device="cpu", umap=False):
        pass
    assert (tmp_path / "out" / "digits-tutorial-z2" / "config.json").is_file()
    assert not (tmp_path / "~").exists()


@pytest.mark.parametrize("present", [True, False])
def test_data_is_looked_for_here_and_else_in_the_clone(present, tmp_path, monkeypatch):
    monkeypatch.delenv("VAE_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    if present:
        (tmp_path / "data").mkdir()
    assert data_dir().resolve() == (tmp_path / "data" if present else (ROOT / "data").resolve())


# ---- folders as they are found -------------------------------------------------------------------------------------


def test_the_list_reads_only_small_files_and_no_torch(trained):
    code = f"import sys; from vae import Explorer; e = Explorer({str(trained)!r}); assert len(e.models()) == 4; e.metrics({Z2!r}); e.history({Z2!r})"
    code += "; print([n for n in ('torch', 'sklearn', 'umap', 'gradio') if n in sys.modules])"
    assert python(code).strip() == "[]"


def test_models_stand_in_order_of_recipe_flags_and_size(explorer):
    assert [m["name"] for m in explorer.models()] == [Z2, Z5, AE, COND]
    assert [explorer.catalogue.folder(m).variant for m in (Z2, AE, COND)] == [(), ("ae",), ("cond", "sigma")]


def test_an_empty_or_absent_folder_has_no_models_and_says_how_to_make_one(tmp_path):
    for folder in (tmp_path, tmp_path / "absent"):
        explorer = Explorer(folder)
        assert explorer.models() == [] and explorer.catalogue.broken() == {}
        with pytest.raises(InputError, match="python -m vae train"):
            explorer.codes(Z2)


def test_a_folder_that_cannot_be_read_is_listed_with_its_reason_and_the_others_work(copied):
    (copied / Z2 / "config.json").write_text("{")
    explorer = Explorer(copied)
    assert {m["name"] for m in explorer.models()} == {Z5, AE, COND}
    assert set(explorer.catalogue.broken()) == {Z2} and "config.json" in explorer.catalogue.broken()[Z2]
    with pytest.raises(CheckpointError, match="config.json"):
        explorer.codes(Z2)
    assert explorer.decode(Z5, np.zeros((1, 5))).shape == (1, 1, 8, 8)


def test_damaged_weights_are_found_when_first_asked_for_and_noted(copied):
    (copied / Z2 / "model.safetensors").write_bytes(b"\x00" * 100)
    explorer = Explorer(copied)
    assert Z2 in {m["name"] for m in explorer.models()}, "a list reads no weights"
    through = explorer.reconstruct("digits", 3)
    assert set(through["models"]) == {Z5, AE, COND}, (
        "one broken model does not keep the others from answering"
    )
    assert (
        Z2 not in {m["name"] for m in explorer.models()}
        and "model.safetensors" in explorer.catalogue.broken()[Z2]
    )
    with pytest.raises(CheckpointError, match="model.safetensors"):
        explorer.reconstruct("digits", 3, [Z2])


def test_refresh_sees_what_was_added_mended_and_removed(copied):
    kept = (copied / Z2 / "model.safetensors").read_bytes()
    (copied / Z2 / "model.safetensors").write_bytes(b"")
    explorer = Explorer(copied)
    assert explorer.codes(Z2)["mu"].shape == (360, 2), "codes need no weights"
    with pytest.raises(CheckpointError, match="model.safetensors"):
        explorer.decode(Z2, np.zeros((1, 2)))
    (copied / Z2 / "model.safetensors").write_bytes(kept)
    shutil.copytree(copied / Z5, copied / "mine")
    shutil.rmtree(copied / AE)
    explorer.catalogue.refresh()
    assert {m["name"] for m in explorer.models()} == {Z2, Z5, COND, "mine"}
    assert explorer.decode(Z2, np.zeros((1, 2))).shape == (1, 1, 8, 8)


def test_a_name_that_is_no_folder_of_ours_opens_nothing(explorer):
    for name in ("../models", "/etc", ".", "", f"{Z2}/", None, 3, f"{Z2}\x00"):
        with pytest.raises(InputError, match="model is"):
            explorer.codes(name)


def test_few_models_are_kept_in_memory_and_the_least_recently_asked_goes_first(trained, monkeypatch):
    monkeypatch.setattr("vae.catalogue.LOADED_MODELS", 2)
    explorer = Explorer(trained)
    for name in (Z2, Z5, Z2, AE):
        explorer.codes(name)
    assert len(explorer.catalogue._loaded) == 2
    first = explorer.codes(Z2)["mu"]
    assert first is explorer.codes(Z2)["mu"], "still open"
    assert {name for name, _ in explorer.catalogue._loaded} == {Z2, AE}


def test_many_threads_get_the_same_answers_and_open_a_model_once(trained, monkeypatch):
    opened, real = [], vae.catalogue.LoadedModel
    monkeypatch.setattr(
        vae.catalogue, "LoadedModel", lambda folder: opened.append(folder.name) or real(folder)
    )
    explorer, z, answers, faults = Explorer(trained), np.linspace(-2, 2, 10).reshape(5, 2), [], []
    start = threading.Barrier(8)

    def ask() -> None:
        try:
            start.wait()
            for _ in range(5):
                answers.append(explorer.decode(Z2, z))
                explorer.place(Z5, np.zeros(5))
                explorer.map(Z5, "pca")
        except Exception as fault:
            faults.append(fault)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults and sorted(opened) == [Z2, Z5]
    assert all(np.array_equal(answers[0], other) for other in answers)


# ---- folders that change while it runs -------------------------------------------------------------------------------


@pytest.fixture
def watched(copied, monkeypatch) -> Explorer:
    """An explorer that looks at its folder before each question."""
    monkeypatch.setattr("vae.catalogue.LOOK_EVERY", 0.0)
    return Explorer(copied)


def test_a_model_trained_again_under_its_name_answers_with_its_new_weights_codes_charts_and_figures(
    watched, copied, digits
):
    z = np.zeros((1, 2))
    before = {
        "revision": watched.catalogue.revision(),
        "weights": watched.catalogue.folder(Z2).revision,
        "image": watched.decode(Z2, z),
        "map": watched.map(Z2)["uv"],
        "recons": watched.recons(Z2),
        "training": watched.training_map(Z2)["uv"],
        "chart": watched.chart(Z2, "pca").origin,
    }
    files = {p.name: p.read_bytes() for p in (copied / AE).iterdir()}
    write_folder(copied / Z2, files, force=True)
    assert watched.catalogue.revision() != before["revision"]
    assert watched.catalogue.folder(Z2).revision != before["weights"]
    np.testing.assert_allclose(watched.decode(Z2, z), decoded(copied, AE, z), atol=1e-6)
    np.testing.assert_allclose(watched.map(Z2)["uv"], codes_of(copied, AE)["mu"], atol=1e-6)
    np.testing.assert_array_equal(watched.recons(Z2), watched.recons(AE))
    np.testing.assert_array_equal(watched.training_map(Z2)["uv"], watched.training_map(AE)["uv"])
    np.testing.assert_array_equal(watched.chart(Z2, "pca").origin, watched.chart(AE, "pca").origin)
    for key, now in (("map", watched.map(Z2)["uv"]), ("recons", watched.recons(Z2))):
        assert np.abs(now - before[key]).max() > 0.01, f"the two models differ in {key}"


def test_a_model_that_is_added_damaged_mended_or_removed_is_noticed_without_a_restart(watched, copied):
    revisions = [watched.catalogue.revision()]

    def changed() -> bool:
        revisions.append(watched.catalogue.revision())
        return revisions[-1] != revisions[-2]

    assert not changed()
    shutil.copytree(copied / Z5, copied / "mine")
    assert changed() and watched.codes("mine")["mu"].shape == (360, 5)
    config = (copied / "mine" / "config.json").read_bytes()
    (copied / "mine" / "config.json").write_bytes(b"{")
    assert changed() and "config.json" in watched.catalogue.broken()["mine"]
    (copied / "mine" / "config.json").write_bytes(config)
    assert changed() and "mine" not in watched.catalogue.broken()
    shutil.rmtree(copied / "mine")
    assert changed() and "mine" not in {m["name"] for m in watched.models()}
    with pytest.raises(InputError, match="model is 'mine'"):
        watched.codes("mine")


def test_the_revision_of_the_weights_is_the_beginning_of_their_sha256(explorer, trained):
    digest = hashlib.sha256((trained / Z5 / "model.safetensors").read_bytes()).hexdigest()
    assert explorer.catalogue.folder(Z5).revision == digest[:8]


def test_reserved_folders_beside_the_models_are_neither_models_nor_broken(copied):
    for name in ("judges", "traps"):
        (copied / name).mkdir()
    catalogue = Explorer(copied).catalogue
    assert set(catalogue.folders()) == {Z2, Z5, AE, COND} and catalogue.broken() == {}


def _too_large(weights: Path) -> None:
    with weights.open("r+b") as file:
        file.truncate(3 << 30)  # sparse: it takes no room


def _unreadable(weights: Path) -> None:
    """A file that the system refuses to read, whoever asks."""
    weights.unlink()
    weights.symlink_to("/proc/self/mem" if sys.platform == "linux" else weights.parent)


def _removed(weights: Path) -> None:
    shutil.rmtree(weights.parent)


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [(_too_large, "3221225472 bytes"), (_unreadable, "cannot be read"), (_removed, "is missing")],
)
def test_weights_that_cannot_be_read_break_their_own_model_alone(spoil, fault, copied, monkeypatch):
    catalogue = Explorer(copied).catalogue
    if spoil is _removed:  # after the models were listed, before their weights are hashed
        catalogue.folders()
        monkeypatch.setattr("vae.catalogue.LOOK_EVERY", 1e9)
    spoil(copied / Z2 / "model.safetensors")
    page = page_data(catalogue, public=False)
    assert [m["name"] for m in page["models"]] == [Z5, AE, COND] and page["opens"] == Z5
    assert set(page["broken"]) == {Z2} and fault in page["broken"][Z2]
    assert "model.safetensors" in page["broken"][Z2]


def test_weights_without_a_stamp_are_hashed_each_time(copied, monkeypatch):
    monkeypatch.setattr("vae.folders.folder.stamp_of", lambda path: ())  # as while an exchange is under way
    file = copied / Z2 / "model.safetensors"
    before = read_folder(copied / Z2).revision
    file.write_bytes((copied / AE / "model.safetensors").read_bytes())
    assert read_folder(copied / Z2).revision != before
    assert read_folder(copied / Z2).revision == hashlib.sha256(file.read_bytes()).hexdigest()[:8]


ODD = os.fsdecode(b"mod\xe8le")  # a name that another system wrote in Latin-1


@pytest.fixture
def oddly_named(trained, tmp_path) -> Path:
    """A models folder whose own name and whose content's names are no UTF-8: a model, a broken one and a checkpoint."""
    models = tmp_path / ODD
    try:
        shutil.copytree(trained / Z2, models / ODD)
    except OSError:
        missing("this disk takes only names in UTF-8")
    (models / (ODD + "-empty")).mkdir()
    (models / (ODD + ".pt")).touch()
    return models


def test_names_that_are_no_utf_8_are_shown_so_that_any_json_and_file_takes_them(oddly_named):
    explorer = Explorer(oddly_named)
    page = page_data(explorer.catalogue, public=False)
    assert [m["name"] for m in page["models"]] == ["mod\ufffdle"]
    assert set(page["broken"]) == {"mod\ufffdle-empty", "mod\ufffdle.pt"}
    assert page["folder"].endswith("/mod\ufffdle")
    assert orjson.loads(orjson.dumps(page)) == json.loads(json.dumps(page))
    assert explorer.decode("mod\ufffdle", np.zeros((1, 2))).shape == (1, 1, 8, 8)
    with pytest.raises(CheckpointError, match="mod\ufffdle.pt is a PyTorch checkpoint"):
        explorer.codes("mod\ufffdle.pt")
    with pytest.raises(CheckpointError, match="mod\ufffdlex is not a model folder"):
        load_model(oddly_named.with_name(ODD + "x"))


def test_a_models_folder_that_cannot_be_read_is_a_sentence_and_opens_once_it_can(
    watched, copied, monkeypatch
):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as locked:
        locked.setattr(os, "scandir", refuse)
        locked.setattr(os, "listdir", refuse)
        with pytest.raises(CheckpointError, match="cannot be read as a folder of models .Permission denied."):
            watched.models()
    assert {m["name"] for m in watched.models()} == {Z2, Z5, AE, COND}


def test_a_link_to_itself_among_the_models_keeps_none_from_opening(watched, copied):
    (copied / "loop").symlink_to("loop")
    (copied / Z5 / "loop").symlink_to("loop")
    assert {m["name"] for m in watched.models()} == {Z2, Z5, AE, COND}
    watched.decode(Z5, np.zeros((1, 5)))


@pytest.mark.parametrize("in_place", [True, False])
def test_weights_replaced_by_others_of_the_same_time_and_size_are_noticed(in_place, watched, copied):
    file, other = copied / Z2 / "model.safetensors", copied / "other"
    old, z = file.stat(), np.zeros((1, 2))
    before = watched.decode(Z2, z)
    weights = load_file(file)
    save_file({name: value + np.float16(0.5) for name, value in weights.items()}, other)
    content = other.read_bytes()
    if in_place:
        with file.open("r+b") as opened:
            opened.write(content)
    else:
        os.replace(other, file)
    os.utime(file, ns=(old.st_atime_ns, old.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (old.st_size, old.st_mtime_ns)
    assert np.abs(watched.decode(Z2, z) - before).max() > 0.01
    assert watched.catalogue.folder(Z2).revision == hashlib.sha256(content).hexdigest()[:8]


# ---- models that contradict their data set ---------------------------------------------------------------------------


def test_a_model_of_another_shape_than_its_data_set_is_broken_and_the_others_answer(copied):
    config = json.loads((copied / Z2 / "config.json").read_text())
    config["model"]["image_shape"] = [1, 28, 28]
    (copied / Z2 / "config.json").write_text(json.dumps(config))
    explorer = Explorer(copied)
    assert set(explorer.reconstruct("digits", 0)["models"]) == {Z5, AE, COND}
    assert set(explorer.catalogue.broken()) == {Z2}
    with pytest.raises(CheckpointError, match=r"\(1, 28, 28\), but images of digits are \(1, 8, 8\)"):
        explorer.decode(Z2, np.zeros((1, 2)))


def test_codes_beyond_the_test_images_of_unpublished_sets_are_shown_as_reconstructions(copied, monkeypatch):
    monkeypatch.setitem(DATASETS, "digits", replace(DATASETS["digits"], test_size=None, test_labels=None))
    codes = load_file(copied / Z2 / "codes.safetensors")
    longer = {name: np.concatenate([value, value[:5]]) for name, value in codes.items()}
    save_file(longer, copied / Z2 / "codes.safetensors")
    explorer = Explorer(copied)
    shown = explorer.thumbnails(Z2, [0, 364])
    np.testing.assert_allclose(shown / 255, decoded(copied, Z2, longer["mu"][[0, 364]]), atol=0.51 / 255)
    assert explorer.select(Z2, 364)["original"] is None
    assert set(explorer.reconstruct("digits", 362)["models"]) == {Z2}, "the only one that has it"
    with pytest.raises(InputError, match="index is 365"):
        explorer.reconstruct("digits", 365)
    with pytest.raises(InputError, match="index is 362"):
        explorer.reconstruct("digits", 362, [Z2, Z5])


# ---- images that change while it runs --------------------------------------------------------------------------------


@pytest.fixture
def kmnist(tmp_path) -> tuple[Path, Path, str]:
    """A models folder and a data folder of kmnist: small files of our own making and a model trained on them."""
    models, data = tmp_path / "kmnist models", tmp_path / "data"
    lay(data / "KMNIST" / "raw")
    run = Run("kmnist", "tutorial", 2, {"epochs": 1})
    for _ in train_model(run, models, data_dir=data, device="cpu", umap=False):
        pass
    return models, data, run.folder_name()


def test_images_that_are_replaced_replace_all_that_was_computed_from_them(kmnist):
    models, data, name = kmnist
    explorer = Explorer(models, data)
    client = TestClient(Starlette(routes=routes(explorer.catalogue)))

    def answers(explorer: Explorer) -> dict[str, np.ndarray]:
        return {
            "original": explorer.select(name, 3)["original"],
            "thumbnail": explorer.thumbnails(name, [3]),
            "recons": explorer.recons(name),
            "training": explorer.training_map(name)["uv"],
        }

    before, packed = answers(explorer), client.get("/lx/images/kmnist")
    shutil.rmtree(data)
    new = lay(data / "KMNIST" / "raw", rng_seed=1)
    after, fresh = answers(explorer), answers(Explorer(models, data))
    for key, value in after.items():
        np.testing.assert_array_equal(value, fresh[key], err_msg=key)
        assert np.abs(np.asarray(value, float) - before[key]).max() > 0.01, f"{key} differs"
    again = client.get("/lx/images/kmnist", headers={"If-None-Match": packed.headers["etag"]})
    assert again.status_code == 200 and again.content == new[FILES["test"][0]].tobytes()


def test_weights_that_answer_with_infinities_for_some_place_alone_are_named_when_it_is_asked(copied):
    loaded = Explorer(copied).catalogue.load(Z2)
    with torch.no_grad():
        for weights in loaded.vae.parameters():
            weights.mul_(1e9)
    with pytest.raises(CheckpointError, match="an image or a posterior is not finite"):
        loaded.encode(np.ones((1, 1, 8, 8), np.float32) * 1e30, None)
