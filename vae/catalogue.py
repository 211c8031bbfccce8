"""Which models one can ask about: the folders and data sets on disk, and those of them that are in memory."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from cachetools import LRUCache, cachedmethod

from vae.data.load import fetch, has_images, load_split
from vae.data.sets import DATASETS, ImageSet
from vae.errors import CheckpointError, InputError, VAEError
from vae.folders.folder import (
    METRIC_UNITS,
    ModelFolder,
    list_models,
    read_charts,
    read_codes,
    read_weights,
    stamps,
)
from vae.recipes import variant
from vae.space.neighbours import Neighbours

if TYPE_CHECKING:
    from vae.model import VAE

LOADED_MODELS = 16  # weights and codes kept in memory; the least recently asked goes first
SPLIT_BYTES = 70_000_000  # of images kept: one training set and some test sets of 28 x 28
LOOK_EVERY = 1.0  # seconds between two looks at the models folder, however many questions come


def default_models_dir() -> Path:
    """Where models are looked for when nobody says: `models` of the current folder if it holds any, else the shipped ones."""
    here = Path("models")
    if any(here.glob("*/config.json")):
        return here
    package = Path(__file__).parent
    inside = package / "models"  # of an installed package; in a clone they lie beside app.py
    return inside if inside.is_dir() else package.parent / "models"


class LoadedModel:
    """One model in memory: its folder, weights, codes and neighbours; and the checks that need them."""

    def __init__(self, folder: ModelFolder):
        codes = read_codes(folder)
        self.folder = folder
        self.mu, self.logvar, self.labels = codes["mu"], codes["logvar"], codes["labels"]
        self.umap = read_charts(folder, len(self.mu)).get("umap")
        self.neighbours = Neighbours(self.mu, self.labels)
        self._reading = threading.Lock()

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def latent_dim(self) -> int:
        return self.folder.model.latent_dim

    @cached_property
    def vae(self) -> VAE:
        """The network, read when first needed: a map of the codes is drawn before torch is even imported."""
        with self._reading:
            return self.__dict__.get("vae") or read_weights(self.folder)

    # ---- checks ------------------------------------------------------------------------------------------------

    def row(self, index: int) -> int:
        """A test index that exists."""
        if not 0 <= index < len(self.mu):
            last, dataset = len(self.mu) - 1, self.folder.dataset
            raise InputError(f"index is {index}; the test set of {dataset} has images from 0 to {last}.")
        return int(index)

    def latent(self, z: np.ndarray) -> np.ndarray:
        """z (N, Z) float32, of this model's Z and finite."""
        z = np.asarray(z, np.float32)
        if z.ndim != 2 or z.shape[1] != self.latent_dim:
            raise InputError(f"z has shape {z.shape}; {self.name} takes (N, {self.latent_dim}).")
        if not np.isfinite(z).all():
            raise InputError("z holds a value that is not finite; every entry must be a finite number.")
        return z

    def label(self, label: int | None) -> int | None:
        """A class for a conditional model, None for any other."""
        model = self.folder.model
        if not model.conditional and label is not None:
            raise InputError(f"label is {label!r}, but {self.name} is not conditional; leave it out.")
        if model.conditional and (label is None or not 0 <= label < model.num_classes):
            allowed = f"a label from 0 to {model.num_classes - 1}"
            raise InputError(f"label is {label!r}; {self.name} is conditional and takes {allowed}.")
        return label

    # ---- the network -------------------------------------------------------------------------------------------

    def decode(self, z: np.ndarray, label: int | np.ndarray | None) -> np.ndarray:
        """Images (N, C, H, W) in [0, 1] at z (N, Z)."""
        import torch

        with torch.inference_mode():
            places = torch.from_numpy(np.ascontiguousarray(z, np.float32))
            return self.vae.decode(places, _labels(label, len(z))).numpy()

    def encode(self, x: np.ndarray, label: int | np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """mu and logvar (N, Z) of x (N, C, H, W) in [0, 1]."""
        import torch

        with torch.inference_mode():
            images = torch.from_numpy(np.ascontiguousarray(x, np.float32))
            mu, logvar = self.vae.encode(images, _labels(label, len(x)))
        return mu.numpy(), logvar.numpy()

    def means(self, images: np.ndarray, labels: np.ndarray, block: int = 500) -> np.ndarray:
        """mu of many images (N, C, H, W) uint8, a block at a time: the activations of a convolution over all would not fit a cache."""
        conditional = self.folder.model.conditional
        blocks = [slice(start, start + block) for start in range(0, len(images), block)]
        return np.concatenate(
            [
                self.encode(images[b].astype(np.float32) / 255, labels[b] if conditional else None)[0]
                for b in blocks
            ]
        )

    def recon(self, x: np.ndarray, rows: np.ndarray | slice) -> np.ndarray:
        """recon at z = mu, in nats (N,), of the test images x (N, C, H, W) in [0, 1] in these rows of the test set."""
        import torch

        from vae.loss import recon_nats

        config = self.folder.model
        with torch.inference_mode():
            labels = _labels(self.labels[rows], len(x)) if config.conditional else None
            logits = self.vae.decode_logits(torch.from_numpy(self.mu[rows]), labels)
            images = torch.from_numpy(np.ascontiguousarray(x, np.float32))
            return recon_nats(logits, images, config, self.folder.train.beta, self.vae.log_variance).numpy()

    def kl(self, row: int) -> float | None:
        """KL of one test image's posterior, in nats; None for a plain autoencoder."""
        import torch

        from vae.loss import kl_divergence

        if not self.folder.model.variational:
            return None
        return float(kl_divergence(torch.from_numpy(self.mu[[row]]), torch.from_numpy(self.logvar[[row]])))


def _labels(label: int | np.ndarray | None, count: int) -> Any:
    import torch

    if label is None:
        return None
    return torch.from_numpy(np.broadcast_to(np.asarray(label, np.int64), count).copy())


class Catalogue:
    """The models of one folder and the data sets of another: listed, read when first asked about, kept while there is room.

    A model folder that is added, replaced or removed is noticed by the next question, a second later at most. Safe
    to ask from several threads.
    """

    def __init__(self, models_dir: str | Path | None = None, data_dir: str | Path | None = None):
        self.models_dir = Path(os.path.expanduser(models_dir)) if models_dir else default_models_dir()
        self.data_dir = data_dir
        self._listing, self._looked = threading.Lock(), -LOOK_EVERY
        self._stamps: dict[str, Any] | None = None
        self._good: dict[str, ModelFolder] = {}
        self._broken: dict[str, str] = {}
        self._failed: dict[tuple, str] = {}  # folder key -> what reading its weights or codes ended in
        self._loaded: LRUCache = LRUCache(LOADED_MODELS)
        self._splits: LRUCache = LRUCache(SPLIT_BYTES, getsizeof=lambda images: images.images.nbytes)
        self._loading, self._reading = threading.Condition(), threading.Condition()

    # ---- what there is ---------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """List the models folder anew where something in it has changed."""
        with self._listing:
            if time.monotonic() - self._looked < LOOK_EVERY:
                return
            found = stamps(self.models_dir)
            if found != self._stamps:
                good, broken = list_models(self.models_dir)
                self._good, self._broken = {folder.name: folder for folder in good}, broken
                known = self._keys()
                self._failed = {key: text for key, text in list(self._failed.items()) if key in known}
                self._stamps = found
            self._looked = time.monotonic()

    def _keys(self) -> set[tuple]:
        return {folder.key for folder in self._good.values()}

    def refresh(self) -> None:
        """Look at the models folder now, after something was trained or removed."""
        with self._listing:
            self._looked = -LOOK_EVERY
        self._look()

    def folders(self) -> dict[str, ModelFolder]:
        """The models that can be asked about, by name, in the order of data set, recipe and size."""
        self._look()
        return {name: folder for name, folder in self._good.items() if folder.key not in self._failed}

    def revision(self) -> str:
        """A word that changes when a model is added, replaced or removed."""
        self._look()
        state = sorted(self._keys()), sorted(self.broken().items())
        return hashlib.sha256(repr(state).encode()).hexdigest()[:16]

    def models(self) -> list[dict[str, Any]]:
        """Every model that can be asked about: name, dataset, recipe, latent_dim, image_shape, conditional, variational, metrics."""
        return [
            {
                "name": name,
                "dataset": f.dataset,
                "recipe": f.recipe,
                "latent_dim": f.model.latent_dim,
                "image_shape": list(f.model.image_shape),
                "conditional": f.model.conditional,
                "variational": f.model.variational,
                "metrics": {key: f.metrics[key]["value"] for key in METRIC_UNITS},
            }
            for name, f in self.folders().items()
        ]

    def broken(self) -> dict[str, str]:
        """{folder name: reason} of what lies in the models folder and cannot be opened."""
        self._look()
        failed = {f.name: self._failed[f.key] for f in self._good.values() if f.key in self._failed}
        return self._broken | failed

    def folder(self, model: str) -> ModelFolder:
        """The folder of a model; `InputError` names the models there are."""
        self._look()
        if model in self._good:
            return self._good[model]
        if model in self._broken:
            raise CheckpointError(self._broken[model])
        names = ", ".join(self._good) or "none; python -m vae train makes one"
        raise InputError(f"model is {model!r}; the models are {names}.")

    def of_dataset(self, dataset: str) -> list[str]:
        """The names of a data set's models; `InputError` names the data sets that have some."""
        names = [name for name, folder in self.folders().items() if folder.dataset == dataset]
        if not names:
            known = ", ".join(sorted({f.dataset for f in self._good.values()})) or "no data set yet"
            raise InputError(f"dataset is {dataset!r}; there are models of {known}.")
        return names

    def opens_with(self) -> list[str]:
        """The model that a page shows first, then the other sizes of its recipe; [] where there is none."""
        folders = list(self.folders().values())
        wanted = ("mnist", "default", 2)
        first = next((f for f in folders if (f.dataset, f.recipe, f.model.latent_dim) == wanted), None)
        if first is None:
            first = next(iter(folders), None)
        same = [
            f
            for f in folders
            if first and (f.dataset, f.recipe) == (first.dataset, first.recipe) and f is not first
        ]
        return [f.name for f in (first, *same) if f]

    def variant(self, model: str) -> tuple[str, ...]:
        """How a model departs from its recipe, such as `("ae",)`; models that differ only in latent size share it."""
        folder = self.folder(model)
        return variant(folder.recipe, folder.dataset, folder.model, folder.train)

    # ---- models in memory --------------------------------------------------------------------------------------

    @cachedmethod(
        lambda self: self._loaded, lambda _, folder: folder.key, condition=lambda self: self._loading
    )
    def _read(self, folder: ModelFolder) -> LoadedModel:
        return LoadedModel(folder)

    def load(self, model: str, network: bool = True) -> LoadedModel:
        """A model in memory; without its network, where a question is about the codes alone."""
        folder = self.folder(model)
        try:
            loaded = self._read(folder)
            if network:
                loaded.vae  # noqa: B018  read now: a fault in the weights is found here
            return loaded
        except VAEError as error:
            self._failed[folder.key] = str(error)
            raise

    def in_memory(self, model: str) -> bool:
        """Whether a model's codes and network are loaded, so that a question about it takes milliseconds."""
        folder = self.folders().get(model)
        with self._loading:
            loaded = folder and self._loaded.get(folder.key)
        return loaded is not None and "vae" in loaded.__dict__

    def loadable(self, models: list[str]) -> list[LoadedModel]:
        """Those of several models that can be loaded; the others are noted as broken."""
        loaded = []
        for name in models:
            try:
                loaded.append(self.load(name))
            except VAEError:
                continue
        return loaded

    # ---- the data sets -----------------------------------------------------------------------------------------

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
            fetch(dataset, self.data_dir, progress, cancel)

    @cachedmethod(lambda self: self._splits, condition=lambda self: self._reading)
    def images(self, dataset: str, split: str) -> ImageSet:
        """The `train` or `test` images, from disk only; `DataError` says where to put them."""
        return load_split(dataset, split, self.data_dir, download=False)

    def original(self, dataset: str, index: int) -> np.ndarray | None:
        """x (C, H, W) of one test image, None where the data set cannot be had."""
        try:
            images = self.images(dataset, "test").images
        except VAEError:
            return None
        return images[index].astype(np.float32) / 255 if index < len(images) else None
