"""A training run: from a recipe and its flags to a finished model folder, which an interruption does not lose."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vae.checkpoint import Checkpoint
from vae.config import ModelConfig, TrainConfig, check_together
from vae.data.load import load_split
from vae.data.sets import DATASETS, ImageSet
from vae.device import device_name, pick_device, pick_precision
from vae.errors import CheckpointError, DataError, TrainingError, in_a_line
from vae.evaluate import refuse_replaced
from vae.folders.files import check_name
from vae.folders.folder import (
    ModelFolder,
    read_charts,
    read_codes,
    read_folder,
    read_history,
    read_state,
    write_charts,
)
from vae.folders.locks import Reservation
from vae.folders.place import reserve
from vae.interrupts import ObeyedOnce, closed_at_exit
from vae.recipes import quoted, recipe_configs, train_command, variant
from vae.room import check_rooms
from vae.space.chart import fit_umap
from vae.train import EpochRecord, fit

SAVE_EVERY = 30.0  # seconds between two saves of an unfinished training


@dataclass(frozen=True)
class Run:
    """What to train: a recipe on a data set at one latent size, and the flags that differ from the recipe."""

    dataset: str
    recipe: str
    latent_dim: int
    # fields of ModelConfig and TrainConfig that were asked for
    flags: dict[str, Any] = field(default_factory=dict)
    name: str | None = None

    def configs(self) -> tuple[ModelConfig, TrainConfig]:
        """The recipe's configs with the flags laid over them; `ConfigError` where two flags do not go together."""
        configs = self._configs()
        check_together(*configs)
        return configs

    def _configs(self) -> tuple[ModelConfig, TrainConfig]:
        if self.dataset not in DATASETS:
            raise DataError(f"dataset is {self.dataset!r}; the data sets are {', '.join(DATASETS)}.")
        model, train = recipe_configs(
            self.recipe, self.dataset, self.latent_dim, epochs=self.flags.get("epochs")
        )
        in_model = {k: v for k, v in self.flags.items() if k in ModelConfig.__dataclass_fields__}
        return model.replace(**in_model), train.replace(
            **{k: v for k, v in self.flags.items() if k not in in_model}
        )

    def folder_name(self) -> str:
        """`<dataset>-<recipe>[-ae][-cond][-beta<B>][-tc][-sigma][-seed<S>]-z<Z>`, each only where it differs from the recipe."""
        if self.name:
            return self.name
        model, train = self._configs()
        flags = variant(self.recipe, self.dataset, model, train)
        seed = [f"seed{train.seed}"] if train.seed else []
        return "-".join([self.dataset, self.recipe, *flags, *seed, f"z{self.latent_dim}"])

    def folder_in(self, out: str | Path) -> Path:
        """Where its folder goes; `CheckpointError` when it cannot have that name."""
        check_name(self.folder_name())  # of the whole name: Path would take one apart
        return Path(os.path.expanduser(out)) / self.folder_name()

    def reserve(self, out: str | Path, overwrite: bool = False) -> Reservation:
        """Its folder's place, for this run alone until it is released; `CheckpointError` when it cannot be written, is another's work just now, or stands there and may not be touched."""
        place = reserve(self.folder_in(out))
        if overwrite or not _exists(place.path):
            return place
        place.release()
        raise CheckpointError(
            f"{place.path} exists already; --force replaces it, --resume continues it, --name chooses another name."
        )

    def command(self, out: str | Path, umap: bool) -> str:
        """The command line that makes this one folder."""
        words = train_command(self.dataset, self.recipe, str(self.latent_dim), self.flags)
        words += [] if umap else ["--no-umap"]
        words += ["--out", str(out)] if str(out) != "models" else []
        return quoted(words + (["--name", self.name] if self.name else []))


def charts_command(path: str | Path) -> str:
    """The command that adds UMAP's places to a folder."""
    return quoted(["python", "-m", "vae", "charts", str(path)])


def _exists(path: Path) -> bool:
    return os.path.lexists(path) or path.with_name(f".{path.name}.old").exists()


class Finished(Exception):
    """`--resume` of a folder whose training is complete; the text says so."""


@closed_at_exit
def train_model(
    run: Run,
    out: str | Path = "models",
    *,
    place: Reservation | None = None,
    data_dir: str | Path | None = None,
    device: str = "auto",
    force: bool = False,
    resume: bool = False,
    umap: bool = True,
    on_step: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] | None = None,
    warn: Callable[[str], None] = warnings.warn,
    kept: Callable[[str], None] | None = None,
) -> Generator[EpochRecord, None, None]:
    """Train one model into `out/NAME`, yielding each epoch; the folder is whole when the iterator ends.

    Stopped early by whatever (Ctrl-C, SIGTERM, an exception, no longer asked), it keeps the last finished epoch with all that
    `resume` needs, and tells `kept` so in a sentence. `place` is what `run.reserve` gave, where that was asked before.
    `Finished` when there is nothing to resume; `CheckpointError` when the folder exists and neither `force` nor `resume` is given,
    cannot be written, has no room or is another training's just now. `warn` is told in a sentence which last step could not be
    done (figures, UMAP) and how to do it later: the model is whole without.
    """
    say, kept = say or (lambda _: None), kept or (lambda _: None)
    out = Path(os.path.expanduser(out))
    check_rooms([(place.path if place else run.folder_in(out), *run.configs())])
    place = place or run.reserve(out, overwrite=force or resume)
    with ObeyedOnce(), place:
        train_set, test_set = (load_split(run.dataset, split, data_dir) for split in ("train", "test"))
        where = pick_device(device)
        folder = _new_folder(run, place.path, train_set, where, run.command(out, umap))
        history: dict[str, list] = {"epochs": [], "steps": []}
        state = None
        if resume and not force and _exists(place.path):
            try:
                folder, history, state = _begun(run, place.path, train_set)
            except Finished:
                if umap:
                    _add_umap_if_absent(place.path, say, warn)
                raise
        checkpoint = Checkpoint(folder, place, test_set, history, state, warn)
        epochs = fit(
            folder.model,
            folder.train,
            train_set,
            test_set,
            device=where,
            precision=folder.provenance.get("precision"),
            state=state,
            on_step=on_step,
        )
        try:
            yield from _kept_epochs(epochs, checkpoint, say, warn, umap)
        except TrainingError:  # nothing that could be gone on with
            raise
        except BaseException:
            try:
                checkpoint.save()
            finally:  # where it could not be written, an earlier epoch may have been
                if sentence := checkpoint.kept():
                    kept(sentence)
            raise
        finally:
            checkpoint.place.release()


def _kept_epochs(
    epochs: Iterator[EpochRecord],
    checkpoint: Checkpoint,
    say: Callable[[str], None],
    warn: Callable[[str], None],
    umap: bool,
) -> Generator[EpochRecord, None, None]:
    """Each epoch, saved now and then, and the steps after the last."""
    unsaved = ""
    for record in epochs:
        checkpoint.take(record)
        due = time.monotonic() - checkpoint.saved_at > SAVE_EVERY
        if record.epoch < checkpoint.folder.train.epochs and due:
            unsaved = _save_or_say(checkpoint, warn, unsaved)
        yield record
    say("measuring")
    fault = checkpoint.finish()
    path = checkpoint.place.path
    if fault is not None:
        again = quoted(["python", "-m", "vae", "evaluate", str(path), "--write"])
        warn(f"{path.name} is finished without its figures ({in_a_line(fault)}); run {again}.")
    if umap:
        _add_umap_if_absent(path, say, warn)


def _save_or_say(checkpoint: Checkpoint, warn: Callable[[str], None], said: str) -> str:
    """Save what is finished; a disk that does not take it now may do so later, so the training goes on. What was said is not said twice."""
    try:
        checkpoint.save()
    except CheckpointError as error:
        checkpoint.saved_at = time.monotonic()
        if str(error) != said:
            warn(f"The training goes on, its last epoch is not saved yet: {error}")
        return str(error)
    return ""


def _new_folder(run: Run, path: Path, train_set: ImageSet, device: torch.device, command: str) -> ModelFolder:
    """What the folder of a training that begins says of it."""
    model, train = run.configs()
    provenance = {
        "command": command,
        "seed": train.seed,
        "device": device_name(device),
        "precision": pick_precision(model, device),
        "torch_version": torch.__version__,
        "data_checksum": train_set.checksum(),
        "date": datetime.now(timezone.utc).date().isoformat(),
    }
    return ModelFolder(path, model, train, run.dataset, run.recipe, provenance, metrics={})


def _begun(
    run: Run, path: Path, train_set: ImageSet
) -> tuple[ModelFolder, dict[str, list], dict[str, torch.Tensor] | None]:
    """An unfinished folder with its history and state; refused where it is no part of this run."""
    folder = read_folder(path)
    state = read_state(folder)
    _check_resume(run, folder, state, train_set)
    provenance = {k: v for k, v in folder.provenance.items() if k != "seconds"}
    return replace(folder, provenance=provenance), read_history(path), state


def _add_umap_if_absent(path: Path, say: Callable[[str], None], warn: Callable[[str], None]) -> None:
    """UMAP's places for a finished model of more than two dimensions; whatever goes wrong, the model is whole without."""
    try:
        folder = read_folder(path)
        if folder.model.latent_dim == 2 or "umap" in read_charts(folder):
            return
        say("UMAP of the codes")
        _add_umap(path)
    except Exception as error:
        why, way = in_a_line(error).rstrip("."), charts_command(path)
        warn(f"{path.name} is finished without UMAP's places: {why if way in why else f'{why}; run {way}'}.")


def _check_resume(run: Run, folder: ModelFolder, state: dict | None, train_set: ImageSet) -> None:
    if state is None:
        raise Finished(
            f"{folder.path} is finished: all {folder.train.epochs} epochs are done. --force trains it anew."
        )
    if (folder.dataset, folder.recipe) != (run.dataset, run.recipe):
        raise TrainingError(
            f"{folder.path} was started as {folder.recipe} on {folder.dataset}, not {run.recipe} on {run.dataset}; resume it so."
        )
    for key, value in (run.flags | {"latent_dim": run.latent_dim}).items():
        started = getattr(folder.model, key, getattr(folder.train, key, None))
        if started != value:
            raise TrainingError(
                f"{folder.path} was started with {key} {started}, not {value}; resume without that flag, or start anew with --force."
            )
    if folder.provenance.get("data_checksum") != train_set.checksum():
        raise TrainingError(
            f"{folder.path} was started on other images of {folder.dataset}; use --force to train it anew on these."
        )


def add_umap(path: str | Path) -> None:
    """Compute UMAP's places of a folder's codes and add them as `charts.safetensors`; `TrainingError` when UMAP cannot run here."""
    read_folder(path)  # a folder that is none is no place to be kept
    with reserve(path):
        _add_umap(Path(path))


def _add_umap(path: Path) -> None:
    folder = read_folder(path)
    mu, computed = read_codes(folder)["mu"], folder.revision
    try:
        places = fit_umap(mu)
        if not np.isfinite(places).all():
            raise ValueError("some places are not finite")
    except Exception as error:  # of umap, numba or scikit-learn, at import or at work
        cache = (
            "set NUMBA_CACHE_DIR to a folder that can be written, and run "
            if "cache" in str(error)
            else "repair umap-learn, and run "
        )
        raise TrainingError(f"UMAP failed ({in_a_line(error)}); {cache}{charts_command(path)}.") from error
    refuse_replaced(folder, computed)
    write_charts(folder, umap=places)


def check_device() -> dict[str, Any]:
    """One real epoch of the smallest model on the device that training would use: its name, images a second, the loss per image."""
    device = pick_device("auto")
    model, train = recipe_configs("tutorial", "digits", 2)
    record = next(
        iter(
            fit(
                model,
                train.replace(epochs=1),
                load_split("digits", "train"),
                load_split("digits", "test"),
                device=device,
            )
        )
    )
    return {
        "device": str(device),
        "images_per_second": round(record.images_per_second),
        "loss": round(record.test_recon + (record.test_kl or 0.0), 2),
    }
