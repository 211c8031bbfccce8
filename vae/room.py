"""How much room trainings need on a disk, asked before the first of them."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path

from vae.config import ModelConfig, TrainConfig
from vae.folders.place import check_room
from vae.model import weight_shapes

CODES = 10_000  # images of the largest test set
TEXTS, EPOCH = 100_000, 1_000  # bytes of the JSON files, and of what they say of an epoch


def folder_bytes(model: ModelConfig, train: TrainConfig) -> tuple[int, int]:
    """Bytes of a model folder at most: when its training is finished, and with all that a resume needs before."""
    weights = sum(math.prod(shape) for shape in weight_shapes(model).values())
    codes = CODES * (2 * 2 * model.latent_dim + 1)  # mu and logvar in float16, the label
    charts = CODES * (
        2 * model.latent_dim + 4 * 2 + 4
    )  # draws in float16, UMAP's places and a spacing in float32
    finished = 2 * weights + codes + charts + TEXTS + EPOCH * train.epochs
    return finished, finished + 3 * 4 * weights  # float32 weights and two moments of each


def needed_bytes(trainings: list[tuple[Path, ModelConfig, TrainConfig]]) -> int:
    """What the disk must give at most while these folders are trained one after another, each written anew beside its last save."""
    most = kept = 0
    for path, model, train in trainings:
        finished, unfinished = folder_bytes(model, train)
        there = _size(path)
        most = max(most, kept + max(unfinished, 2 * unfinished - there))
        kept += finished - there
    return most


def check_rooms(trainings: list[tuple[Path, ModelConfig, TrainConfig]]) -> None:
    """`CheckpointError` with the numbers where there is no room for these trainings."""
    names = ", ".join(path.name for path, _, _ in trainings)
    check_room(trainings[0][0], needed_bytes(trainings), names)


def _size(folder: Path) -> int:
    with contextlib.suppress(OSError):
        return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
    return 0
