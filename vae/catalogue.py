"""Which models one can ask about: the folders and data sets on disk, and those of them that are in memory."""

from __future__ import annotations

import copy
import hashlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cachetools import LRUCache, cachedmethod

from vae.checks import short
from vae.data.load import data_dir, fetch
from vae.data.sets import DATASETS
from vae.errors import CheckpointError, InputError, UnreadableError, VAEError, unreadable
from vae.folders.dataset import fitting
from vae.folders.folder import ModelFolder, examine, in_order
from vae.folders.stamps import stamp_of, stamps
from vae.images import Images
from vae.loaded_model import LoadedModel

LOADED_MODELS = 16  # weights and codes kept in memory; the least recently asked goes first
LOOK_EVERY = 1.0  # seconds between two looks at the models folder, however many questions come
FORGET_AFTER = 3.0  # seconds for which a model is listed as not to be read now
ATTEMPTS = 3  # to read a model whose folder is exchanged meanwhile


def default_models_dir() -> Path:
    """Where models are looked for when nobody says: `models` of the current folder if it holds any, else the shipped ones."""
    here = Path("models")
    if any(here.glob("*/config.json")):
        return here
    package = Path(__file__).parent
    inside = package / "models"  # of an installed package; in a clone they lie beside app.py
    return inside if inside.is_dir() else package.parent / "models"


def _absolute(folder: Path) -> list[str]:
    """Every way to write where a folder lies from the root on, the longest first; [] for the root itself."""
    known = {str(folder), folder.as_posix(), str(folder.absolute()), str(folder.resolve())}
    return sorted((n for n in known if Path(n).is_absolute() and Path(n).name), key=len, reverse=True)


class Catalogue(Images):
    """The models of one folder and the data sets of another: listed, read when first asked about, kept while there is room.

    A model folder that is added, replaced or removed is noticed by the next question, a second later at most. Safe
    to ask from several threads.
    """

    def __init__(self, models_dir: str | Path | None = None, data_dir: str | Path | None = None):
        self.models_dir = Path(os.path.expanduser(models_dir)) if models_dir else default_models_dir()
        super().__init__(data_dir)
        self._listing, self._looked = threading.Lock(), -LOOK_EVERY
        self._stamps: dict[str, Any] | None = None
        self._good: dict[str, ModelFolder] = {}
        self._broken: dict[str, CheckpointError] = {}
        self._again = False  # whether to list anew whatever the stamps say: something could not be read
        # folder key -> what reading its weights or codes ended in: for these files, or for some seconds
        self._damaged: dict[tuple, VAEError] = {}
        self._passing: dict[tuple, tuple[VAEError, float]] = {}
        self._loaded: LRUCache = LRUCache(LOADED_MODELS)
        self._loading = threading.Condition()

    # ---- what there is ---------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """List the models folder anew where something in it has changed, or could not be read the last time."""
        with self._listing:
            if time.monotonic() - self._looked < LOOK_EVERY:
                return
            found = stamps(self.models_dir)
            if found is None or found != self._stamps or self._again:
                self._list(found)
            self._looked = time.monotonic()

    def _list(self, found: dict[str, Any] | None) -> None:
        """Take the folder as it is now; what cannot be read for the moment stays as it was known."""
        known = self._good | self._broken
        try:
            listed, broken = examine(self.models_dir)  # says what keeps it from being read
        except CheckpointError:
            if not known:
                raise
            self._again = True
            return
        if known and not os.path.lexists(self.models_dir):  # just being exchanged
            self._again = True
            return
        fit, odd = fitting(listed)
        good, broken = {folder.name: folder for folder in fit}, broken | odd
        passing = {name for name, error in broken.items() if isinstance(error, UnreadableError)}
        kept = {name: self._good[name] for name in passing if name in self._good}
        self._good = {folder.name: folder for folder in in_order((good | kept).values())}
        self._broken = {name: error for name, error in broken.items() if name not in kept}
        self._again = bool(passing) or not all(folder.stamp for folder in listed)
        keys = self._keys()
        self._damaged = {key: error for key, error in list(self._damaged.items()) if key in keys}
        self._passing = {key: noted for key, noted in list(self._passing.items()) if key in keys}
        self._stamps = found

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
        return {name: folder for name, folder in self._good.items() if folder.key not in self._damaged}

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
                self._forget(folder)
            except VAEError as error:
                self._note(folder, error)
        return found

    def _note(self, folder: ModelFolder, error: VAEError) -> None:
        """Remember what is wrong with a model: as long as its files stay, or for some seconds where the system or an exchange was at fault."""
        if isinstance(error, UnreadableError) or not folder.stamp or stamp_of(folder.path) != folder.stamp:
            self._passing[folder.key] = error, time.monotonic()
        else:
            self._damaged[folder.key] = error

    def _forget(self, folder: ModelFolder) -> None:
        """After it could be read."""
        self._passing.pop(folder.key, None)

    def _noted(self) -> dict[tuple, VAEError]:
        """What is wrong with which models now; of what may have passed the weights are tried again, so that a fault that stays is said without a break."""
        since = time.monotonic() - FORGET_AFTER
        for folder in list(self._good.values()):
            noted = self._passing.get(folder.key)
            if noted and noted[1] <= since:
                self._forget(folder)
                try:
                    folder.revision  # noqa: B018
                except VAEError as error:
                    self._note(folder, error)
        return {key: error for key, (error, _) in list(self._passing.items())} | self._damaged

    def models(self) -> list[dict[str, Any]]:
        """Every model that can be asked about: name, dataset, recipe, latent_dim, image_shape, conditional, variational, metrics."""
        return [folder.summary() for folder in self.folders().values()]

    def broken(self, public: bool = False) -> dict[str, str]:
        """{folder name: reason} of what lies in the models folder and cannot be opened; with `public` as strangers are told."""
        self._look()
        noted = self._noted()
        failed = {f.name: noted[f.key] for f in self._good.values() if f.key in noted}
        found: dict[str, VAEError] = {**self._broken, **failed}
        return {name: self.shown(error) if public else str(error) for name, error in found.items()}

    def shown(self, text: str | VAEError) -> str:
        """A text or an error for strangers: what lies in the folders of models and data is told from there on, not where these lie.

        An error comes without what only the owner of the folders can do.
        """
        if isinstance(text, VAEError):
            text = text.public
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
            raise copy.copy(self._broken[model])
        said = f"model is {short(model)}; the models are"
        if not self._good:
            raise InputError(f"{said} none", "python -m vae train makes one")
        raise InputError(f"{said} {', '.join(self._good)}.")

    def of_dataset(self, dataset: str) -> list[str]:
        """The names of a data set's models; `InputError` names the data sets that have some."""
        names = [name for name, folder in self.folders().items() if folder.dataset == dataset]
        if not names:
            known = ", ".join(sorted({f.dataset for f in self._good.values()})) or "no data set yet"
            raise InputError(f"dataset is {dataset!r}; there are models of {known}.")
        return names

    def opens_with(self) -> list[str]:
        """The model that a page shows first, then the other sizes of its recipe; [] where there is none."""
        noted = self._noted()
        folders = [folder for folder in self.folders().values() if folder.key not in noted]
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
        """A model in memory; without its network, where a question is about the codes alone.

        All of it is of one revision: a folder that is exchanged meanwhile is read anew.
        """
        for attempt in range(ATTEMPTS):
            folder = self.folder(model)
            try:
                loaded = self._read(folder)
                if network:
                    loaded.vae  # noqa: B018  read now: a fault in the weights is found here
                self._forget(folder)
                return loaded
            except (VAEError, OSError, MemoryError) as found:
                error = found if isinstance(found, VAEError) else unreadable(folder.path, found)
                if attempt + 1 < ATTEMPTS and stamp_of(folder.path) not in ((), folder.stamp):
                    self.refresh()
                    continue
                self._note(folder, error)
                if error is found:
                    raise
                raise error from found
        raise AssertionError("the last attempt returns or raises")

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
        if fault := self.images_fault(dataset):  # files that were there are left alone
            raise copy.copy(fault)
