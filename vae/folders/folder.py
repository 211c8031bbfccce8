"""A model folder: what its files must hold, and how it becomes a model again."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from vae.config import ModelConfig, TrainConfig
from vae.errors import CheckpointError, ConfigError, UnreadableError, in_a_line, readable, unreadable
from vae.folders.files import (
    RESERVED,
    Shapes,
    read_tensors,
    recover,
    tensor_bytes,
    update_folder,
)
from vae.folders.foreign import foreign_file, not_a_model
from vae.folders.model_folder import ModelFolder
from vae.folders.parsing import CONTROL, check_file, fault, is_there
from vae.folders.records import EPOCH_KEYS as EPOCH_KEYS  # these three are asked for here
from vae.folders.records import METRIC_UNITS as METRIC_UNITS
from vae.folders.records import metric as metric
from vae.folders.records import read_config, read_history_file, read_metrics
from vae.folders.stamps import stamp_of
from vae.recipes import quoted

REQUIRED = ("config.json", "model.safetensors", "codes.safetensors", "metrics.json", "history.json")
OPTIONAL = ("charts.safetensors", "training_state.safetensors")
DENIED = (errno.EACCES, errno.EPERM)
CHART_DTYPES = {"draws": np.float16, "spacing": np.float32, "umap": np.float32}


def read_folder(path: str | Path, named: Path | None = None) -> ModelFolder:
    """The checked config and metrics of a model folder; an exchange that a crash cut short is finished first.

    `named` is how the commands of figures that the folder lacks call it, where that is not `path`.
    """
    path = Path(os.path.expanduser(path))
    try:
        recover(path)
        stamp = stamp_of(path)
        if not path.is_dir():
            raise CheckpointError(
                f"{path} is not a model folder",
                "python -m vae list shows the models, python -m vae train makes one",
            )
    except OSError as error:
        raise unreadable(path, error) from error
    file = path / "config.json"
    config = read_config(file)
    try:
        model, train = ModelConfig.from_dict(config["model"]), TrainConfig.from_dict(config["train"])
    except (ConfigError, TypeError, ValueError) as error:
        raise fault(file, str(error).rstrip(".")) from error
    dataset, classes = config["dataset"], config.get("classes")
    return ModelFolder(
        path,
        model,
        train,
        dataset,
        config["recipe"],
        config["provenance"],
        read_metrics(path / "metrics.json", evaluate_command(named or path)),
        stamp,
        None if classes is None else tuple(classes),
    )


def evaluate_command(path: Path) -> str:
    """The command that computes a folder's figures anew."""
    return quoted(["python", "-m", "vae", "evaluate", path.as_posix()])


def read_history(path: str | Path) -> dict[str, list]:
    """The checked `history.json` of a model folder."""
    return read_history_file(Path(os.path.expanduser(path)) / "history.json")


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
    return _finite_posterior(
        path, {k: v if v.dtype == np.uint8 else v.astype(np.float32) for k, v in codes.items()}
    )


def _finite_posterior(path: Path, codes: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Codes whose variance and KL are numbers that float32 holds."""
    with np.errstate(over="ignore", invalid="ignore"):
        kl = 0.5 * (np.exp(codes["logvar"]) + codes["mu"] ** 2 - 1 - codes["logvar"]).sum(1)
    if not np.isfinite(kl).all():
        row = int(np.argmin(np.isfinite(kl)))
        raise fault(
            path,
            f"logvar holds {codes['logvar'][row].max():g} in row {row}, a variance too large for float32",
        )
    return codes


def read_charts(folder: ModelFolder, rows: int | None = None) -> dict[str, np.ndarray]:
    """What `charts.safetensors` holds of `draws` (N, Z), `spacing` (N,) and `umap` (N, 2), float32; {} where there is no such file."""
    path, z = folder.path / "charts.safetensors", folder.model.latent_dim
    if not is_there(path):
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
    if not is_there(path):
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
    good, broken = examine(models_dir)
    return good, {name: str(error) for name, error in broken.items()}


def examine(models_dir: str | Path) -> tuple[list[ModelFolder], dict[str, CheckpointError]]:
    """What `list_models` lists, each reason as an error; an `UnreadableError` is the system's and may pass."""
    root, good, broken = Path(os.path.expanduser(models_dir)), [], {}
    try:
        found = sorted(root.iterdir()) if root.exists() else []
        for old in [path for path in found if path.name.startswith(".") and path.name.endswith(".old")]:
            recover(root / old.name[1:-4])
            found = sorted(root.iterdir())
        itself = (root / "config.json").is_file()
    except OSError as error:
        raise _not_listed(root, error) from error
    if itself:
        way = f"name the folder that it lies in: {root.parent}"
        return [], {readable(root.name): CheckpointError(f"{root} is a model folder itself", way)}
    for path in found:
        if path.name.startswith(".") or path.name in RESERVED:
            continue
        try:
            if folder := _examined(path, root):
                good.append(folder)
        except Exception as error:  # whatever lies there keeps no other from being listed
            broken[readable(path.name)] = _reason(path, error)
    return in_order(good), broken


def in_order(folders: Iterable[ModelFolder]) -> list[ModelFolder]:
    """By data set, recipe, name and latent size."""
    return sorted(
        folders, key=lambda f: (f.dataset, f.recipe, re.sub(r"-z\d+$", "", f.name), f.model.latent_dim)
    )


def _not_listed(root: Path, error: OSError) -> CheckpointError:
    """Why the folder of the models cannot be listed: for now, or because it is none."""
    text, way = f"{root} cannot be read as a folder of models ({error.strerror})", "name another by --models"
    if error.errno == errno.ENOTDIR:
        return CheckpointError(text, way)
    return UnreadableError(text, way) if error.errno in DENIED else unreadable(root, error)


def _examined(path: Path, root: Path) -> ModelFolder | None:
    """The model folder at a place, None where nothing there was meant as one; `CheckpointError` where it cannot be used."""
    if not path.is_dir():
        if reason := foreign_file(path):
            raise reason
        return None
    if CONTROL.search(path.name):
        raise CheckpointError(f"{path} has a control character in its name", "rename it")
    if reason := not_a_model(path):
        raise reason
    # of a folder that may lie anywhere, as the shipped models' own commands
    folder = read_folder(path, Path("models", path.name) if root.is_absolute() else path)
    for name in REQUIRED + tuple(name for name in OPTIONAL if is_there(path / name)):
        check_file(path / name)
    return folder


def _reason(path: Path, error: Exception) -> CheckpointError:
    if isinstance(error, CheckpointError):
        return error
    if isinstance(error, (OSError, MemoryError)):
        return unreadable(path, error)
    return fault(path, f"cannot be read ({in_a_line(error):.200})")
