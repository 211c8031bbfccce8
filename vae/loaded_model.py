"""One model in memory, and what its network and codes answer, numpy in and numpy out."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from vae import checks
from vae.data.sketch import as_picture, sketch
from vae.errors import InputError, UnreadableError
from vae.folders.dataset import check_test_set
from vae.folders.folder import ModelFolder, read_charts, read_codes, read_weights
from vae.folders.parsing import fault
from vae.folders.stamps import stamp_of
from vae.space.neighbours import Neighbours

if TYPE_CHECKING:
    from vae.model import VAE


class LoadedModel:
    """One model in memory: its folder, weights, codes and neighbours; and the checks that need them."""

    def __init__(self, folder: ModelFolder):
        codes = read_codes(folder)
        check_test_set(folder, codes["labels"])
        self.folder = folder
        self.mu, self.logvar, self.labels = codes["mu"], codes["logvar"], codes["labels"]
        self.umap = read_charts(folder, len(self.mu)).get("umap")
        self._check_unchanged()
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
            if "vae" in self.__dict__:
                return self.__dict__["vae"]
            vae = read_weights(self.folder)
            self._check_unchanged()
            self._check_finite(vae)
            return vae

    def _check_unchanged(self) -> None:
        """`UnreadableError` where the folder that was listed is not the one that has just been read."""
        if stamp_of(self.folder.path) != self.folder.stamp:
            raise UnreadableError(f"{self.folder.path} was replaced while it was read; try again.")

    def _check_finite(self, vae: VAE) -> None:
        """`CheckpointError` where finite weights are so large that the net's answers are not: no JSON holds them."""
        import torch

        label = _labels(self.labels[:1], 1) if self.folder.model.conditional else None
        with torch.inference_mode():
            x = vae.decode(torch.from_numpy(self.mu[:1]), label)
            self._finite(x.numpy(), *(values.numpy() for values in vae.encode(x, label)))

    def _finite(self, *answers: np.ndarray) -> None:
        if not all(np.isfinite(values).all() for values in answers):
            raise fault(
                self.folder.path / "model.safetensors",
                "has weights with which an image or a posterior is not finite",
            )

    # ---- checks ------------------------------------------------------------------------------------------------

    def row(self, index: int, name: str = "index") -> int:
        """A test index that exists."""
        if not checks.is_whole(index) or not 0 <= index < len(self.mu):
            last, dataset = len(self.mu) - 1, self.folder.dataset
            raise InputError(
                f"{name} is {checks.short(index)}; the test set of {dataset} has images from 0 to {last}."
            )
        return int(index)

    def latents(self, z: np.ndarray, name: str = "z") -> np.ndarray:
        """z (N, Z) float32, of this model's Z and within reach."""
        return checks.latents(name, z, self.latent_dim, f"{self.name} takes")

    def latent(self, z: np.ndarray, name: str = "z") -> np.ndarray:
        """z (Z,) float32, of this model's Z and within reach."""
        return checks.vector(name, z, self.latent_dim, f"{self.name} takes")

    def label(self, label: int | None) -> int | None:
        """A class for a conditional model, None for any other."""
        model = self.folder.model
        if not model.conditional:
            if label is not None:
                raise InputError(
                    f"label is {checks.short(label)}, but {self.name} is not conditional; leave it out."
                )
            return None
        if not checks.is_whole(label) or not 0 <= label < model.num_classes:  # type: ignore[operator]
            allowed = f"a label from 0 to {model.num_classes - 1}"
            shown = None if label is None else checks.short(label)
            raise InputError(f"label is {shown}; {self.name} is conditional and takes {allowed}.")
        return int(label)  # type: ignore[arg-type]

    def picture(self, image: np.ndarray, raw: bool = False, ink: str | None = None) -> np.ndarray:
        """x (C, H, W) of an image from outside: sketched like the data set's own, or with `raw` one of them already."""
        channels, height, width = self.folder.model.image_shape
        if not raw:
            return sketch(image, self.folder.dataset, self.folder.model.image_shape, ink)
        x = as_picture(image)
        if x.shape != (height, width, channels):
            allowed = f"({height}, {width}) or " * (channels == 1) + f"{(height, width, channels)}"
            raise InputError(f"image has shape {np.shape(image)}; with raw it must be {allowed}.")
        return x.transpose(2, 0, 1)

    # ---- the network -------------------------------------------------------------------------------------------

    def decode(self, z: np.ndarray, label: int | np.ndarray | None) -> np.ndarray:
        """Images (N, C, H, W) in [0, 1] at z (N, Z)."""
        import torch

        with torch.inference_mode():
            places = torch.from_numpy(np.ascontiguousarray(z, np.float32))
            images = self.vae.decode(places, _labels(label, len(z))).numpy()
        self._finite(images)
        return images

    def encode(self, x: np.ndarray, label: int | np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """mu and logvar (N, Z) of x (N, C, H, W) in [0, 1]."""
        import torch

        with torch.inference_mode():
            images = torch.from_numpy(np.ascontiguousarray(x, np.float32))
            mu, logvar = self.vae.encode(images, _labels(label, len(x)))
        self._finite(mu.numpy(), logvar.numpy())
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
