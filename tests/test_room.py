"""The room that a training is said to need is what its folders take, seen from the disk."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from vae.data.load import load_split
from vae.errors import CheckpointError
from vae.folders.place import check_place
from vae.room import check_rooms, folder_bytes, needed_bytes
from vae.runs import Run, train_model


def size(path) -> int:
    return sum(file.stat().st_size for file in path.iterdir())


@pytest.mark.parametrize("recipe", ["tutorial", "default"])
def test_a_folder_takes_no_more_than_it_is_said_to(tmp_path, monkeypatch, recipe):
    monkeypatch.setattr("vae.room.CODES", len(load_split("digits", "test")))
    monkeypatch.setattr("vae.runs.SAVE_EVERY", -1.0)
    run = Run("digits", recipe, 3, {"epochs": 2})
    finished, unfinished = folder_bytes(*run.configs())
    path, sizes = tmp_path / run.folder_name(), []
    for _ in train_model(run, tmp_path, device="cpu", umap=False):
        sizes.append(size(path))
    assert 0.5 * unfinished < max(sizes) <= unfinished
    assert size(path) <= finished < unfinished


def test_several_trainings_need_what_the_finished_ones_keep_and_the_largest_beside_its_last_save(tmp_path):
    trainings = [
        (tmp_path / run.folder_name(), *run.configs())
        for run in (Run("mnist", "default", 2), Run("mnist", "default", 10))
    ]
    (first, largest), (second, other) = (folder_bytes(model, train) for _, model, train in trainings)
    assert needed_bytes(trainings) == max(2 * largest, first + 2 * other) and second < other
    path = trainings[0][0]
    path.mkdir()
    (path / "model.safetensors").write_bytes(b"0" * largest)
    # the disk holds the old folder already, and gets it back
    assert needed_bytes(trainings[:1]) == largest


def test_what_has_no_room_is_refused_with_every_name_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr("vae.room.folder_bytes", lambda *_: (10**15, 10**16))
    runs = [Run("digits", "tutorial", size) for size in (2, 5)]
    trainings = [(tmp_path / run.folder_name(), *run.configs()) for run in runs]
    with pytest.raises(
        CheckpointError,
        match=r"Training digits-tutorial-z2, digits-tutorial-z5 takes up to 21,000,000,000\.0 MB in .*are free",
    ):
        check_rooms(trainings)
    with pytest.raises(CheckpointError, match="Training digits-tutorial-z2 takes up to 20,000"):
        next(train_model(runs[0], tmp_path / "new", device="cpu"))
    assert list(tmp_path.iterdir()) == []
    check_place(tmp_path / "m")


def test_a_disk_that_takes_nothing_at_all_is_told_with_the_numbers_too(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(CheckpointError, match=r"takes up to \d+\.\d MB in .*\(No space left on device\)"):
        next(train_model(Run("digits", "tutorial", 2), tmp_path, device="cpu"))
