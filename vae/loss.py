"""Likelihoods, the KL divergence and the objectives, each one value per image, in nats."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from vae.config import ModelConfig, TrainConfig
from vae.errors import ConfigError

LOG_2PI = math.log(2 * math.pi)


def bernoulli_nll(logits: Tensor, x: Tensor) -> Tensor:
    """-log p(x|z) of independent Bernoulli pixels (B,): the binary cross-entropy summed over pixels.

    Logits and x are (B, ...), x in [0, 1]; for grey x it is the cross-entropy of the literature (Kingma & Welling 2014, C.1).
    """
    # F.binary_cross_entropy_with_logits makes twice as many passes
    return (F.softplus(logits) - x * logits).flatten(1).sum(1)


def squared_error(mean: Tensor, x: Tensor) -> Tensor:
    """Squared error summed over pixels (B,)."""
    return (mean - x).square().flatten(1).sum(1)


def gaussian_nll(mean: Tensor, x: Tensor, log_variance: Tensor | float) -> Tensor:
    """-log p(x|z) of a Gaussian with one variance for all pixels (B,), constants included."""
    log_variance = torch.as_tensor(log_variance, dtype=mean.dtype, device=mean.device)
    pixels = mean[0].numel()
    return 0.5 * (squared_error(mean, x) * torch.exp(-log_variance) + pixels * (log_variance + LOG_2PI))


def kl_divergence(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(q(z|x) || N(0, I)) (B,) of diagonal Gaussians (Kingma & Welling 2014, appendix B)."""
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(1)


def log_normal(z: Tensor, mu: Tensor | float, logvar: Tensor | float) -> Tensor:
    """log N(z; mu, exp(logvar)) of every dimension, in the broadcast shape of its arguments."""
    logvar = torch.as_tensor(logvar, dtype=z.dtype, device=z.device)
    return -0.5 * ((z - mu).square() * torch.exp(-logvar) + logvar + LOG_2PI)


def implied_log_variance(config: ModelConfig, beta: float) -> float:
    """log of the Gaussian variance that makes a squared-error loss its ELBO: 1/2 summed, D * beta / 2 averaged."""
    if config.likelihood == "gaussian":
        return math.log(0.5)
    if not beta > 0:
        raise ConfigError(
            "likelihood 'gaussian-mean' with beta 0 implies a Gaussian without variance; give beta above 0."
        )
    return math.log(config.pixels * beta / 2)


def recon_nats(
    logits: Tensor, x: Tensor, config: ModelConfig, beta: float, log_variance: Tensor | None = None
) -> Tensor:
    """`recon` of metrics and history: -log p(x|z) (B,) in nats under the model's likelihood, constants included.

    `beta` is the training's (it sets the variance of `gaussian-mean`); `log_variance` is the decoder's, for `gaussian-learned`.
    """
    if config.likelihood == "bernoulli":
        return bernoulli_nll(logits, x)
    if config.likelihood != "gaussian-learned":
        return gaussian_nll(torch.sigmoid(logits), x, implied_log_variance(config, beta))
    assert log_variance is not None  # the decoder of such a model has one
    return gaussian_nll(torch.sigmoid(logits), x, log_variance)


def training_recon(
    logits: Tensor, x: Tensor, config: ModelConfig, log_variance: Tensor | None = None
) -> Tensor:
    """The reconstruction term of the training loss (B,): squared errors without constants, averaged for `gaussian-mean`."""
    if config.likelihood == "bernoulli":
        return bernoulli_nll(logits, x)
    if config.likelihood == "gaussian-learned":
        assert log_variance is not None  # the decoder of such a model has one
        return gaussian_nll(torch.sigmoid(logits), x, log_variance)
    error = squared_error(torch.sigmoid(logits), x)
    return error / config.pixels if config.likelihood == "gaussian-mean" else error


def total_correlation_terms(
    z: Tensor, mu: Tensor, logvar: Tensor, dataset_size: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Mutual information, total correlation and dimension-wise KL (each (B,)) of one batch.

    Minibatch-weighted sampling, Chen et al. 2018 ("Isolating Sources of Disentanglement"), eq. 2 and S5; their mean
    over the batch adds up to a Monte-Carlo estimate of the KL. z, mu and logvar are (B, Z).
    """
    # (B, 1, Z), (1, B, Z) -> (B, B, Z): log q(z_i | x_j)
    each = log_normal(z[:, None], mu[None], logvar[None])
    log_nm = math.log(len(z) * dataset_size)
    log_qz_x = log_normal(z, mu, logvar).sum(1)
    log_qz = torch.logsumexp(each.sum(2), 1) - log_nm
    log_qz_product = (torch.logsumexp(each, 1) - log_nm).sum(1)
    log_pz = log_normal(z, 0.0, 0.0).sum(1)
    return log_qz_x - log_qz, log_qz - log_qz_product, log_qz_product - log_pz


def training_loss(
    recon: Tensor,
    z: Tensor,
    mu: Tensor,
    logvar: Tensor,
    model: ModelConfig,
    train: TrainConfig,
    dataset_size: int,
    kl_weight: Tensor | float = 1.0,
) -> Tensor:
    """The objective of one batch (B,): recon + beta * kl, or its beta-TCVAE variant; recon alone for a plain autoencoder.

    `kl_weight` in [0, 1] scales every latent term during KL warm-up.
    """
    if not model.variational:
        return recon
    if train.objective == "tc":
        information, correlation, dimension_kl = total_correlation_terms(z, mu, logvar, dataset_size)
        return recon + kl_weight * (information + train.beta * correlation + dimension_kl)
    return recon + kl_weight * train.beta * kl_divergence(mu, logvar)
