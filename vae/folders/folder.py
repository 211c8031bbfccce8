"""A model folder: what its files must hold, and how it becomes a model again."""

from __future__ import annotations

import functools
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vae.config import ModelConfig, TrainConfig
from vae.errors import CheckpointError, ConfigError, readable
from vae.folders.files import (
    RESERVED,
    Shapes,
    fault,
    hash_of,
    is_figure,
    read_json,
    read_tensors,
    recover,
    tensor_bytes,
    update_folder,
)
from vae.folders.foreign import foreign_file, not_a_model
from vae.folders.stamps import FileStamp, Stamp, stamp_of
from vae.recipes import quoted, variant

FORMAT = 1
REQUIRED = ("config.json", "model.safetensors", "codes.safetensors", "metrics.json", "history.json")
CONFIG_FIELDS = {"format", "model", "train", "dataset", "recipe", "provenance"}  # and `classes`
METRIC_UNITS = {
    "elbo": "nats/image",
    "recon": "nats/image",
    "kl": "nats/image",
    "bce": "nats/image",
    "mse": "squared error/image",
    "log_likelihood": "nats/image",
    "active_units": "dimensions",
    "knn_accuracy": "share",
    "trustworthiness": "share",
    "continuity": "share",
    "parameters": "weights",
    "seconds": "s",
}
CHART_DTYPES = {"draws": np.float16, "spacing": np.float32, "umap": np.float32}
EPOCH_KEYS = ("epoch", "seconds", "images_per_second", "train_recon", "train_kl", "test_recon", "test_kl")


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
    return hash_of(file)


def read_folder(path: str | Path, named: Path | None = None) -> ModelFolder:
    """The checked config and metrics of a model folder; an exchange that a crash cut short is finished first.

    `named` is how the commands of figures that the folder lacks call it, where that is not `path`.
    """
    path = Path(os.path.expanduser(path))
    recover(path)
    stamp = stamp_of(path)
    if not path.is_dir():
        raise CheckpointError(
            f"{path} is not a model folder; python -m vae list shows the models, python -m vae train makes one."
        )
    config = read_json(path / "config.json")
    if config.get("format") != FORMAT:
        newer = isinstance(config.get("format"), int) and config["format"] > FORMAT
        raise fault(
            path / "config.json",
            f"has format {config.get('format')!r}, this program reads {FORMAT}{' (update the program)' if newer else ''}",
        )
    if wrong := (set(config) - {"classes"}) ^ CONFIG_FIELDS:
        raise fault(path / "config.json", f"has a missing or unknown field: {', '.join(sorted(wrong))}")
    for key, kind in (("dataset", str), ("recipe", str), ("provenance", dict)):
        if not isinstance(config[key], kind):
            raise fault(
                path / "config.json",
                f"{key} is {config[key]!r}, which is not a {'text' if kind is str else 'table'}",
            )
    classes = config.get("classes")
    if classes is not None and not (isinstance(classes, list) and all(isinstance(c, str) for c in classes)):
        raise fault(path / "config.json", f"classes is {classes!r}, not a list of names")
    try:
        model, train = ModelConfig.from_dict(config["model"]), TrainConfig.from_dict(config["train"])
    except (ConfigError, TypeError, ValueError) as error:
        raise fault(path / "config.json", str(error).rstrip(".")) from error
    return ModelFolder(
        path,
        model,
        train,
        config["dataset"],
        config["recipe"],
        config["provenance"],
        _read_metrics(path, evaluate_command(named or path)),
        stamp,
        None if classes is None else tuple(classes),
    )


def metric(value: float | None, unit: str, command: str) -> dict[str, Any]:
    """One entry of `metrics.json`."""
    return {"value": value, "unit": unit, "command": command}


def evaluate_command(path: Path) -> str:
    """The command that computes a folder's figures anew."""
    return quoted(["python", "-m", "vae", "evaluate", path.as_posix()])


def _read_metrics(path: Path, command: str) -> dict[str, dict[str, Any]]:
    """Every key this program knows, null where the file lacks it and filled in where it is incomplete; those of other releases as they are."""
    file = path / "metrics.json"
    metrics = read_json(file)
    for key, unit in METRIC_UNITS.items():
        given = metrics.get(key)
        if not isinstance(given, (dict, type(None))):
            raise fault(file, f"{key} is {given!r}, not a value with its unit and command")
        present = {part: value for part, value in (given or {}).items() if value is not None}
        entry = metric(None, unit, command) | present
        if not is_figure(entry["value"]):
            raise fault(file, f"{key} is {given!r}, whose value is no number and not null")
        if not isinstance(entry["unit"], str) or not isinstance(entry["command"], str):
            raise fault(file, f"{key} is {given!r}, whose unit or command is no text")
        metrics[key] = entry
    return metrics


def read_history(path: str | Path) -> dict[str, list]:
    """The checked `history.json` of a model folder."""
    file = Path(os.path.expanduser(path)) / "history.json"
    history = read_json(file)
    epochs, steps = history.get("epochs"), history.get("steps")
    if set(history) != {"epochs", "steps"} or not isinstance(epochs, list) or not isinstance(steps, list):
        raise fault(file, "must hold the lists epochs and steps")
    if not all(
        isinstance(e, dict) and set(e) == set(EPOCH_KEYS) and all(map(is_figure, e.values())) for e in epochs
    ):
        raise fault(file, f"has an epoch that is not exactly the numbers {', '.join(EPOCH_KEYS)}")
    if not all(
        isinstance(s, list) and len(s) == 2 and None not in s and all(map(is_figure, s)) for s in steps
    ):
        raise fault(file, "has a step that is not [step, loss]")
    return history


def read_codes(folder: ModelFolder) -> dict[str, np.ndarray]:
    """The test set's codes: mu and logvar (N, Z) float32, labels (N,) uint8."""
    z, path = folder.model.latent_dim, folder.path / "codes.safetensors"
    codes = read_tensors(
        path, {"mu": ("F16", (None, z)), "logvar": ("F16", (None, z)), "labels": ("U8", (None,))}
    )
    if not len(codes["mu"]) == len(codes["logvar"]) == len(codes["labels"]) > 1:
        rows = ", ".join(f"{k} {len(v)}" for k, v in codes.items())
        raise fault(path, f"has {rows} rows; they must be equally many, and two at least")
    if codes["labels"].max() >= folder.model.num_classes:
        raise fault(
            path,
            f"labels holds {codes['labels'].max()}, the model knows labels below {folder.model.num_classes}",
        )
    return {k: v if v.dtype == np.uint8 else v.astype(np.float32) for k, v in codes.items()}


def read_charts(folder: ModelFolder, rows: int | None = None) -> dict[str, np.ndarray]:
    """What `charts.safetensors` holds of `draws` (N, Z), `spacing` (N,) and `umap` (N, 2), float32; {} where there is no such file."""
    path, z = folder.path / "charts.safetensors", folder.model.latent_dim
    if not path.exists():
        return {}
    allowed: Shapes = {"draws": ("F16", (rows, z)), "spacing": ("F32", (rows,)), "umap": ("F32", (rows, 2))}
    charts = read_tensors(path, {}, allowed)
    if len({len(values) for values in charts.values()}) > 1:
        sizes = ", ".join(f"{name} {len(values)}" for name, values in charts.items())
        raise fault(path, f"has {sizes} rows; they must be equally many")
    return {name: values.astype(np.float32) for name, values in charts.items()}


def write_charts(folder: ModelFolder, **charts: np.ndarray) -> None:
    """Add to `charts.safetensors`, or replace there; what else it holds is kept."""
    kept = {
        name: values.astype(CHART_DTYPES[name]) for name, values in (read_charts(folder) | charts).items()
    }
    update_folder(folder.path, {"charts.safetensors": tensor_bytes(kept)})


def read_weights(folder: ModelFolder):
    """The model with its weights, float32, on the CPU, ready to be asked."""
    import torch

    from vae.model import VAE, weight_shapes

    tensors = read_tensors(
        folder.path / "model.safetensors",
        {name: ("F16", shape) for name, shape in weight_shapes(folder.model).items()},
    )
    model = VAE(folder.model)
    model.load_state_dict(
        {name: torch.from_numpy(value.astype(np.float32)) for name, value in tensors.items()}
    )
    return model.eval().requires_grad_(False)


def read_state(folder: ModelFolder):
    """The training state of an unfinished model as tensors by name, None where training is finished."""
    import torch

    path = folder.path / "training_state.safetensors"
    if not path.exists():
        return None
    return {
        name: torch.from_numpy(value.copy())
        for name, value in read_tensors(path, _state_shapes(folder)).items()
    }


def _state_shapes(folder: ModelFolder) -> Shapes:
    from vae.model import weight_shapes

    expected: Shapes = {}
    for name, shape in weight_shapes(folder.model).items():
        expected |= {f"{group}.{name}": ("F32", shape) for group in ("model", "exp_avg", "exp_avg_sq")}
    return expected | {"step": ("I64", (1,)), "generator": ("U8", (None,))}


def load_model(path: str | Path):
    """The VAE of a model folder, after every file in it was checked; `CheckpointError` names the file and the fault."""
    folder = read_folder(path)
    rows = len(read_codes(folder)["labels"])
    read_history(folder.path)
    read_charts(folder, rows)
    read_state(folder)
    return read_weights(folder)


def list_models(models_dir: str | Path = "models") -> tuple[list[ModelFolder], dict[str, str]]:
    """The readable model folders, by data set, recipe, name and latent size, and {name: reason} of those that are not.

    A file that looks like a model (`.pt`, `.h5`, an archive) is among the latter; `CheckpointError` when the folder itself cannot be read.
    """
    root, good, broken = Path(os.path.expanduser(models_dir)), [], {}
    try:
        found = sorted(root.iterdir()) if root.exists() else []
        for old in root.glob(".*.old") if root.exists() else ():
            recover(root / old.name[1:-4])
            found = sorted(root.iterdir())
    except OSError as error:
        raise CheckpointError(
            f"{root} cannot be read as a folder of models ({error.strerror}); name another by --models."
        ) from error
    if (root / "config.json").is_file():
        itself = f"{root} is a model folder itself; name the folder that it lies in: {root.parent}."
        return [], {readable(root.name): readable(itself)}
    for path in found:
        if path.name.startswith(".") or path.name in RESERVED:
            continue
        try:
            if not path.is_dir():
                if reason := foreign_file(path):
                    raise CheckpointError(reason)
                continue
            if reason := not_a_model(path):
                raise CheckpointError(reason)
            # of a folder that may lie anywhere, as the shipped models' own commands
            folder = read_folder(path, Path("models", path.name) if root.is_absolute() else path)
            for file in REQUIRED:
                if not (path / file).is_file():
                    raise fault(path / file, "is missing")
            good.append(folder)
        except OSError as error:
            broken[readable(path.name)] = str(fault(path, f"cannot be read ({error.strerror})"))
        except CheckpointError as error:
            broken[readable(path.name)] = str(error)
    return sorted(
        good, key=lambda f: (f.dataset, f.recipe, re.sub(r"-z\d+$", "", f.name), f.model.latent_dim)
    ), broken
