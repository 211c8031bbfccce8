"""Which models one can ask about: the folders and data sets on disk, and those of them that are in memory."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from cachetools import LRUCache, cachedmethod

from vae.data.load import data_dir, fetch, has_images, load_split, locate
from vae.data.sets import DATASETS, FILES, ImageSet
from vae.errors import CheckpointError, InputError, VAEError
from vae.folders.folder import ModelFolder, list_models
from vae.folders.parsing import fault
from vae.folders.stamps import FileStamp, file_stamp, stamps
from vae.loaded_model import LoadedModel

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


def _other_shape(folder: ModelFolder) -> str | None:
    """Why a model cannot be of its data set: its images have another shape."""
    known, shape = DATASETS.get(folder.dataset), folder.model.image_shape
    if known is None or known.image_shape == shape:
        return None
    wrong = f"image_shape is {shape}, but images of {folder.dataset} are {known.image_shape}"
    return str(fault(folder.path / "config.json", wrong))


def _absolute(folder: Path) -> list[str]:
    """Every way to write where a folder lies from the root on, the longest first; [] for the root itself."""
    known = {str(folder), folder.as_posix(), str(folder.absolute()), str(folder.resolve())}
    return sorted((n for n in known if Path(n).is_absolute() and Path(n).name), key=len, reverse=True)


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
            if found is None or found != self._stamps:
                good, broken = list_models(self.models_dir)  # says what keeps it from being read
                odd = {folder.name: reason for folder in good if (reason := _other_shape(folder))}
                self._good = {folder.name: folder for folder in good if folder.name not in odd}
                self._broken = broken | odd
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

    def revisions(self) -> list[tuple[ModelFolder, str]]:
        """Every model whose weights can be read, with their revision; the others are noted as broken."""
        found = []
        for folder in self.folders().values():
            try:
                found.append((folder, folder.revision))
            except VAEError as error:
                self._failed[folder.key] = str(error)
        return found

    def models(self) -> list[dict[str, Any]]:
        """Every model that can be asked about: name, dataset, recipe, latent_dim, image_shape, conditional, variational, metrics."""
        return [folder.summary() for folder in self.folders().values()]

    def broken(self) -> dict[str, str]:
        """{folder name: reason} of what lies in the models folder and cannot be opened."""
        self._look()
        failed = {f.name: self._failed[f.key] for f in self._good.values() if f.key in self._failed}
        return self._broken | failed

    def shown(self, text: str) -> str:
        """A text for strangers: what lies in the folders of models and data is told from there on, not where these lie."""
        models = self.models_dir
        for place in _absolute(models):
            text = text.replace(place + os.sep, "").replace(place, "models")
        for folder, word in ((data_dir(self.data_dir), "data"), (models.parent, "the folder above")):
            for place in _absolute(folder):
                text = text.replace(place, word)
        return text

    def folder(self, model: str) -> ModelFolder:
        """The folder of a model; `InputError` names the models there are."""
        self._look()
        if isinstance(model, str) and model in self._good:
            return self._good[model]
        if isinstance(model, str) and model in self._broken:
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

    def images_stamp(self, dataset: str, split: str) -> tuple[FileStamp, ...]:
        """What a cache of anything computed from these images has in its key: the files can be replaced."""
        if dataset not in DATASETS or DATASETS[dataset].torchvision is None:
            return ()  # scikit-learn's own do not change
        found = []
        for file in FILES.get(split, ()):
            if (path := locate(dataset, file, self.data_dir)) is None:
                return ()
            found.append(path)
        try:
            return tuple(file_stamp(path.stat()) for path in found)
        except OSError:  # removed a moment ago
            return ()

    @cachedmethod(
        lambda self: self._splits,
        lambda self, dataset, split: (dataset, split, self.images_stamp(dataset, split)),
        condition=lambda self: self._reading,
    )
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
