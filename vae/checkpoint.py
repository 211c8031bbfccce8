"""The checkpoint of a training: its last finished epoch, written as a loadable model folder now and then and at the end."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import torch

from vae.data.sets import ImageSet
from vae.errors import TrainingError
from vae.evaluate import encode_set, first_metrics, metrics_table
from vae.folders.files import json_bytes, tensor_bytes, write_folder
from vae.folders.folder import METRIC_UNITS, ModelFolder, metric
from vae.model import VAE
from vae.train import EpochRecord

Arrays = dict[str, np.ndarray]


class Checkpoint:
    """Holds the last finished epoch of the training of a folder, and writes it there.

    `history` and `state` are those of an earlier part of the training, where it goes on from one.
    """

    def __init__(
        self,
        folder: ModelFolder,
        test_set: ImageSet,
        history: dict[str, list],
        state: dict[str, torch.Tensor] | None,
    ):
        self.folder, self.test_set = folder, test_set
        self.held: tuple[dict[str, list], dict[str, torch.Tensor]] | None = (
            None if state is None else (history, state)
        )
        self.saved_at = time.monotonic()

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
        """Write the unfinished folder with all that a resume needs; nothing where no epoch is finished."""
        if self.held is None:
            return
        vae, weights = self._in_float16()
        files = self._files(weights, self._codes(vae, weights), {"parameters": _parameters(vae)})
        state = {k: v.numpy() for k, v in self.held[1].items()}
        self._write(files | {"training_state.safetensors": tensor_bytes(state)})

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
        self._write(self._files(weights, codes, values))
        return fault

    def _write(self, files: dict[str, bytes]) -> None:
        write_folder(self.folder.path, files, force=True)
        self.saved_at = time.monotonic()

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
        config = replace(folder, provenance=folder.provenance | {"seconds": seconds}).config()
        blank = {key: metric(None, unit, "") for key, unit in METRIC_UNITS.items()}
        blank["seconds"] |= {"value": seconds, "command": folder.provenance["command"]}
        return {
            "config.json": json_bytes(config),
            "model.safetensors": tensor_bytes(weights),
            "codes.safetensors": tensor_bytes(codes),
            "metrics.json": json_bytes(metrics_table(values, replace(folder, metrics=blank))),
            "history.json": json_bytes(history),
        }


def _parameters(vae: VAE) -> int:
    return sum(p.numel() for p in vae.parameters())
