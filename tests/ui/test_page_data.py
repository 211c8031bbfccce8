"""What the page is told before anything is drawn: its commands do what they say."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest

import vae.ui.page_data
from vae import Explorer
from vae.ui.page_data import page_data


def commands(models: Path | str, public: bool = False) -> list[str]:
    told = page_data(Explorer(models).catalogue, public)["commands"]
    return [command for known in told.values() for command in known.values()]


def test_commands_that_train_name_the_folder_that_is_shown(trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = Path(shutil.copytree(trained, tmp_path / "my models"))
    for models in (shown, "my models", tmp_path / "none"):
        for command in commands(models):
            assert " --latent-dims {latent_dims} " in command
            assert shlex.split(command)[-2:] == ["--out", Path(models).as_posix()]


@pytest.mark.parametrize("models", ["models", "./models", "models/../models"])
def test_commands_name_no_folder_where_a_training_writes_there_by_itself(tmp_path, monkeypatch, models):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    for place in (models, tmp_path / models):
        assert all("--out" not in command for command in commands(place))


def test_commands_do_not_train_into_an_installed_package(tmp_path, monkeypatch):
    package = tmp_path / "site-packages" / "vae"
    monkeypatch.setattr(vae.ui.page_data, "__file__", str(package / "ui" / "page_data.py"))
    assert all("--out" not in command for command in commands(package / "models"))


def test_strangers_are_not_told_the_folder(trained):
    assert all("--out" not in command for command in commands(trained, public=True))
