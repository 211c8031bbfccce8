"""Losses against torch.distributions, published formulas computed the long way, and finite differences."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import (
    Bernoulli,
    ContinuousBernoulli,
    Independent,
    MixtureSameFamily,
    Normal,
    kl_divergence,
)
from torch.distributions import Categorical as Choice

from vae.config import ModelConfig, TrainConfig
from vae.errors import ConfigError
from vae.loss import (
    bernoulli_nll,
    gaussian_nll,
    implied_log_variance,
    log_normal,
    recon_nats,
    squared_error,
    total_correlation_terms,
    training_loss,
    training_recon,
)
from vae.loss import kl_divergence as our_kl

SHAPES = [(5, 1, 8, 8), (3, 3, 7, 5), (1, 1, 28, 28)]


@pytest.fixture
def draw():
    generator = torch.Generator().manual_seed(7)
    return lambda *shape: torch.randn(*shape, dtype=torch.float64, generator=generator)


@pytest.fixture
def codes(draw):
    """z, mu, logvar of a batch of 6 in 4 dimensions."""
    mu, logvar = 1.5 * draw(6, 4), 0.7 * draw(6, 4)
    return mu + torch.exp(logvar / 2) * draw(6, 4), mu, logvar


@pytest.mark.parametrize("shape", SHAPES)
def test_bernoulli_is_minus_the_log_probability_of_torch_distributions(draw, shape):
    logits, x = 3 * draw(*shape), (draw(*shape) > 0).double()
    expected = -Independent(Bernoulli(logits=logits), 3).log_prob(x)
    torch.testing.assert_close(bernoulli_nll(logits, x), expected)


def test_bernoulli_on_grey_pixels_is_the_expectation_over_binarized_ones(draw):
    logits, x = draw(4, 1, 3, 3), torch.sigmoid(draw(4, 1, 3, 3))
    on, off = (
        Bernoulli(logits=logits).log_prob(torch.ones_like(x)),
        Bernoulli(logits=logits).log_prob(torch.zeros_like(x)),
    )
    torch.testing.assert_close(bernoulli_nll(logits, x), -(x * on + (1 - x) * off).sum((1, 2, 3)))
    # Has a normaliser on top, which the literature's figures leave out
    proper = ContinuousBernoulli(logits=logits).log_prob(x).sum((1, 2, 3))
    assert not torch.allclose(bernoulli_nll(logits, x), -proper)


def test_bernoulli_stays_finite_at_extreme_logits():
    logits = torch.tensor([[1e4, -1e4, 1e4, -1e4]])
    x = torch.tensor([[1.0, 0.0, 0.0, 1.0]])
    assert bernoulli_nll(logits, x).tolist() == [2e4]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("log_variance", [-3.0, 0.0, math.log(0.5), 2.0])
def test_gaussian_is_minus_the_log_probability_of_torch_distributions(draw, shape, log_variance):
    mean, x = draw(*shape), draw(*shape)
    expected = -Independent(Normal(mean, math.exp(log_variance / 2)), 3).log_prob(x)
    torch.testing.assert_close(gaussian_nll(mean, x, log_variance), expected)
    torch.testing.assert_close(
        gaussian_nll(mean, x, torch.tensor(log_variance, dtype=torch.float64)), expected
    )


def test_squared_error_is_summed_over_the_image(draw):
    mean, x = draw(4, 1, 8, 8), draw(4, 1, 8, 8)
    each = torch.stack([torch.nn.functional.mse_loss(a, b, reduction="sum") for a, b in zip(mean, x)])
    torch.testing.assert_close(squared_error(mean, x), each)


def test_kl_is_that_of_torch_distributions(codes):
    _, mu, logvar = codes
    prior = Normal(torch.zeros_like(mu), torch.ones_like(mu))
    torch.testing.assert_close(
        our_kl(mu, logvar), kl_divergence(Normal(mu, torch.exp(logvar / 2)), prior).sum(1)
    )


def test_log_normal_is_that_of_torch_distributions(codes):
    z, mu, logvar = codes
    torch.testing.assert_close(log_normal(z, mu, logvar), Normal(mu, torch.exp(logvar / 2)).log_prob(z))
    torch.testing.assert_close(log_normal(z, 0.0, 0.0), Normal(0.0, 1.0).log_prob(z))


@pytest.mark.parametrize("likelihood", ["gaussian", "gaussian-mean"])
def test_a_squared_error_loss_is_up_to_scale_and_constant_the_elbo_of_the_gaussian_it_implies(
    draw, likelihood
):
    model, beta = (
        ModelConfig(image_shape=(1, 8, 8), likelihood=likelihood),
        0.37 if likelihood == "gaussian-mean" else 1.0,
    )
    x, kl = torch.sigmoid(draw(5, 1, 8, 8)), draw(5).exp()
    losses, elbos = [], []
    # if it holds for three reconstructions, loss = scale * -elbo + constant with the same scale
    for _ in range(3):
        logits = draw(5, 1, 8, 8)
        losses.append(training_recon(logits, x, model) + beta * kl)
        sigma = math.exp(implied_log_variance(model, beta) / 2)
        elbos.append(-Independent(Normal(torch.sigmoid(logits), sigma), 3).log_prob(x) + kl)
        torch.testing.assert_close(recon_nats(logits, x, model, beta), elbos[-1] - kl)
    scale = (losses[1] - losses[0]) / (elbos[1] - elbos[0])
    torch.testing.assert_close(losses[2] - losses[0], scale * (elbos[2] - elbos[0]))
    # so that beta * (-elbo): the KL keeps its place in it
    torch.testing.assert_close(scale, torch.full_like(scale, beta))
    expected = {"gaussian": 0.5, "gaussian-mean": 64 * beta / 2}[likelihood]
    assert math.exp(implied_log_variance(model, beta)) == pytest.approx(expected)


def test_gaussian_mean_without_a_kl_weight_implies_no_gaussian_and_says_so():
    with pytest.raises(ConfigError, match="gaussian-mean.*beta above 0"):
        implied_log_variance(ModelConfig(likelihood="gaussian-mean"), 0.0)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian-learned"])
def test_where_the_loss_is_the_likelihood_training_and_metrics_agree(draw, likelihood):
    model = ModelConfig(image_shape=(1, 8, 8), likelihood=likelihood)
    logits, x, log_variance = (
        draw(5, 1, 8, 8),
        torch.sigmoid(draw(5, 1, 8, 8)),
        torch.tensor(-1.3, dtype=torch.float64),
    )
    torch.testing.assert_close(
        training_recon(logits, x, model, log_variance), recon_nats(logits, x, model, 3.0, log_variance)
    )


def test_the_learned_variance_is_best_where_it_is_the_mean_squared_error(draw):
    mean, x = draw(200, 1, 4, 4), draw(200, 1, 4, 4)
    log_variance = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
    best = (mean - x).square().mean().log().item()  # Rybkin et al. 2021, eq. 6
    (slope,) = torch.autograd.grad(gaussian_nll(mean, x, log_variance + best).mean(), log_variance)
    assert abs(slope.item()) < 1e-9


def test_the_tc_terms_are_the_formula_of_chen_et_al_computed_term_by_term(codes):
    z, mu, logvar = codes
    size, dataset = len(z), 50
    found = total_correlation_terms(z, mu, logvar, dataset)
    for i in range(size):
        joint = [
            Independent(Normal(mu[j], torch.exp(logvar[j] / 2)), 1).log_prob(z[i]).exp() for j in range(size)
        ]
        log_qz = torch.log(sum(joint) / (size * dataset))  # type: ignore[arg-type]
        log_qz_d = [
            torch.log(
                sum(
                    Normal(mu[j, d], torch.exp(logvar[j, d] / 2)).log_prob(z[i, d]).exp() for j in range(size)
                )
                / (size * dataset)
            )
            for d in range(4)
        ]
        log_prior = Normal(0.0, 1.0).log_prob(z[i]).sum()
        torch.testing.assert_close(found[0][i], joint[i].log() - log_qz)
        torch.testing.assert_close(found[1][i], log_qz - sum(log_qz_d))
        torch.testing.assert_close(found[2][i], sum(log_qz_d) - log_prior)


def test_the_tc_terms_add_up_to_a_monte_carlo_kl(codes):
    z, mu, logvar = codes
    total = sum(total_correlation_terms(z, mu, logvar, 1000))
    sampled = Independent(Normal(mu, torch.exp(logvar / 2)), 1).log_prob(z) - Independent(
        Normal(torch.zeros_like(mu), 1.0), 1
    ).log_prob(z)
    torch.testing.assert_close(total, sampled)
    generator = torch.Generator().manual_seed(0)  # and over many draws to the KL itself
    eps = torch.randn(4000, *mu.shape, dtype=mu.dtype, generator=generator)
    means = torch.stack(
        [sum(total_correlation_terms(mu + torch.exp(logvar / 2) * e, mu, logvar, 1000)) for e in eps]
    ).mean(0)
    torch.testing.assert_close(means, our_kl(mu, logvar), atol=0.15, rtol=0)


def test_over_the_whole_data_set_the_aggregate_posterior_is_a_mixture(codes):
    z, mu, logvar = (
        # a batch that is the data set: q(z) is the mixture of its posteriors, up to the estimator's 1 / M
        codes
    )
    mixture = MixtureSameFamily(
        Choice(torch.ones(6, dtype=torch.float64)), Independent(Normal(mu, torch.exp(logvar / 2)), 1)
    )
    information = total_correlation_terms(z, mu, logvar, 6)[0]
    log_qz_x = Independent(Normal(mu, torch.exp(logvar / 2)), 1).log_prob(z)
    torch.testing.assert_close(information, log_qz_x - mixture.log_prob(z) + math.log(6))


def test_beta_tcvae_at_beta_one_is_the_monte_carlo_elbo_and_beta_weighs_the_total_correlation_alone(
    codes, draw
):
    z, mu, logvar = codes
    recon, model = draw(6).exp(), ModelConfig(latent_dim=4)
    log_ratio = Normal(mu, torch.exp(logvar / 2)).log_prob(z).sum(1) - Normal(0.0, 1.0).log_prob(z).sum(1)
    torch.testing.assert_close(
        training_loss(recon, z, mu, logvar, model, TrainConfig(objective="tc"), 600), recon + log_ratio
    )
    six = training_loss(recon, z, mu, logvar, model, TrainConfig(objective="tc", beta=6.0), 600)
    torch.testing.assert_close(six, recon + log_ratio + 5 * total_correlation_terms(z, mu, logvar, 600)[1])


def test_the_objective_is_recon_plus_beta_kl_and_a_plain_autoencoder_has_no_kl(codes, draw):
    z, mu, logvar = codes
    recon, kl = (
        draw(6).exp(),
        kl_divergence(Normal(mu, torch.exp(logvar / 2)), Normal(torch.zeros_like(mu), 1.0)).sum(1),
    )
    model = ModelConfig(latent_dim=4)
    torch.testing.assert_close(training_loss(recon, z, mu, logvar, model, TrainConfig(), 600), recon + kl)
    torch.testing.assert_close(
        training_loss(recon, z, mu, logvar, model, TrainConfig(beta=4.0), 600, 0.25), recon + kl
    )
    for objective in ("elbo", "tc"):
        plain = training_loss(
            recon,
            z,
            mu,
            logvar,
            model.replace(variational=False),
            TrainConfig(objective=objective, beta=3.0),
            600,
        )
        assert torch.equal(plain, recon)


def test_gradients_agree_with_finite_differences(codes, draw):
    z, mu, logvar = (t.clone().requires_grad_() for t in codes)
    mean, x = draw(3, 1, 4, 4).requires_grad_(), torch.sigmoid(draw(3, 1, 4, 4))
    log_variance = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    check = torch.autograd.gradcheck
    assert check(our_kl, (mu, logvar))
    assert check(log_normal, (z, mu, logvar))
    assert check(lambda a, b, c: total_correlation_terms(a, b, c, 90), (z, mu, logvar))
    assert check(lambda m, v: gaussian_nll(m, x, v), (mean, log_variance))
    assert check(lambda m: bernoulli_nll(m, x), (mean,))
    for likelihood in ("bernoulli", "gaussian", "gaussian-mean", "gaussian-learned"):
        model = ModelConfig(latent_dim=4, image_shape=(1, 4, 4), likelihood=likelihood)
        assert check(
            lambda m, v, model=model: training_recon(m, x, model, v).sum() + 0 * v, (mean, log_variance)
        )
