"""A model over a whole set: its codes and the two terms of its ELBO."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from vae.config import ModelConfig
from vae.data import ImageSet
from vae.elbo import chunks, elbo_terms, encode_set
from vae.model import VAE


@pytest.fixture(scope="module")
def data(digits) -> ImageSet:
    test = digits[1]
    return ImageSet(test.images[:40], test.labels[:40], test.class_names)


def model(**options) -> VAE:
    return VAE(ModelConfig(image_shape=(1, 8, 8), hidden=(16,), **options), torch.Generator().manual_seed(3)).eval().requires_grad_(False)


def test_chunks_are_the_set_in_order_as_numbers_from_0_to_1(data):
    parts = list(chunks(model(conditional=True), data, 15))
    assert [len(x) for x, _ in parts] == [15, 15, 10]
    torch.testing.assert_close(torch.cat([x for x, _ in parts]), torch.tensor(data.images) / 255.0)
    assert torch.equal(torch.cat([y for _, y in parts]), torch.tensor(data.labels))
    assert all(label is None for _, label in chunks(model(), data, 15))


@pytest.mark.parametrize("conditional", [False, True])
def test_the_terms_are_those_of_torch_distributions_over_many_draws(data, conditional):
    vae = model(conditional=conditional)
    x, label = torch.tensor(data.images) / 255.0, torch.tensor(data.labels) if conditional else None
    recon, kl = elbo_terms(vae, data, 1.0, samples=400)
    mu, logvar = vae.encode(x, label)
    posterior = Normal(mu, torch.exp(logvar / 2))
    torch.testing.assert_close(kl, kl_divergence(posterior, Normal(torch.zeros_like(mu), 1.0)).sum(1))
    generator = torch.Generator().manual_seed(99)
    total = torch.zeros(len(x))
    for _ in range(400):
        z = mu + torch.exp(logvar / 2) * torch.randn(mu.shape, generator=generator)
        total -= Independent(Bernoulli(logits=vae.decode_logits(z, label), validate_args=False), 3).log_prob(x)
    torch.testing.assert_close(recon, total / 400, rtol=0.01, atol=0.05)


def test_the_terms_do_not_depend_on_when_they_are_asked(data):
    vae = model()
    before = torch.random.get_rng_state()
    assert all(torch.equal(a, b) for a, b in zip(elbo_terms(vae, data, 1.0), elbo_terms(vae, data, 1.0)))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_plain_autoencoder_is_measured_at_its_point(data):
    vae = model(variational=False)
    recon, kl = elbo_terms(vae, data, 1.0)
    x = torch.tensor(data.images) / 255.0
    expected = -Independent(Bernoulli(logits=vae.decode_logits(vae.encode(x)[0]), validate_args=False), 3).log_prob(x)
    torch.testing.assert_close(recon, expected)
    assert not kl.any()


def test_encode_set_is_encode_of_every_image(data):
    vae = model(latent_dim=5)
    mu, logvar = encode_set(vae, data)
    expected = vae.encode(torch.tensor(data.images) / 255.0)
    torch.testing.assert_close((mu, logvar), expected)
    assert mu.shape == (40, 5)
