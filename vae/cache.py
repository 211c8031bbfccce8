"""What takes long to compute about a model and is kept, by the stamps of the model's files and of the images': charts, training codes, recon of every test image."""

from __future__ import annotations

import threading

import numpy as np
from cachetools import LRUCache, cachedmethod

from vae.data.sets import ImageSet
from vae.loaded_model import LoadedModel
from vae.space.chart import Chart, make_chart

CHARTS = 128  # charts kept
PARTS = 72  # parts of training codes kept: six models' of 60,000; 58 MB at Z = 40
BLOCK = 1000  # images decoded at once
RECONS = 64  # models whose recon of every test image is kept


class Cache:
    """Answers that are computed once; those who ask for the same at the same time wait for one answer."""

    def __init__(self) -> None:
        self._charts: LRUCache = LRUCache(CHARTS)
        self._parts: LRUCache = LRUCache(PARTS)
        self._recons: LRUCache = LRUCache(RECONS)
        self._busy = threading.Condition()

    @cachedmethod(
        lambda self: self._charts,
        lambda _, loaded, chart, anchor: (loaded.folder.key, chart, anchor),
        condition=lambda self: self._busy,
    )
    def chart(self, loaded: LoadedModel, chart: str | None, anchor: int | None) -> Chart:
        """A chart of a model; `anchor` is the test image whose mu it passes through."""
        z0 = None if anchor is None else loaded.mu[loaded.row(anchor)]
        return make_chart(chart, loaded.mu, loaded.umap, z0)

    @cachedmethod(
        lambda self: self._parts,
        lambda _, loaded, rows, train, stamp: (loaded.folder.key, rows.start, rows.stop, stamp),
        condition=lambda self: self._busy,
    )
    def means(self, loaded: LoadedModel, rows: slice, train: ImageSet, stamp: tuple) -> np.ndarray:
        """mu (n, Z) of some rows of the training set, whose files have this stamp."""
        return loaded.means(train.images[rows], train.labels[rows])

    @cachedmethod(
        lambda self: self._recons,
        lambda _, loaded, images, stamp: (loaded.folder.key, stamp),
        condition=lambda self: self._busy,
    )
    def recons(self, loaded: LoadedModel, images: np.ndarray, stamp: tuple) -> np.ndarray:
        """recon (N,) at the mean of every test image, whose files have this stamp, in nats."""
        blocks = [slice(start, start + BLOCK) for start in range(0, len(images), BLOCK)]
        return np.concatenate([loaded.recon(images[b].astype(np.float32) / 255, b) for b in blocks])
