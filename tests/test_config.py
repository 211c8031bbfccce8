"""Configurations: what goes in comes out of JSON again, and what cannot be is refused by name."""

from __future__ import annotations

import ast
import dataclasses
import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import vae.config
from vae.config import LIKELIHOODS, ModelConfig, TrainConfig
from vae.errors import ConfigError


@given(
    st.integers(2, 256),
    st.tuples(st.sampled_from([1, 3]), st.integers(4, 256), st.integers(4, 256)),
    st.lists(st.integers(1, 8192), min_size=1, max_size=16),
    st.sampled_from(LIKELIHOODS),
    st.booleans(),
    st.floats(0, 1000),
    st.integers(0, 2**63 - 1),
)
def test_a_config_survives_the_way_through_json(z, shape, hidden, likelihood, flag, beta, seed):
    model = ModelConfig(
        latent_dim=z, image_shape=shape, hidden=tuple(hidden), likelihood=likelihood, residual=flag
    )
    train = TrainConfig(beta=beta, seed=seed)
    assert ModelConfig.from_dict(json.loads(json.dumps(model.to_dict()))) == model
    assert TrainConfig.from_dict(json.loads(json.dumps(train.to_dict()))) == train


def repr_short(value) -> str:
    return value.__name__ if isinstance(value, type) else str(value)[:20]


BAD_MODEL = [
    ("latent_dim", 1),
    ("latent_dim", 257),
    ("latent_dim", 2.0),
    ("latent_dim", True),
    ("latent_dim", "2"),
    ("latent_dim", None),
    ("latent_dim", 10**400),
    ("image_shape", (28, 28)),
    ("image_shape", (2, 28, 28)),
    ("image_shape", (1, 3, 28)),
    ("image_shape", (1, 28, 257)),
    ("image_shape", (1, 28.0, 28)),
    ("image_shape", "1,28,28"),
    ("image_shape", ()),
    ("hidden", ()),
    ("hidden", (0,)),
    ("hidden", (8193,)),
    ("hidden", (4,) * 17),
    ("hidden", ("4",)),
    ("hidden", 400),
    ("hidden", (True,)),
    ("hidden", ([4],)),
    ("architecture", "transformer"),
    ("architecture", ["mlp"]),
    ("architecture", "conv"),
    ("architecture", "conv3"),
    ("residual", 1),
    ("likelihood", "poisson"),
    ("variational", "no"),
    ("conditional", None),
    ("num_classes", 1),
    ("num_classes", 257),
]
BAD_TRAIN = [
    ("epochs", 0),
    ("epochs", 10_001),
    ("epochs", 1.5),
    ("batch_size", 0),
    ("seed", -1),
    ("seed", 2**63),
    ("learning_rate", 0.0),
    ("learning_rate", 2),
    ("learning_rate", float("nan")),
    ("beta", -0.1),
    ("beta", float("inf")),
    ("beta", 10**400),
    ("beta", True),
    ("beta", "1"),
    ("warmup", 1.1),
    ("adam_beta2", 1),
    ("adam_beta2", -0.1),
    ("weight_decay", -1),
    ("clip_norm", float("-inf")),
    ("kl_warmup", 2),
    ("binarize", 1),
    ("schedule", "cosine"),
    ("objective", "factor"),
]


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [(ModelConfig, *bad) for bad in BAD_MODEL] + [(TrainConfig, *bad) for bad in BAD_TRAIN],
    ids=repr_short,
)
def test_a_value_that_cannot_be_is_refused_by_the_name_of_its_field(kind, field, value):
    named = "hidden" if value in ("conv", "conv3") else field  # convolutional nets need three widths
    with pytest.raises(ConfigError, match=rf"^{named} is .*must be"):
        kind(**{field: value})
    fields = json.loads(json.dumps(kind().to_dict())) | {
        field: list(value) if isinstance(value, tuple) else value
    }
    with pytest.raises(ConfigError, match=named):
        kind.from_dict(fields)


@pytest.mark.parametrize("architecture", ["conv", "conv3"])
def test_a_convolutional_net_takes_three_widths_and_no_residual_layers(architecture):
    config = ModelConfig(architecture=architecture, hidden=(16, 32, 32))
    for hidden in ((400,), (16, 32), (16, 32, 32, 32)):
        with pytest.raises(ConfigError, match=rf"hidden is .* two channel counts .* {architecture}"):
            config.replace(hidden=hidden)
    with pytest.raises(ConfigError, match=f"residual is True; it must be false for {architecture}"):
        config.replace(residual=True)
    with pytest.raises(ConfigError, match="residual is True"):
        ModelConfig.from_dict(config.to_dict() | {"residual": True})


@pytest.mark.parametrize("kind", [ModelConfig, TrainConfig])
def test_unknown_and_missing_fields_are_named(kind):
    with pytest.raises(ConfigError, match="no field 'colour'"):
        kind.from_dict(kind().to_dict() | {"colour": 1})
    for name in kind().to_dict().keys() - set(kind.LATER):
        with pytest.raises(ConfigError, match=f"lacks the field '{name}'"):
            kind.from_dict({k: v for k, v in kind().to_dict().items() if k != name})
    for nonsense in (None, [], "text", 3):
        with pytest.raises(ConfigError, match="object of named fields"):
            kind.from_dict(nonsense)


def test_a_folder_older_than_a_field_is_read_as_what_it_was_trained_with():
    older = {k: v for k, v in TrainConfig(epochs=3, adam_beta2=0.9).to_dict().items() if k != "adam_beta2"}
    assert TrainConfig.from_dict(older) == TrainConfig(epochs=3)
    assert TrainConfig().adam_beta2 == torch.optim.Adam([torch.zeros(1)]).defaults["betas"][1]


def test_a_config_cannot_be_changed_and_replace_checks_again():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ModelConfig().latent_dim = 3  # type: ignore[misc]
    assert ModelConfig().replace(latent_dim=7).latent_dim == 7
    with pytest.raises(ConfigError, match="latent_dim is 1"):
        ModelConfig().replace(latent_dim=1)
    assert ModelConfig(image_shape=(3, 32, 16)).pixels == 3 * 32 * 16


def test_every_field_has_a_comment_that_says_what_it_buys():
    source = Path(vae.config.__file__).read_text().splitlines()
    for kind in (ModelConfig, TrainConfig):
        body = next(
            n
            for n in ast.parse("\n".join(source)).body
            if isinstance(n, ast.ClassDef) and n.name == kind.__name__
        ).body
        lines = {
            n.target.id: source[n.lineno - 2 : n.end_lineno]  # the line above it, and its own
            for n in body
            if isinstance(n, ast.AnnAssign)
        }
        assert set(lines) == {f.name for f in dataclasses.fields(kind)}
        assert [name for name, around in lines.items() if not any(" # " in line for line in around)] == []
