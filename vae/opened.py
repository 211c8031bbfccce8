"""A model in memory, and the bounded table that keeps a few of them there."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import cached_property
from typing import Any

import numpy as np

from vae.checkpoint import ModelFolder, read_codes, read_umap, read_weights
from vae.neighbours import Neighbours


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
        labels = None if label is None else torch.from_numpy(np.broadcast_to(np.asarray(label, np.int64), len(z)).copy())
        with torch.inference_mode():
            return self.vae.decode(torch.from_numpy(z), labels).numpy()

    def encode(self, x: np.ndarray, label: int | np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        import torch

        labels = None if label is None else torch.from_numpy(np.broadcast_to(np.asarray(label, np.int64), len(x)).copy())
        with torch.inference_mode():
            mu, logvar = self.vae.encode(torch.from_numpy(np.ascontiguousarray(x, np.float32)), labels)
        return mu.numpy(), logvar.numpy()

    def means(self, images: np.ndarray, labels: np.ndarray, block: int = 500) -> np.ndarray:
        """mu of many images (N, C, H, W) uint8, a block at a time: what a convolution holds of all of them would not fit into a cache."""
        conditional = self.folder.model.conditional
        rows = [slice(start, start + block) for start in range(0, len(images), block)]
        return np.concatenate([self.encode(images[r].astype(np.float32) / 255, labels[r] if conditional else None)[0] for r in rows])

    def terms(self, x: np.ndarray, index: int, label: int | None) -> tuple[float, float | None]:
        """recon at z = mu and kl of one image x (C, H, W), in nats."""
        import torch

        from vae.loss import kl_divergence, recon_nats

        labels = None if label is None else torch.tensor([label])
        with torch.inference_mode():
            mu, logvar = torch.from_numpy(self.mu[[index]]), torch.from_numpy(self.logvar[[index]])
            logits, config = self.vae.decode_logits(mu, labels), self.folder.model
            recon = recon_nats(logits, torch.from_numpy(x[None]), config, self.folder.train.beta, getattr(self.vae.decoder, "log_variance", None))
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
                logits, x = self.vae.decode_logits(torch.from_numpy(self.mu[rows]), labels), torch.from_numpy(images[rows].astype(np.float32) / 255)
                out[rows] = recon_nats(logits, x, config, beta, getattr(self.vae.decoder, "log_variance", None)).numpy()
        return out
