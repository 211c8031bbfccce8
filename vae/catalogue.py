"""What there is to ask about: the model folders and the data sets on disk, and those of them that are open."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from vae.data.load import fetch as fetch_data
from vae.data.load import has_images, load_split
from vae.data.sets import DATASETS, ImageSet
from vae.errors import CheckpointError, InputError, VAEError
from vae.folders.folder import ModelFolder, list_models, read_codes, read_history, read_umap, read_weights
from vae.recipes import variant
from vae.space.neighbours import Neighbours

OPEN_MODELS = 16  # weights and codes kept in memory; the least recently asked goes first
OPEN_CHARTS = 128
OPEN_PARTS = 72  # of 5,000 training codes: six models' of 60,000; 58 MB at Z = 40


class Cache:
    """A bounded table that fills itself; two askers of one key wait for one answer, other keys do not wait."""

    def __init__(self, size: int):
        self._size, self._entries, self._locks, self._lock = size, OrderedDict(), {}, threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
                return self._entries[key]
            gate = self._locks.setdefault(key, threading.Lock())
        with gate:
            with self._lock:
                if key in self._entries:
                    return self._entries[key]
            try:
                value = make()
            finally:
                with self._lock:
                    self._locks.pop(key, None)
            with self._lock:
                self._entries[key] = value
                while len(self._entries) > self._size:
                    self._entries.popitem(last=False)
            return value

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()


class OpenModel:
    """One model in memory: its folder, weights, codes and neighbours."""

    def __init__(self, folder: ModelFolder):
        codes = read_codes(folder)
        self.folder = folder
        self.mu, self.logvar, self.labels = codes["mu"], codes["logvar"], codes["labels"]
        self.umap = read_umap(folder, len(self.mu))
        self.neighbours = Neighbours(self.mu, self.labels)
        self._reading = threading.Lock()

    @cached_property
    def vae(self) -> Any:
        """The network, read when first needed: a map of the codes is drawn before torch is even imported."""
        with self._reading:
            return self.__dict__.get("vae") or read_weights(self.folder)

    def decode(self, z: np.ndarray, label: int | np.ndarray | None) -> np.ndarray:
        import torch

        z = np.ascontiguousarray(z, np.float32)
        labels = (
            None
            if label is None
            else torch.from_numpy(np.broadcast_to(np.asarray(label, np.int64), len(z)).copy())
        )
        with torch.inference_mode():
            return self.vae.decode(torch.from_numpy(z), labels).numpy()

    def encode(self, x: np.ndarray, label: int | np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        import torch

        labels = (
            None
            if label is None
            else torch.from_numpy(np.broadcast_to(np.asarray(label, np.int64), len(x)).copy())
        )
        with torch.inference_mode():
            mu, logvar = self.vae.encode(torch.from_numpy(np.ascontiguousarray(x, np.float32)), labels)
        return mu.numpy(), logvar.numpy()

    def means(self, images: np.ndarray, labels: np.ndarray, block: int = 500) -> np.ndarray:
        """mu of many images (N, C, H, W) uint8, a block at a time: what a convolution holds of all of them would not fit into a cache."""
        conditional = self.folder.model.conditional
        rows = [slice(start, start + block) for start in range(0, len(images), block)]
        return np.concatenate(
            [
                self.encode(images[r].astype(np.float32) / 255, labels[r] if conditional else None)[0]
                for r in rows
            ]
        )

    def terms(self, x: np.ndarray, index: int, label: int | None) -> tuple[float, float | None]:
        """recon at z = mu and kl of one image x (C, H, W), in nats."""
        import torch

        from vae.loss import kl_divergence, recon_nats

        labels = None if label is None else torch.tensor([label])
        with torch.inference_mode():
            mu, logvar = torch.from_numpy(self.mu[[index]]), torch.from_numpy(self.logvar[[index]])
            logits, config = self.vae.decode_logits(mu, labels), self.folder.model
            recon = recon_nats(
                logits,
                torch.from_numpy(x[None]),
                config,
                self.folder.train.beta,
                getattr(self.vae.decoder, "log_variance", None),
            )
            return float(recon), float(kl_divergence(mu, logvar)) if config.variational else None

    def recons(self, images: np.ndarray, block: int = 1000) -> np.ndarray:
        """recon at z = mu of every test image, images (N, C, H, W) uint8 in test-set order: (N,) in nats."""
        import torch

        from vae.loss import recon_nats

        config, beta, out = self.folder.model, self.folder.train.beta, np.empty(len(self.mu), np.float32)
        with torch.inference_mode():
            for start in range(0, len(self.mu), block):
                rows = slice(start, start + block)
                labels = torch.from_numpy(self.labels[rows].astype(np.int64)) if config.conditional else None
                logits, x = (
                    self.vae.decode_logits(torch.from_numpy(self.mu[rows]), labels),
                    torch.from_numpy(images[rows].astype(np.float32) / 255),
                )
                out[rows] = recon_nats(
                    logits, x, config, beta, getattr(self.vae.decoder, "log_variance", None)
                ).numpy()
        return out


class Shelf:
    """The models of one folder and the data sets of another: listed, opened when first asked about, kept while there is room."""

    def __init__(self, models_dir: str | Path = "models", data_dir: str | Path | None = None):
        self.models_dir, self.data_dir = Path(models_dir), data_dir
        self._open, self._charts, self._tests = Cache(OPEN_MODELS), Cache(OPEN_CHARTS), Cache(len(DATASETS))
        self._training, self._parts = Cache(1), Cache(OPEN_PARTS)
        self._listed: tuple[dict[str, ModelFolder], dict[str, str]] | None = None
        self._failed: dict[str, str] = {}

    # ---- what there is ---------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Look at the models folder again, after something was trained or removed."""
        self._listed = None
        self._failed = {}
        for cache in (self._open, self._charts, self._parts):
            cache.clear()

    def _folders(self) -> tuple[dict[str, ModelFolder], dict[str, str]]:
        if self._listed is None:
            good, broken = list_models(self.models_dir)
            self._listed = {f.name: f for f in good}, broken
        return self._listed

    def models(self) -> list[dict[str, Any]]:
        """Every model that can be opened: name, dataset, recipe, latent_dim, image_shape, conditional, variational, metrics."""
        return [
            {
                "name": name,
                "dataset": f.dataset,
                "recipe": f.recipe,
                "latent_dim": f.model.latent_dim,
                "image_shape": list(f.model.image_shape),
                "conditional": f.model.conditional,
                "variational": f.model.variational,
                "metrics": {k: v["value"] for k, v in f.metrics.items()},
            }
            for name, f in self._folders()[0].items()
            if name not in self._failed
        ]

    def broken(self) -> dict[str, str]:
        """{folder name: reason} of what lies in the models folder and cannot be opened."""
        return self._folders()[1] | self._failed

    def folder(self, model: str) -> ModelFolder:
        """The folder of a model; `InputError` names the models there are."""
        good, broken = self._folders()
        if model in good:
            return good[model]
        if model in broken:
            raise CheckpointError(broken[model])
        names = ", ".join(good) or "none; python -m vae train makes one"
        raise InputError(f"model is {model!r}; the models are {names}.")

    def metrics(self, model: str) -> dict[str, Any]:
        """`metrics.json`."""
        return self.folder(model).metrics

    def history(self, model: str) -> dict[str, list]:
        """`history.json`."""
        return read_history(self.folder(model).path)

    def card(self, model: str) -> dict[str, Any]:
        """Everything written down about a model: config, provenance, metrics, and its layers with their shapes."""
        folder, layers = self.folder(model), self._get(model).vae.state_dict()
        return {
            "name": model,
            "dataset": folder.dataset,
            "recipe": folder.recipe,
            "model": folder.model.to_dict(),
            "train": folder.train.to_dict(),
            "provenance": folder.provenance,
            "metrics": folder.metrics,
            "layers": [{"name": k, "shape": list(v.shape)} for k, v in layers.items()],
        }

    def class_names(self, dataset: str) -> tuple[str, ...]:
        """What the labels of a data set mean; numbers, where nobody has named them."""
        if dataset in DATASETS:
            return DATASETS[dataset].class_names
        counts = [f.model.num_classes for f in self._folders()[0].values() if f.dataset == dataset]
        return tuple(map(str, range(max(counts, default=0))))

    def variant(self, model: str) -> tuple[str, ...]:
        """How a model departs from its recipe, such as `("ae",)`; models that differ only in latent size share it."""
        folder = self.folder(model)
        return variant(folder.recipe, folder.dataset, folder.model, folder.train)

    def device_name(self) -> str:
        """What decodes: the CPU and its threads. Answers of one image are faster there than on any GPU."""
        from vae.runs import device_name

        return device_name()

    def train_command(self, dataset: str, recipe: str, latent_dim: int) -> str:
        """The command line that makes a model which is not there."""
        return f"python -m vae train --dataset {dataset} --recipe {recipe} --latent-dims {latent_dim}"

    def _get(self, model: str, network: bool = True) -> OpenModel:
        """An open model; without its network, where a question is about the codes alone."""
        folder = self.folder(model)
        try:
            opened = self._open.get(model, lambda: OpenModel(folder))
            if network:
                opened.vae  # noqa: B018  read now: a fault in the weights is found here
            return opened
        except VAEError as error:
            self._failed[model] = str(error)
            raise

    def _sound(self, names: list[str]) -> list[OpenModel]:
        """Those of several models that can be opened; the others are noted as broken."""
        opened = []
        for name in names:
            try:
                opened.append(self._get(name))
            except VAEError:
                continue
        return opened

    # ---- the data set ----------------------------------------------------------------------------------------------

    def images_at_hand(self, dataset: str) -> bool:
        """Whether the data set's test images are on disk."""
        return dataset in DATASETS and has_images(dataset, self.data_dir, "test")

    def fetch_images(
        self,
        dataset: str,
        progress: Callable[[int, int], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> None:
        """Download a data set; blocks, reports and can be cancelled, see `vae.data.load.fetch`."""
        if dataset not in DATASETS:
            raise InputError(f"dataset is {dataset!r}; the data sets are {', '.join(DATASETS)}.")
        if DATASETS[dataset].torchvision is not None:
            fetch_data(dataset, self.data_dir, progress, cancel)

    def test_set(self, dataset: str) -> ImageSet:
        """The test images, from disk only; `DataError` says where to put them."""
        return self._tests.get(dataset, lambda: load_split(dataset, "test", self.data_dir, download=False))

    def _original(self, dataset: str, index: int) -> np.ndarray | None:
        """x (C, H, W) of one test image, None where the data set cannot be had."""
        try:
            images = self.test_set(dataset).images
        except VAEError:
            return None
        return images[index].astype(np.float32) / 255 if index < len(images) else None

    # ---- checks that need a model ----------------------------------------------------------------------------------

    def _latent(self, opened: OpenModel, z: np.ndarray) -> np.ndarray:
        z = np.asarray(z, np.float32)
        if z.ndim != 2 or z.shape[1] != opened.mu.shape[1]:
            raise InputError(f"z has shape {z.shape}; {opened.folder.name} takes (N, {opened.mu.shape[1]}).")
        if not np.isfinite(z).all():
            raise InputError("z holds a value that is not finite; every entry must be a finite number.")
        return z

    def _row(self, opened: OpenModel, index: int) -> int:
        if not 0 <= index < len(opened.mu):
            raise InputError(
                f"index is {index}; the test set of {opened.folder.dataset} has images from 0 to {len(opened.mu) - 1}."
            )
        return int(index)

    def _label(self, opened: OpenModel, label: int | None) -> int | None:
        model = opened.folder.model
        if not model.conditional and label is not None:
            raise InputError(
                f"label is {label!r}, but {opened.folder.name} is not conditional; leave it out."
            )
        if model.conditional and (label is None or not 0 <= label < model.num_classes):
            raise InputError(
                f"label is {label!r}; {opened.folder.name} is conditional and takes a label from 0 to {model.num_classes - 1}."
            )
        return label
