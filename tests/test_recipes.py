"""Recipes: the numbers of the literature's tutorials, the names of folders, and a default that is stable."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import typer
from torch.distributions import Normal, kl_divergence

from vae.config import LIKELIHOODS
from vae.errors import ConfigError
from vae.model import weight_shapes
from vae.recipes import RECIPES, departures, in_words, recipe_configs, train_command
from vae.runs import Run
from vae.texts import texts
from vae.train import fit

SIZES = (2, 3, 5, 10, 20, 40)


def weights(config) -> int:
    return sum(math.prod(shape) for shape in weight_shapes(config).values())


@pytest.mark.parametrize(
    ("recipe", "dataset", "z", "model", "train"),
    [
        (
            "tutorial",
            "mnist",
            20,
            {"architecture": "mlp", "hidden": (400,), "likelihood": "bernoulli"},
            {"epochs": 5, "batch_size": 100, "learning_rate": 1e-3, "beta": 1.0, "schedule": "constant"},
        ),
        (
            "conv",
            "mnist",
            2,
            {"architecture": "conv3", "hidden": (16, 32, 32), "likelihood": "bernoulli"},
            {"epochs": 10, "batch_size": 256, "learning_rate": 1e-3, "beta": 0.392},
        ),
        ("conv", "mnist", 7, {"architecture": "conv3"}, {"beta": 0.112}),
        (
            "fashion-mse",
            "fashion-mnist",
            20,
            {"architecture": "mlp", "hidden": (400,), "likelihood": "gaussian"},
            {"epochs": 10, "batch_size": 128, "learning_rate": 1e-3, "beta": 1.0},
        ),
        (
            "beta-mse",
            "mnist",
            2,
            {"architecture": "mlp", "hidden": (128,), "likelihood": "gaussian-mean"},
            {"epochs": 100, "batch_size": 128, "learning_rate": 2e-3, "beta": 0.001},
        ),
        (
            "default",
            "mnist",
            10,
            {"architecture": "mlp", "likelihood": "bernoulli"},
            {"beta": 1.0, "schedule": "one-cycle"},
        ),
    ],
)
def test_a_recipe_is_what_its_tutorial_did(recipe, dataset, z, model, train):
    found_model, found_train = recipe_configs(recipe, dataset, z)
    assert {k: getattr(found_model, k) for k in model} == model
    for field, value in train.items():
        assert getattr(found_train, field) == (pytest.approx(value) if field == "beta" else value)
    assert (
        found_model.latent_dim == z
        and found_model.variational
        and not found_model.conditional
        and found_train.objective == "elbo"
    )


def test_the_weight_of_the_conv_recipes_kl_is_that_of_its_tutorials_averages():
    mu, logvar = torch.randn(2, 6, 5, generator=torch.Generator().manual_seed(0))
    averaged = -5e-4 * (1 + logvar - mu**2 - logvar.exp()).mean()
    q = Normal(mu, (logvar / 2).exp())
    summed = kl_divergence(q, Normal(0.0, 1.0)).sum(1).mean()
    beta = recipe_configs("conv", "mnist", 5)[1].beta
    assert 784 * averaged.item() == pytest.approx(beta * summed.item(), rel=1e-4)


def test_the_five_recipes_are_there_and_no_other_is_known():
    assert set(RECIPES) == {"default", "tutorial", "conv", "fashion-mse", "beta-mse"}
    with pytest.raises(ConfigError, match="recipe is 'vanilla'; the recipes are"):
        recipe_configs("vanilla", "mnist", 2)


@pytest.mark.parametrize("z", [*SIZES, 64, 128, 256])
@pytest.mark.parametrize("dataset", ["mnist", "fashion-mnist", "kmnist"])
def test_default_keeps_to_two_and_a_half_million_weights(dataset, z):
    config = recipe_configs("default", dataset, z)[0]
    assert config.image_shape == (1, 28, 28) and weights(config) <= 2_500_000


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (1, 17, 23)], ids=str)
def test_every_recipe_builds_for_every_image_shape(recipe, shape):
    model, _ = recipe_configs(recipe, "own", 7, shape, 12)
    assert model.image_shape == shape and model.num_classes == 12 and weights(model) > 0


@pytest.mark.parametrize(
    ("run", "name"),
    [
        (Run("mnist", "default", 2), "mnist-default-z2"),
        (Run("mnist", "default", 2, {"variational": False}), "mnist-default-ae-z2"),
        (Run("mnist", "default", 10, {"beta": 4.0, "objective": "tc"}), "mnist-default-beta4-tc-z10"),
        (Run("mnist", "default", 2, {"likelihood": "gaussian-learned"}), "mnist-default-sigma-z2"),
        (Run("mnist", "default", 2, {"likelihood": "gaussian"}), "mnist-default-gauss-z2"),
        (Run("mnist", "default", 2, {"likelihood": "gaussian-mean"}), "mnist-default-gaussmean-z2"),
        (Run("digits", "default", 5, {"conditional": True}), "digits-default-cond-z5"),
        (Run("digits", "default", 5, {"beta": 0.5}), "digits-default-beta0.5-z5"),
        (
            Run(
                "mnist",
                "tutorial",
                3,
                {
                    "likelihood": "gaussian-learned",
                    "objective": "tc",
                    "beta": 2.0,
                    "conditional": True,
                    "variational": False,
                },
            ),
            "mnist-tutorial-ae-cond-beta2-tc-sigma-z3",
        ),
        (Run("mnist", "conv", 2), "mnist-conv-z2"),
        (Run("mnist", "conv", 3), "mnist-conv-z3"),
        (Run("mnist", "conv", 3, {"beta": 0.392}), "mnist-conv-beta0.392-z3"),
        (Run("digits", "conv", 40, {"conditional": True}), "digits-conv-cond-z40"),
        (
            Run(
                "mnist", "beta-mse", 2, {"beta": 0.001, "likelihood": "gaussian-mean", "epochs": 7, "seed": 3}
            ),
            "mnist-beta-mse-seed3-z2",
        ),
        (Run("fashion-mnist", "fashion-mse", 20, {"beta": 1.0}), "fashion-mnist-fashion-mse-z20"),
        (Run("mnist", "default", 2, {"beta": 4.0}, "mine"), "mine"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_a_folder_is_named_by_what_differs_from_its_recipe(run, name):
    assert run.folder_name() == name


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_names_of_different_likelihoods_differ(likelihood):
    names = {Run("mnist", recipe, 2, {"likelihood": likelihood}).folder_name() for recipe in RECIPES}
    others = {
        Run("mnist", recipe, 2, {"likelihood": other}).folder_name()
        for recipe in RECIPES
        for other in LIKELIHOODS
        if other != likelihood
    }
    assert not names & others


@pytest.mark.parametrize("z", SIZES)
def test_default_is_stable_on_digits_and_soon_beats_a_picture_that_ignores_the_image(digits, z):
    train, test = digits
    model, config = recipe_configs("default", "digits", z, (1, 8, 8))
    records = list(fit(model, config.replace(epochs=8), train, test))
    share = np.clip(train.images.mean(0) / 255, 1e-3, 1 - 1e-3)
    x = test.images / 255
    blind = -(x * np.log(share) + (1 - x) * np.log(1 - share)).sum((1, 2, 3)).mean()
    assert records[-1].test_recon + records[-1].test_kl < blind


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
@pytest.mark.parametrize("z", SIZES)
def test_default_is_stable_on_the_large_sets(name, z, request):
    data = request.getfixturevalue(name)
    model, config = recipe_configs("default", name.replace("_", "-"), z)
    worst = {"mnist": 206, "fashion_mnist": 330}[name]  # about what a blind picture costs
    last = list(fit(model, config.replace(epochs=3), *data))[-1]
    assert last.test_recon + last.test_kl < worst


def test_default_at_two_dimensions_goes_faster_the_shorter_its_training():
    quick, own, long = (RECIPES["default"]("mnist", 2, epochs=epochs)[1] for epochs in (1, None, 80))
    assert (
        quick.learning_rate > own.learning_rate > long.learning_rate
        and quick.batch_size < own.batch_size == long.batch_size
    )
    assert (quick.epochs, long.epochs) == (1, 80) and own == RECIPES["default"](
        "mnist", 2, epochs=own.epochs
    )[1]
    assert RECIPES["default"]("mnist", 10)[1] == RECIPES["default"]("mnist", 10, epochs=80)[1].replace(
        epochs=20
    )
    with pytest.raises(ConfigError, match="epochs is 0"):
        RECIPES["default"]("mnist", 2, epochs=0)


# ---- in words ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_in_words_has_every_part_and_no_number_left_open(recipe):
    words = in_words(recipe)
    assert set(words) == {"title", "hint", "net", "loss", "training", "trap"}
    assert all(sentence and "{" not in sentence for sentence in words.values())


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_numbers_in_a_recipes_words_are_its_configs(recipe):
    words, dataset = in_words(recipe), "fashion-mnist" if recipe.startswith("fashion") else "mnist"
    model, train = recipe_configs(recipe, dataset, 20)
    if model.architecture == "mlp" and recipe != "default":
        assert f"{model.pixels}–{model.hidden[0]}–z" in words["net"]
        assert f"batch {train.batch_size}" in words["training"]
    if recipe != "default":
        assert f"{train.epochs} epochs" in words["training"]
    if recipe == "default":
        small = recipe_configs(recipe, dataset, 2)[0]
        assert f"{len(small.hidden)} layers of {small.hidden[0]}" in words["net"]
        assert f"{len(model.hidden)} residual ones of {model.hidden[0]}" in words["net"]
        assert model.residual and not small.residual
        assert (
            not recipe_configs(recipe, dataset, 3)[0].residual
            and recipe_configs(recipe, dataset, 4)[0].residual
        )


def test_every_metric_has_a_sentence_and_no_sentence_speaks_of_another():
    from vae.folders.folder import METRIC_UNITS

    assert set(texts()["metrics"]) == set(METRIC_UNITS)


@pytest.mark.parametrize(
    "flags",
    [
        {},
        {"variational": False},
        {"conditional": True, "beta": 4.0, "objective": "tc"},
        {"likelihood": "gaussian-learned"},
    ],
)
def test_the_command_of_a_variant_is_one_that_trains_it(flags):
    from vae.__main__ import app

    model, train = Run("mnist", "tutorial", 7, flags).configs()
    words = train_command("mnist", "tutorial", "7", departures("tutorial", "mnist", model, train))
    assert words[:4] == ["python", "-m", "vae", "train"]
    asked = typer.main.get_command(app).commands["train"].make_context("train", words[4:]).params
    given = {k: v for k, v in asked.items() if k in ("beta", "objective", "likelihood") and v is not None}
    again = Run(
        "mnist", "tutorial", 7, given | {k: flags[k] for k in ("variational", "conditional") if k in flags}
    )
    assert again.configs() == (model, train)
    assert ("--no-variational" in words, "--conditional" in words) == (
        not model.variational,
        model.conditional,
    )
