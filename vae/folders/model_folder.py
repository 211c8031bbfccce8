"""What is known of a model folder from its small files, and the revision of its weights."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vae.config import ModelConfig, TrainConfig
from vae.errors import UnreadableError, readable, unreadable
from vae.folders.files import hash_of
from vae.folders.records import ENTRY, FORMAT, METRIC_UNITS, PROVENANCE
from vae.folders.stamps import FileStamp, Stamp, file_stamp
from vae.recipes import variant


@dataclass(frozen=True)
class ModelFolder:
    """What `config.json` and `metrics.json` say of a model; the tensors stay on disk until asked for."""

    path: Path
    model: ModelConfig
    train: TrainConfig
    dataset: str
    recipe: str
    provenance: dict[str, Any]
    metrics: dict[str, dict[str, Any]]
    stamp: Stamp = ()  # of the files these were read from
    classes: tuple[str, ...] | None = None  # names of the labels, of own images; () where they have none

    def config(self) -> dict[str, Any]:
        """What `config.json` holds."""
        own = {} if self.classes is None else {"classes": list(self.classes)}
        return {
            "format": FORMAT,
            "model": self.model.to_dict(),
            "train": self.train.to_dict(),
            "dataset": self.dataset,
            "recipe": self.recipe,
            "provenance": self.provenance,
        } | own

    @property
    def name(self) -> str:
        return readable(self.path.name)

    @property
    def key(self) -> tuple[str, Stamp]:
        """What a cache of anything computed from this folder has in its key: a name alone can be trained again."""
        return self.name, self.stamp

    @property
    def revision(self) -> str:
        """The weights' hash, 8 hex digits: what a link remembers of a model; `CheckpointError` where they cannot be read."""
        file = self.path / "model.safetensors"
        weights = dict(self.stamp).get(file.name)
        # without a stamp nothing would tell later that the file has changed
        return (_kept_hash(file, weights) if weights else hash_of(file))[:8]

    @property
    def variant(self) -> tuple[str, ...]:
        """How the model departs from its recipe, such as `("ae",)`; models that differ only in latent size share it."""
        return variant(self.recipe, self.dataset, self.model, self.train)

    @property
    def origin(self) -> dict[str, Any]:
        """What is shown of the provenance: the fields this program knows; those of other releases are kept, not shown."""
        return {key: value for key, value in self.provenance.items() if key in PROVENANCE}

    @property
    def figures(self) -> dict[str, dict[str, Any]]:
        """What is shown of `metrics.json`: the figures this program knows."""
        return {
            key: {part: value for part, value in self.metrics[key].items() if part in ENTRY}
            for key in METRIC_UNITS
        }

    def summary(self) -> dict[str, Any]:
        """What a list of models says of this one: what it is of, its kind, and its figures without their units."""
        return {
            "name": self.name,
            "dataset": self.dataset,
            "recipe": self.recipe,
            "latent_dim": self.model.latent_dim,
            "image_shape": list(self.model.image_shape),
            "conditional": self.model.conditional,
            "variational": self.model.variational,
            "metrics": {key: self.metrics[key]["value"] for key in METRIC_UNITS},
        }


@functools.lru_cache(maxsize=1024)
def _kept_hash(file: Path, stamp: FileStamp) -> str:
    digest = hash_of(file)
    try:
        now = file_stamp(os.stat(file))
    except OSError as error:
        raise unreadable(file, error) from error
    if now != stamp:
        raise UnreadableError(f"{file} was replaced while it was read; try again.")
    return digest
