"""What the browser's net is held against: the library's own answers to the same places and images."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from vae.errors import VAEError

if TYPE_CHECKING:
    from vae.explorer import Explorer


def twin(
    explorer: Explorer, model: str, places: int = 1000, count: int = 100, seed: int = 0
) -> dict[str, Any]:
    """z ~ N(0, 4 I) (places, Z) with their images, and mu and logvar of `count` images x.

    x are the first test images, or the first decoded ones where those are not at hand (`real` says which); `decode_ms`
    and `encode_ms` are medians of one at a time. A conditional model is asked as its first class.
    """
    loaded = explorer.catalogue.load(model)
    label = 0 if loaded.folder.model.conditional else None
    z = (np.random.default_rng(seed).standard_normal((places, loaded.latent_dim)) * 2).astype(np.float32)
    images = loaded.decode(z, label)
    x, real = images[:count], False
    try:
        test = explorer.catalogue.images(loaded.folder.dataset, "test").images
        x, real = test[:count].astype(np.float32) / 255, True
    except VAEError:
        pass
    mu, logvar = loaded.encode(x, label)
    return {
        "z": z,
        "images": images,
        "x": x,
        "mu": mu,
        "logvar": logvar,
        "real": real,
        "decode_ms": _median_ms(lambda one: loaded.decode(one, label), z[:count]),
        "encode_ms": _median_ms(lambda one: loaded.encode(one, label), x),
    }


def _median_ms(work: Callable[[np.ndarray], Any], rows: np.ndarray) -> float:
    times = []
    for i in range(len(rows)):
        start = time.perf_counter()
        work(rows[i : i + 1])
        times.append(time.perf_counter() - start)
    return float(np.median(times)) * 1000
