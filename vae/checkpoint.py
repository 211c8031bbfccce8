"""The checkpoint of a training: its last finished epoch, written as a loadable model folder now and then and at the end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch

from vae.data.sets import ImageSet
from vae.errors import CheckpointError, TrainingError
from vae.evaluate import encode_set, first_metrics, metrics_table
from vae.folders.files import hash_of, json_bytes, recover, tensor_bytes, write_folder
from vae.folders.folder import METRIC_UNITS, ModelFolder, metric
from vae.folders.locks import Reservation
from vae.interrupts import signals_wait
from vae.model import VAE
from vae.train import EpochRecord

Arrays = dict[str, np.ndarray]
# What tells one training from another
MADE_BY_TRAINING = ("config.json", "model.safetensors", "history.json")


class Checkpoint:
    """Holds the last finished epoch of the training of a folder, and writes it there.

    `history` and `state` are those of an earlier part of the training, where it goes on from one. A folder that was put in
    its place meanwhile is left alone: this one gets another name then, and `warn` is told.
    """

    def __init__(
        self,
        folder: ModelFolder,
        place: Reservation,
        test_set: ImageSet,
        history: dict[str, list],
        state: dict[str, torch.Tensor] | None,
        warn: Callable[[str], None],
    ):
        self.folder, self.place, self.test_set, self.warn = folder, place, test_set, warn
        self.held: tuple[dict[str, list], dict[str, torch.Tensor]] | None = (
            None if state is None else (history, state)
        )
        self.saved = self.held  # what the folder on disk was written from
        self.saved_at = time.monotonic()
        self.known = _contents(place.path)  # of the folder that this training may replace
        self.finished = False

    def take(self, record: EpochRecord) -> None:
        """Hold this epoch instead of the one before it."""
        before = self.held[0] if self.held else {"epochs": [], "steps": []}
        history = {
            "epochs": before["epochs"] + [record.history()],
            "steps": before["steps"] + [[step, round(loss, 4)] for step, loss in record.steps],
        }
        # At one stroke: Ctrl-C finds this epoch or the last, never half of each
        self.held = (history, record.state())

    def save(self) -> None:
        """Write the unfinished folder with all that a resume needs; nothing where no further epoch is finished."""
        with signals_wait():
            if self.held is None or self.held is self.saved:
                return
            vae, weights = self._in_float16()
            state = {k: v.numpy() for k, v in self.held[1].items()}
            more = {"training_state.safetensors": tensor_bytes(state)}
            self._write(weights, self._codes(vae, weights), {"parameters": _parameters(vae)}, more)

    def finish(self) -> Exception | None:
        """Write the finished folder; without figures where they could not be computed, and then the fault is returned."""
        if self.held is None:
            return None
        vae, weights = self._in_float16()
        codes, fault = self._codes(vae, weights), None
        values: dict[str, float | None] = {"parameters": _parameters(vae)}
        try:
            values = first_metrics(vae, self.test_set, self.folder.train.beta)
        except Exception as error:
            fault = error
        with signals_wait():
            self._write(weights, codes, values, {})
            self.finished = True
        return fault

    def kept(self) -> str | None:
        """What of this training the disk holds, in a sentence."""
        if self.saved is None:
            return None
        path = self.place.path
        if self.finished:
            return f"{path.name} is finished."
        name = "" if path == self.folder.path else f"--name {path.name} "
        return (
            f"epoch {len(self.saved[0]['epochs'])} of {path.name} is kept; {name}--resume goes on from there."
        )

    def _write(
        self, weights: Arrays, codes: Arrays, values: dict[str, float | None], more: dict[str, bytes]
    ) -> None:
        if _contents(self.place.path) not in (None, self.known):
            self._move()
        files = self._files(weights, codes, values) | more
        try:
            write_folder(self.place.path, files, force=self.known is not None)
        except CheckpointError:
            if self.known is not None or _contents(self.place.path) is None:
                raise
            self._move()  # it was put there while the files were written
            return self._write(weights, codes, values, more)
        self.known = tuple(sha256(files[name]).hexdigest() for name in MADE_BY_TRAINING)
        self.saved, self.saved_at = self.held, time.monotonic()

    def _move(self) -> None:
        """Go on under the first name that is free, since another folder stands where this one should."""
        taken = self.place
        self.place, self.known = _free_place(taken.path), None
        taken.release()
        self.warn(
            f"{taken.path} was put there while {taken.path.name} was trained, and is left as it is; this training is kept as {self.place.path}."
        )

    def _in_float16(self) -> tuple[VAE, Arrays]:
        """The model as its file will hold it, and what the file will hold."""
        assert self.held is not None
        vae = VAE(self.folder.model)
        with np.errstate(over="ignore"):  # what float16 cannot hold becomes infinite, which `_codes` refuses
            halves = {
                k.removeprefix("model."): v.numpy().astype(np.float16)
                for k, v in self.held[1].items()
                if k.startswith("model.")
            }
        vae.load_state_dict({k: torch.from_numpy(v.astype(np.float32)) for k, v in halves.items()})
        return vae.eval(), halves

    def _codes(self, vae: VAE, weights: Arrays) -> Arrays:
        """What `codes.safetensors` holds; `TrainingError` where weights or codes are too large for float16."""
        assert self.held is not None
        with np.errstate(over="ignore"):
            mu, logvar = (t.detach().numpy().astype(np.float16) for t in encode_set(vae, self.test_set))
        if not all(np.isfinite(v).all() for v in (*weights.values(), mu, logvar)):
            train = self.folder.train
            raise TrainingError(
                f"Training diverged by epoch {len(self.held[0]['epochs'])} at latent size {self.folder.model.latent_dim} (weights or codes too large to be kept); "
                f"lower learning_rate (now {train.learning_rate:g}) or set clip_norm (now {train.clip_norm:g}, 0 is no limit)."
            )
        return {"mu": mu, "logvar": logvar, "labels": self.test_set.labels.astype(np.uint8)}

    def _files(self, weights: Arrays, codes: Arrays, values: dict[str, float | None]) -> dict[str, bytes]:
        """The bytes of every file that a finished folder has."""
        assert self.held is not None
        history, folder = self.held[0], self.folder
        seconds = round(sum(e["seconds"] for e in history["epochs"]), 3)
        folder = replace(folder, path=self.place.path, provenance=folder.provenance | {"seconds": seconds})
        blank = {key: metric(None, unit, "") for key, unit in METRIC_UNITS.items()}
        blank["seconds"] |= {"value": seconds, "command": folder.provenance["command"]}
        return {
            "config.json": json_bytes(folder.config()),
            "model.safetensors": tensor_bytes(weights),
            "codes.safetensors": tensor_bytes(codes),
            "metrics.json": json_bytes(metrics_table(values, replace(folder, metrics=blank))),
            "history.json": json_bytes(history),
        }


def _free_place(path: Path) -> Reservation:
    """NAME-2, NAME-3 and so on: the first that is neither there nor in use."""
    refused: CheckpointError | None = None
    for number in range(2, 100):
        try:
            place = Reservation(path.with_name(f"{path.name[:95]}-{number}"))
        except CheckpointError as error:
            refused = error
            continue
        if _contents(place.path) is None:
            return place
        place.release()
    raise refused or CheckpointError(f"{path} and its numbered neighbours stand there already; remove some.")


def _contents(path: Path) -> tuple[str | None, ...] | None:
    """What tells whether a folder is another training's, however it was copied there; None where there is none."""
    recover(path)
    return tuple(_hash(path / name) for name in MADE_BY_TRAINING) if os.path.lexists(path) else None


def _hash(file: Path) -> str | None:
    try:
        return hash_of(file)
    except CheckpointError:
        return None


def _parameters(vae: VAE) -> int:
    return sum(p.numel() for p in vae.parameters())
