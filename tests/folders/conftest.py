"""A model folder with everything in it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from vae.folders.files import tensor_bytes, update_folder
from vae.folders.folder import (
    read_codes,
    read_folder,
)
from vae.runs import Run, train_model


@pytest.fixture(scope="session")
def sound(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every file there can be: unfinished, so with a training state, and with UMAP places (any places will do). Read only."""
    out = tmp_path_factory.mktemp("sound")
    run = Run("digits", "tutorial", 2, {"epochs": 3})
    records = train_model(run, out, device="cpu")
    next(records)
    records.close()
    path = out / run.folder_name()
    rows = len(read_codes(read_folder(path))["labels"])
    update_folder(path, {"charts.safetensors": tensor_bytes({"umap": np.zeros((rows, 2), np.float32)})})
    return path


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    """A copy of the sound folder to be damaged."""
    return Path(shutil.copytree(sound, tmp_path / sound.name))
