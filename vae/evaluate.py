"""What a trained model is worth, on the test set: every figure of `metrics.json`."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vae.data.load import load_split
from vae.data.sets import ImageSet
from vae.errors import CheckpointError, in_a_line
from vae.folders.files import json_bytes, update_folder
from vae.folders.folder import (
    METRIC_UNITS,
    ModelFolder,
    evaluate_command,
    metric,
    read_codes,
    read_folder,
    read_weights,
)
from vae.folders.place import reserve
from vae.loss import bernoulli_nll, kl_divergence, log_normal, recon_nats, squared_error
from vae.model import VAE
from vae.space.chart import make_chart
from vae.space.neighbours import VOTERS, pointwise_trustworthiness

CHUNK = 1000
SAMPLES = 5
IMPORTANCE_SAMPLES = 200
ACTIVE_VARIANCE = 0.01


def chunks(vae: VAE, data: ImageSet, size: int = CHUNK):
    """The images of a set as x (B, C, H, W) in [0, 1] with their labels (None unless conditional), on the model's device."""
    device = next(vae.parameters()).device
    for start in range(0, len(data), size):
        x = torch.tensor(data.images[start : start + size], device=device).float() / 255
        label = (
            torch.tensor(data.labels[start : start + size], device=device) if vae.config.conditional else None
        )
        yield x, label


@torch.no_grad()
def elbo_terms(
    vae: VAE, data: ImageSet, beta: float, samples: int = SAMPLES, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """recon (expectation over q) and kl, each (N,) in nats; the KL of a plain autoencoder is 0 and stands for nothing."""
    device = next(vae.parameters()).device
    generator = torch.Generator(device).manual_seed(seed)
    samples = samples if vae.config.variational else 1
    log_variance = vae.log_variance
    recons, kls = [], []
    for x, label in chunks(vae, data):
        mu, logvar = vae.encode(x, label)
        recon = torch.zeros(len(x), device=device)
        for _ in range(samples):
            z = vae.reparameterize(mu, logvar, generator=generator)
            recon += recon_nats(vae.decode_logits(z, label), x, vae.config, beta, log_variance) / samples
        recons.append(recon)
        kls.append(kl_divergence(mu, logvar) if vae.config.variational else torch.zeros_like(recon))
    return torch.cat(recons), torch.cat(kls)


@torch.no_grad()
def encode_set(vae: VAE, data: ImageSet) -> tuple[Tensor, Tensor]:
    """mu and logvar of every image of a set, each (N, Z)."""
    mus, logvars = zip(*(vae.encode(x, label) for x, label in chunks(vae, data)))
    return torch.cat(mus), torch.cat(logvars)


def importance_log_likelihood(
    mu: Tensor,
    logvar: Tensor,
    log_px: Callable[[Tensor], Tensor],
    k: int,
    generator: torch.Generator | None = None,
) -> Tensor:
    """log p(x) (B,) from k draws of q(z|x) = N(mu, exp(logvar)), each (B, Z) (Burda et al. 2016, eq. 8).

    `log_px` gives log p(x|z) (k * B,) for z (k * B, Z), draw by draw: rows 0 .. B-1 are the first draw of every image.
    """
    eps = torch.randn(k, *mu.shape, dtype=mu.dtype, device=mu.device, generator=generator)
    z = mu + torch.exp(logvar / 2) * eps  # (k, B, Z)
    log_ratio = (log_normal(z, 0.0, 0.0) - log_normal(z, mu, logvar)).sum(2)
    return torch.logsumexp(log_px(z.flatten(0, 1)).view(k, -1) + log_ratio, 0) - math.log(k)


@torch.no_grad()
def log_likelihood(
    vae: VAE, data: ImageSet, beta: float, k: int = IMPORTANCE_SAMPLES, seed: int = 0
) -> Tensor:
    """Importance-sampled log p(x) (N,) in nats under the model's likelihood; the encoder runs once an image."""
    generator = torch.Generator(next(vae.parameters()).device).manual_seed(seed)
    log_variance = vae.log_variance
    size = max(1, (4096 if vae.config.architecture == "mlp" else 2048) // k)
    found = []
    for x, label in chunks(vae, data, size):
        mu, logvar = vae.encode(x, label)
        repeated = x.repeat(k, 1, 1, 1)
        labels = None if label is None else label.repeat(k)

        def log_px(z: Tensor, x: Tensor = repeated, y: Tensor | None = labels) -> Tensor:
            return -recon_nats(vae.decode_logits(z, y), x, vae.config, beta, log_variance)

        found.append(importance_log_likelihood(mu, logvar, log_px, k, generator))
    return torch.cat(found)


@torch.no_grad()
def mean_errors(vae: VAE, data: ImageSet) -> tuple[float, float]:
    """bce and mse, summed over the image and averaged over the set, of the reconstruction at z = mu."""
    bce = mse = 0.0
    for x, label in chunks(vae, data):
        logits = vae.decode_logits(vae.encode(x, label)[0], label)
        bce += float(bernoulli_nll(logits, x).double().sum())
        mse += float(squared_error(torch.sigmoid(logits), x).double().sum())
    return bce / len(data), mse / len(data)


def active_units(mu: np.ndarray) -> int:
    """Dimensions whose mean has a variance over the test set above 0.01 (Burda et al. 2016)."""
    return int((mu.var(0, dtype=np.float64) > ACTIVE_VARIANCE).sum())


def knn_accuracy(
    train_mu: np.ndarray, train_labels: np.ndarray, test_mu: np.ndarray, test_labels: np.ndarray
) -> float:
    """scikit-learn's 15-nearest-neighbours classifier from training means to test means."""
    from sklearn.neighbors import KNeighborsClassifier

    return float(KNeighborsClassifier(VOTERS).fit(train_mu, train_labels).score(test_mu, test_labels))


def first_metrics(vae: VAE, test_set: ImageSet, beta: float) -> dict[str, float | None]:
    """The figures that cost seconds: those that training writes."""
    recon, kl = (float(t.double().mean()) for t in elbo_terms(vae, test_set, beta))
    bce, mse = mean_errors(vae, test_set)
    mu = encode_set(vae, test_set)[0].cpu().numpy()
    variational = vae.config.variational
    return {
        "elbo": -(recon + kl) if variational else None,
        "recon": recon,
        "kl": kl if variational else None,
        "bce": bce,
        "mse": mse,
        "active_units": active_units(mu),
        "parameters": sum(p.numel() for p in vae.parameters()),
    }


def evaluate(
    path: str | Path,
    data_dir: str | Path | None = None,
    *,
    device: str | torch.device = "cpu",
    k: int = IMPORTANCE_SAMPLES,
    write: bool = False,
    progress: Callable[[str], None] | None = None,
    warn: Callable[[str], None] = warnings.warn,
) -> dict[str, dict[str, Any]]:
    """Every key of `metrics.json`, computed anew from the folder's weights and the data set; stored with `write`.

    `progress` is told what is being computed, `warn` in a sentence which figure could not be and is null therefore.
    `seconds` is the training's and kept.
    """
    folder = read_folder(path)
    with reserve(path) if write else contextlib.nullcontext():
        if write:  # what stood there before may have been another training's
            folder = read_folder(path)
        measured = folder.revision
        metrics = _measure(folder, data_dir, device, k, progress or (lambda _: None), warn)
        if write:
            refuse_replaced(folder, measured)
            update_folder(path, {"metrics.json": json_bytes(metrics)})
    return metrics


def refuse_replaced(folder: ModelFolder, revision: str) -> None:
    """`CheckpointError` where a folder no longer holds the weights of that revision: what was computed from them is nothing of its own."""
    if read_folder(folder.path).revision != revision:
        raise CheckpointError(
            f"{folder.path} was replaced meanwhile, so nothing was written there; run the command again."
        )


def _measure(
    folder: ModelFolder,
    data_dir: str | Path | None,
    device: str | torch.device,
    k: int,
    say: Callable[[str], None],
    warn: Callable[[str], None],
) -> dict[str, dict[str, Any]]:
    say("loading the data")
    test_set = load_split(folder.dataset, "test", data_dir)
    vae = read_weights(folder)
    vae.to(device, memory_format=vae.layout)
    say("ELBO and errors")
    values: dict[str, float | None] = first_metrics(vae, test_set, folder.train.beta)

    def neighbours() -> dict[str, float]:
        train_set = load_split(folder.dataset, "train", data_dir)
        train_mu, test_mu = (encode_set(vae, data)[0].cpu().numpy() for data in (train_set, test_set))
        return {"knn_accuracy": knn_accuracy(train_mu, train_set.labels, test_mu, test_set.labels)}

    def likelihood() -> dict[str, float]:
        return {"log_likelihood": float(log_likelihood(vae, test_set, folder.train.beta, k).double().mean())}

    steps: list[tuple[str, str, Callable[[], dict[str, float]]]] = [
        ("nearest neighbours", "knn_accuracy", neighbours),
        (
            "trustworthiness and continuity",
            "trustworthiness and continuity",
            lambda: chart_metrics(folder),
        ),
    ]
    if folder.model.variational:
        steps.append((f"log-likelihood from {k} samples an image", "log_likelihood", likelihood))
    for what, keys, step in steps:
        say(what)
        try:
            values |= step()
        except Exception as error:  # of scikit-learn, of torch, of the disk: the other figures stand
            warn(
                f"{folder.name}: {keys} could not be computed ({in_a_line(error).rstrip('.')}); without it the others stand, {evaluate_command(folder.path)} tries again."
            )
    return metrics_table(values, folder, k)


def chart_metrics(folder: ModelFolder) -> dict[str, float]:
    """Trustworthiness and continuity (k = 15) of the default chart over the folder's own codes."""
    mu = read_codes(folder)["mu"]
    uv = make_chart(None, mu).to_plane(mu)
    k = min(VOTERS, (len(mu) - 1) // 2)
    return {
        "trustworthiness": float(pointwise_trustworthiness(mu, uv, k).mean()),
        "continuity": float(pointwise_trustworthiness(uv, mu, k).mean()),
    }


def metrics_table(
    values: dict[str, float | None], folder: ModelFolder, k: int = IMPORTANCE_SAMPLES
) -> dict[str, dict[str, Any]]:
    """`metrics.json` with units and commands; a key without a value is null.

    `seconds` stays what training wrote, a key of another release what it was.
    """
    command = evaluate_command(folder.path)
    table = folder.metrics | {
        key: metric(_rounded(values.get(key)), unit, command) for key, unit in METRIC_UNITS.items()
    }
    table["seconds"] = folder.metrics["seconds"]
    table["log_likelihood"]["k"] = k
    return table


def _rounded(value: float | None) -> float | int | None:
    if value is not None and not math.isfinite(value):
        return None
    return round(value, 5) if isinstance(value, float) else value
