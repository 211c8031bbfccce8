"""Figures of trained models against closed forms, scikit-learn and a published run."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.manifold import trustworthiness
from sklearn.neighbors import KNeighborsClassifier
from torch.distributions import Bernoulli, Independent, MultivariateNormal, Normal, kl_divergence

import vae.evaluate
from vae.config import ModelConfig
from vae.data.load import load_split
from vae.data.sets import ImageSet
from vae.errors import DataError
from vae.evaluate import (
    active_units,
    chunks,
    elbo_terms,
    encode_set,
    evaluate,
    first_metrics,
    importance_log_likelihood,
    knn_accuracy,
    log_likelihood,
    mean_errors,
)
from vae.folders.folder import METRIC_UNITS, load_model, read_codes, read_folder
from vae.model import VAE
from vae.recipes import recipe_configs
from vae.space.chart import make_chart
from vae.train import fit


def test_the_log_likelihood_of_a_linear_gaussian_model_is_its_closed_form():
    generator = torch.Generator().manual_seed(0)
    # X = W z + b + noise: log p(x) = log N(x; b, W W' + sigma^2 I) (Tipping & Bishop 1999)
    d, z, sigma = (
        7,
        3,
        0.6,
    )
    weight, bias = (
        torch.randn(d, z, dtype=torch.float64, generator=generator),
        torch.randn(d, dtype=torch.float64, generator=generator),
    )
    x = torch.randn(5, z, dtype=torch.float64, generator=generator) @ weight.T + bias
    x = x + sigma * torch.randn(5, d, dtype=torch.float64, generator=generator)
    exact = MultivariateNormal(
        bias, weight @ weight.T + sigma**2 * torch.eye(d, dtype=torch.float64)
    ).log_prob(x)
    precision = torch.eye(z, dtype=torch.float64) + weight.T @ weight / sigma**2
    # the exact posterior's mean; its variance only on the diagonal
    mu = torch.linalg.solve(precision, weight.T @ (x - bias).T / sigma**2).T
    logvar = -torch.log(torch.diagonal(precision)).expand(5, z)

    def log_px(codes):
        repeated = x.repeat(len(codes) // 5, 1)
        return torch.distributions.Normal(codes @ weight.T + bias, sigma).log_prob(repeated).sum(1)

    def wide(k, seed):
        return importance_log_likelihood(mu, logvar + 1.2, log_px, k, torch.Generator().manual_seed(seed))

    torch.testing.assert_close(wide(200_000, 1), exact, atol=0.02, rtol=0)
    few = torch.stack([wide(1, seed) for seed in range(400)]).mean(0)
    more = torch.stack([wide(20, seed) for seed in range(400)]).mean(0)
    # a lower bound that tightens with k (Burda et al. 2016, theorem 1)
    assert (few < more).all() and (more < exact + 0.1).all()


def test_with_one_draw_it_is_the_elbo_and_with_many_it_is_more(trained, digits):
    folder = read_folder(trained / "digits-tutorial-z2")
    vae, test = load_model(folder.path), digits[1]
    elbo = folder.metrics["elbo"]["value"]
    single = np.mean([float(log_likelihood(vae, test, 1.0, k=1, seed=seed).mean()) for seed in range(20)])
    assert single == pytest.approx(elbo, abs=0.1)
    assert float(log_likelihood(vae, test, 1.0, k=50).mean()) > elbo + 0.1


def test_chunks_and_order_of_the_draws_do_not_matter_to_the_log_likelihood(trained, digits):
    vae, (_, test) = load_model(trained / "digits-tutorial-cond-sigma-z2"), digits
    few = ImageSet(test.images[:30], test.labels[:30], test.class_names)
    together = log_likelihood(vae, few, 1.0, k=3000)  # one image at a time
    apart = torch.cat(
        [
            log_likelihood(
                vae,
                ImageSet(few.images[i : i + 10], few.labels[i : i + 10], few.class_names),
                1.0,
                k=400,
                seed=i,
            )
            for i in (0, 10, 20)
        ]
    )
    torch.testing.assert_close(together, apart, atol=0.6, rtol=0)
    assert together.shape == (30,) and (together - apart).mean().abs() < 0.15


def test_errors_at_the_mean_are_those_of_scikit_learn_and_torch(trained, digits):
    from sklearn.metrics import mean_squared_error

    vae, test = load_model(trained / "digits-tutorial-z5"), digits[1]
    x = torch.tensor(test.images) / 255.0
    x_recon = vae.decode(vae.encode(x)[0])
    bce, mse = mean_errors(vae, test)
    assert mse == pytest.approx(64 * mean_squared_error(x.flatten(1), x_recon.flatten(1)), rel=1e-4)
    expected = -Bernoulli(x_recon.double(), validate_args=False).log_prob(x.double()).sum((1, 2, 3)).mean()
    assert bce == pytest.approx(expected.item(), rel=1e-3)


def test_active_units_are_those_that_move():
    rng = np.random.default_rng(0)
    mu = np.stack([rng.normal(0, std, 5000) + 7 for std in (1, 0.2, 0.105, 0.095, 0.0)], 1)
    assert active_units(mu) == 3  # variance 0.01 lies between 0.095 and 0.105 squared


def test_every_figure_of_metrics_is_recomputed_in_its_unit(trained, digits, tmp_path):
    path = Path(shutil.copytree(trained / "digits-tutorial-z5", tmp_path / "digits-tutorial-z5"))
    seen: list[str] = []
    metrics = evaluate(path, k=20, write=True, progress=seen.append)
    assert (
        list(metrics)
        == "elbo recon kl bce mse log_likelihood active_units knn_accuracy trustworthiness continuity parameters seconds".split()
    )
    assert {k: m["unit"] for k, m in metrics.items()} == METRIC_UNITS
    assert metrics == read_folder(path).metrics and len(seen) >= 4
    value = {k: m["value"] for k, m in metrics.items()}
    assert None not in value.values() and metrics["log_likelihood"]["k"] == 20
    assert value["elbo"] == pytest.approx(-(value["recon"] + value["kl"]), abs=1e-4)
    assert all(
        m["command"] == f"python -m vae evaluate {path.as_posix()}"
        for k, m in metrics.items()
        if k != "seconds"
    )
    before = read_folder(trained / "digits-tutorial-z5").metrics
    assert metrics["seconds"] == before["seconds"]
    for key in (
        "elbo",
        "recon",
        "kl",
        "bce",
        "mse",
        "active_units",
        "parameters",
    ):  # what training wrote is what evaluation finds
        assert value[key] == pytest.approx(before[key]["value"], rel=1e-5)
    vae, (train, test) = load_model(path), digits
    train_mu, test_mu = encode_set(vae, train)[0].numpy(), encode_set(vae, test)[0].numpy()
    assert value["knn_accuracy"] == pytest.approx(
        KNeighborsClassifier(15).fit(train_mu, train.labels).score(test_mu, test.labels), abs=1e-5
    )
    assert value["knn_accuracy"] == pytest.approx(
        knn_accuracy(train_mu, train.labels, test_mu, test.labels), abs=1e-5
    )
    mu = read_codes(read_folder(path))["mu"]
    uv = make_chart("pca", mu).to_plane(mu)
    assert value["trustworthiness"] == pytest.approx(trustworthiness(mu, uv, n_neighbors=15), abs=1e-4)
    assert value["continuity"] == pytest.approx(trustworthiness(uv, mu, n_neighbors=15), abs=1e-4)
    assert value["parameters"] == sum(p.numel() for p in vae.parameters())


@pytest.mark.parametrize(
    ("step", "lost"),
    [
        ("knn_accuracy", {"knn_accuracy"}),
        ("make_chart", {"trustworthiness", "continuity"}),
        ("log_likelihood", {"log_likelihood"}),
    ],
)
def test_a_figure_that_cannot_be_computed_is_null_and_the_others_stand(
    trained, tmp_path, monkeypatch, step, lost
):
    def fail(*_, **__):
        raise MemoryError("no room")

    monkeypatch.setattr(vae.evaluate, step, fail)
    path = Path(shutil.copytree(trained / "digits-tutorial-z2", tmp_path / "m"))
    said: list[str] = []
    metrics = evaluate(path, k=1, write=True, warn=said.append)
    assert {key for key, entry in metrics.items() if entry["value"] is None} == lost
    assert read_folder(path).metrics == metrics
    assert len(said) == 1 and "(no room)" in said[0] and all(key in said[0] for key in lost)


def test_without_training_images_all_figures_but_theirs_are_computed(trained, monkeypatch):
    def only_test(name, split, root):
        if split == "train":
            raise DataError("The training images are not here.")
        return load_split(name, split, root)

    monkeypatch.setattr(vae.evaluate, "load_split", only_test)
    with pytest.warns(UserWarning, match="knn_accuracy could not be computed .The training images"):
        metrics = evaluate(trained / "digits-tutorial-z2", k=1)
    assert [key for key, entry in metrics.items() if entry["value"] is None] == ["knn_accuracy"]


def test_two_dimensions_are_a_faithful_map_of_themselves(trained):
    metrics = evaluate(trained / "digits-tutorial-z2", k=1)
    assert metrics["trustworthiness"]["value"] == metrics["continuity"]["value"] == 1


def test_a_plain_autoencoder_has_no_elbo_kl_or_likelihood(trained):
    metrics = evaluate(trained / "digits-tutorial-ae-z2", k=5)
    assert [k for k, m in metrics.items() if m["value"] is None] == ["elbo", "kl", "log_likelihood"]


def test_a_figure_that_is_not_finite_is_null_and_never_nan():
    from vae.evaluate import _rounded

    assert (
        _rounded(math.nan) is None
        and _rounded(math.inf) is None
        and _rounded(None) is None
        and _rounded(3) == 3
    )


def test_squared_error_models_are_measured_in_nats_of_the_gaussian_they_imply(digits):
    from torch.distributions import Normal

    test = digits[1]
    vae = VAE(
        ModelConfig(image_shape=(1, 8, 8), hidden=(8,), likelihood="gaussian-mean", variational=False)
    ).requires_grad_(False)
    x = torch.tensor(test.images) / 255.0
    x_recon = vae.decode(vae.encode(x)[0])
    expected = -Normal(x_recon, math.sqrt(64 * 0.01 / 2)).log_prob(x).sum((1, 2, 3)).mean()
    assert first_metrics(vae, test, 0.01)["recon"] == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.slow
def test_the_tutorial_net_reaches_its_published_elbo(mnist):
    """A published run of the 784-400-20 net reached 105.59 nats on the test set after 10 epochs."""
    model, config = recipe_configs("tutorial", "mnist", 20)
    last = list(fit(model, config.replace(epochs=10), *mnist, precision="float32"))[-1]
    assert last.test_recon + last.test_kl == pytest.approx(105.6, abs=0.7)


def test_the_split_measured_on_is_the_test_set(trained):
    folder = read_folder(trained / "digits-tutorial-z2")
    np.testing.assert_array_equal(read_codes(folder)["labels"], load_split("digits", "test").labels)


# ---- a model over a whole set: its codes and the two terms of its ELBO


@pytest.fixture(scope="module")
def data(digits) -> ImageSet:
    test = digits[1]
    return ImageSet(test.images[:40], test.labels[:40], test.class_names)


def model(**options) -> VAE:
    return (
        VAE(ModelConfig(image_shape=(1, 8, 8), hidden=(16,), **options), torch.Generator().manual_seed(3))
        .eval()
        .requires_grad_(False)
    )


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
        total -= Independent(Bernoulli(logits=vae.decode_logits(z, label), validate_args=False), 3).log_prob(
            x
        )
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
    expected = -Independent(
        Bernoulli(logits=vae.decode_logits(vae.encode(x)[0]), validate_args=False), 3
    ).log_prob(x)
    torch.testing.assert_close(recon, expected)
    assert not kl.any()


def test_encode_set_is_encode_of_every_image(data):
    vae = model(latent_dim=5)
    mu, logvar = encode_set(vae, data)
    expected = vae.encode(torch.tensor(data.images) / 255.0)
    torch.testing.assert_close((mu, logvar), expected)
    assert mu.shape == (40, 5)
