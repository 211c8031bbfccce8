"""A model over a whole image set: its codes, and the two terms of its ELBO."""

from __future__ import annotations

import torch
from torch import Tensor

from vae.data import ImageSet
from vae.loss import kl_divergence, recon_nats
from vae.model import VAE

CHUNK = 1000
SAMPLES = 5


def chunks(vae: VAE, data: ImageSet, size: int = CHUNK):
    """The images of a set as x (B, C, H, W) in [0, 1] with their labels (None unless conditional), on the model's device."""
    device = next(vae.parameters()).device
    for start in range(0, len(data), size):
        x = torch.tensor(data.images[start : start + size], device=device).float() / 255
        label = torch.tensor(data.labels[start : start + size], device=device) if vae.config.conditional else None
        yield x, label


@torch.no_grad()
def elbo_terms(vae: VAE, data: ImageSet, beta: float, samples: int = SAMPLES, seed: int = 0) -> tuple[Tensor, Tensor]:
    """recon (expectation over q) and kl, each (N,) in nats; the KL of a plain autoencoder is 0 and stands for nothing."""
    device = next(vae.parameters()).device
    generator = torch.Generator(device).manual_seed(seed)
    samples = samples if vae.config.variational else 1
    log_variance = getattr(vae.decoder, "log_variance", None)
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
