"""Named configurations: what the literature's tutorials did, and our own default."""

from __future__ import annotations

import math
import os
import shlex
import subprocess
from collections.abc import Callable
from functools import partial
from typing import Any

from vae.config import ModelConfig, TrainConfig
from vae.data.sets import DATASETS
from vae.errors import ConfigError
from vae.texts import text, texts

Shape = tuple[int, int, int]
# Up to so many epochs of two dimensions: the batch and rate that are ahead there
PACES = (
    (3, 125, 3e-3),
    (15, 250, 2e-3),
    (math.inf, 250, 1e-3),
)


def _tutorial(
    dataset: str, latent_dim: int, image_shape: Shape = (1, 28, 28), num_classes: int = 10
) -> tuple[ModelConfig, TrainConfig]:
    """MLP D-400-Z with a Bernoulli likelihood: the net of PyTorch's own VAE example, after Kingma & Welling 2014."""
    model = ModelConfig(
        latent_dim=latent_dim, image_shape=image_shape, hidden=(400,), num_classes=num_classes
    )
    return model, TrainConfig(epochs=5, batch_size=100, learning_rate=1e-3)


def _conv(
    dataset: str, latent_dim: int, image_shape: Shape = (1, 28, 28), num_classes: int = 10
) -> tuple[ModelConfig, TrainConfig]:
    """Small convolutional VAE.

    Its tutorial averaged the likelihood over the D pixels and 1 + logvar - mu^2 - exp(logvar), minus twice the KL,
    over the Z dimensions, and weighted the latter by 5e-4: beta = 2 * 5e-4 * D / Z on sums.
    """
    model = ModelConfig(
        latent_dim=latent_dim,
        image_shape=image_shape,
        architecture="conv3",
        hidden=(16, 32, 32),
        num_classes=num_classes,
    )
    beta = round(1e-3 * model.pixels / latent_dim, 6)
    return model, TrainConfig(epochs=10, batch_size=256, learning_rate=1e-3, beta=beta)


def _fashion_mse(
    dataset: str, latent_dim: int, image_shape: Shape = (1, 28, 28), num_classes: int = 10
) -> tuple[ModelConfig, TrainConfig]:
    """MLP D-400-Z with the squared error summed over pixels."""
    model = ModelConfig(
        latent_dim=latent_dim,
        image_shape=image_shape,
        hidden=(400,),
        likelihood="gaussian",
        num_classes=num_classes,
    )
    return model, TrainConfig(epochs=10, batch_size=128, learning_rate=1e-3)


def _beta_mse(
    dataset: str, latent_dim: int, image_shape: Shape = (1, 28, 28), num_classes: int = 10
) -> tuple[ModelConfig, TrainConfig]:
    """MLP D-128-Z with the squared error averaged over pixels and a KL weight of 0.001 to match."""
    model = ModelConfig(
        latent_dim=latent_dim,
        image_shape=image_shape,
        hidden=(128,),
        likelihood="gaussian-mean",
        num_classes=num_classes,
    )
    return model, TrainConfig(epochs=100, batch_size=128, learning_rate=2e-3, beta=0.001)


def _default(
    dataset: str,
    latent_dim: int,
    image_shape: Shape = (1, 28, 28),
    num_classes: int = 10,
    epochs: int | None = None,
) -> tuple[ModelConfig, TrainConfig]:
    """Ours: the best that trains in about a minute on two CPU cores; a z of two or three needs a deeper net than a larger one.

    That deeper net goes faster when it has few epochs, and ends better at a slow rate when it has many.
    """
    small = image_shape[1] * image_shape[2] <= 256  # digits: a thousand images take many short epochs
    # Four plain layers, well begun, do better here; three residual ones everywhere else
    deep = latent_dim <= 3 and not small
    hidden = (256,) * 3 if small else (512,) * (4 if deep else 3)
    model = ModelConfig(
        latent_dim=latent_dim,
        image_shape=image_shape,
        hidden=hidden,
        residual=not deep,
        num_classes=num_classes,
    )
    usual = 300 if small else 15 if deep else 20
    batch, rate = (
        next(pace[1:] for pace in PACES if (epochs or usual) <= pace[0])
        if deep
        else (64 if small else 250, 2e-3)
    )
    ink = dataset in (
        "mnist",
        "kmnist",
    )  # it stays itself when seen on or off; clothes in their greys would not
    return (
        model,
        TrainConfig(
            epochs=usual,
            batch_size=batch,
            learning_rate=rate,
            schedule="one-cycle",
            clip_norm=10.0,
            he=deep,
            binarize=ink,
            adam_beta2=0.99
            if deep and not ink
            else 0.999,  # after a jump of the loss the deep net is back sooner; binarizing's noise needs the longer mean
        ),
    )


_BUILDERS = {
    "default": _default,
    "tutorial": _tutorial,
    "conv": _conv,
    "fashion-mse": _fashion_mse,
    "beta-mse": _beta_mse,
}


def recipe_configs(
    recipe: str,
    dataset: str,
    latent_dim: int,
    image_shape: Shape | None = None,
    num_classes: int | None = None,
    epochs: int | None = None,
) -> tuple[ModelConfig, TrainConfig]:
    """The configs a recipe gives for a data set and latent size, in the data set's own shape and length where none is given.

    `ConfigError` on an unknown recipe, or on an unknown data set without a shape.
    """
    if recipe not in _BUILDERS:
        raise ConfigError(f"recipe is {recipe!r}; the recipes are {', '.join(_BUILDERS)}.")
    if dataset not in DATASETS and (image_shape is None or num_classes is None):
        raise ConfigError(
            f"dataset is {dataset!r}; the data sets are {', '.join(DATASETS)}, any other needs its image_shape and num_classes."
        )
    known = DATASETS.get(dataset)
    shape, classes = image_shape or known.image_shape, num_classes or len(known.class_names)  # type: ignore[union-attr]
    model, train = _BUILDERS[recipe](
        dataset, latent_dim, shape, classes, **({"epochs": epochs} if recipe == "default" else {})
    )
    return model, train if epochs is None else train.replace(epochs=epochs)


RECIPES: dict[str, Callable[..., tuple[ModelConfig, TrainConfig]]] = {
    name: partial(recipe_configs, name) for name in _BUILDERS
}
LIKELIHOOD_FLAGS = {
    "bernoulli": "bernoulli",
    "gaussian": "gauss",
    "gaussian-mean": "gaussmean",
    "gaussian-learned": "sigma",
}


def departures(recipe: str, dataset: str, model: ModelConfig, train: TrainConfig) -> dict[str, Any]:
    """The choices by which a model departs from its recipe, {field: value}, in the order of folder names.

    A recipe this program does not know departs in everything that is not plain.
    """
    if recipe in RECIPES:
        usual, habit = recipe_configs(recipe, dataset, model.latent_dim, model.image_shape, model.num_classes)
    else:
        usual, habit = ModelConfig(), TrainConfig()
    found = {
        "variational": model,
        "conditional": model,
        "beta": train,
        "objective": train,
        "likelihood": model,
    }
    plain = {"beta": habit, "objective": habit}
    return {
        name: getattr(config, name)
        for name, config in found.items()
        if getattr(config, name) != getattr(plain.get(name, usual), name)
    }


def variant(recipe: str, dataset: str, model: ModelConfig, train: TrainConfig) -> tuple[str, ...]:
    """How a model departs from its recipe, as folder names say it: `ae`, `cond`, `beta4`, `tc`, `sigma`; () where it does not."""
    words = {
        "variational": "vae" if model.variational else "ae",
        "conditional": "cond",
        "beta": f"beta{train.beta:g}",
        "objective": train.objective,
        "likelihood": LIKELIHOOD_FLAGS[model.likelihood],
    }
    return tuple(words[name] for name in departures(recipe, dataset, model, train))


def train_command(dataset: str, recipe: str, latent_dims: str, flags: dict[str, Any]) -> list[str]:
    """The words of the command line that trains a recipe with these fields of its configs set otherwise."""
    words = [
        "python",
        "-m",
        "vae",
        "train",
        "--dataset",
        dataset,
        "--recipe",
        recipe,
        "--latent-dims",
        latent_dims,
    ]
    for key, value in flags.items():
        switch = "--" + key.replace("_", "-")
        if value is False:
            words.append("--no-" + key.replace("_", "-"))
        else:
            words += [switch] if value is True else [switch, f"{value}"]
    return words


def quoted(words: list[str]) -> str:
    """A command line as this system's shell takes it."""
    return shlex.join(words) if os.name == "posix" else subprocess.list2cmdline(words)


def facts(recipe: str) -> dict[str, Any]:
    """The numbers that a recipe's sentences in `texts` speak of, on 28 x 28 images, at Z = 2 and at Z = 20 where they differ."""
    dataset = "fashion-mnist" if recipe.startswith("fashion") else "mnist"
    (small, small_train), (large, large_train) = (recipe_configs(recipe, dataset, z) for z in (2, 20))
    return {
        "pixels": large.pixels,
        "width": large.hidden[0],
        "layers_at_2": len(small.hidden),
        "layers_at_20": len(large.hidden),
        "beta_at_2": f"{small_train.beta:g}",
        "beta_times_z": f"{small_train.beta * small.latent_dim:g}",
        "variance": f"{large.pixels * small_train.beta / 2:g}",  # that an averaged squared error implies
        "learning_rate": f"{large_train.learning_rate:g}",
        "batch_size": large_train.batch_size,
        "epochs_at_2": small_train.epochs,
        "epochs_at_20": large_train.epochs,
        "clip_norm": f"{large_train.clip_norm:g}",
    }


def in_words(recipe: str) -> dict[str, str]:
    """A recipe in words: title, hint, net, loss, training and the trap that its tutorial fell into or avoids."""
    numbers = facts(recipe)
    return {part: text("recipes", recipe, part, **numbers) for part in texts()["recipes"][recipe]}


def recipe_table() -> str:
    """The recipes as README's Markdown table, from the same sentences as the page's."""
    parts = ("net", "loss", "training")
    rows = [[f"`{name}`", *(in_words(name)[part].replace("|", "\\|") for part in parts)] for name in RECIPES]
    return "\n".join("| " + " | ".join(row) + " |" for row in (["recipe", *parts], ["---"] * 4, *rows))
