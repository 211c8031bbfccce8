"""Which models and data sets there are to ask about, wherever the program is started from."""

import shutil

import pytest
from support import ROOT

from vae import Explorer, list_models, load_model
from vae.catalogue import default_models_dir
from vae.data.load import data_dir


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
    from vae.runs import Run, train_model

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
