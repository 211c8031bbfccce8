"""What a model is and how it is trained: two frozen dataclasses, checked when built."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

from vae.checks import spelled
from vae.errors import ConfigError

LIKELIHOODS = ("bernoulli", "gaussian", "gaussian-mean", "gaussian-learned")
ARCHITECTURES = ("mlp", "conv", "conv3")
OBJECTIVES = ("elbo", "tc")
SCHEDULES = ("constant", "one-cycle")


def _fail(name: str, value: Any, allowed: str) -> None:
    raise ConfigError(f"{name} is {spelled(value)}; it must be {allowed}.")


def _whole(config: Any, name: str, low: int, high: int) -> None:
    value = getattr(config, name)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        _fail(name, value, f"a whole number from {low} to {high}")


def _number(config: Any, name: str, low: float, high: float) -> None:
    value = getattr(config, name)  # NaN lies between no two numbers
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        _fail(name, value, f"a number from {low:g} to {high:g}")


def _flag(config: Any, name: str) -> None:
    if not isinstance(getattr(config, name), bool):
        _fail(name, getattr(config, name), "true or false")


def _choice(config: Any, name: str, allowed: tuple[str, ...]) -> None:
    if getattr(config, name) not in allowed:
        _fail(name, getattr(config, name), "one of " + ", ".join(allowed))


class _Config:
    # fields that older folders of the same format lack: they were made with the default
    LATER: ClassVar[tuple[str, ...]] = ()

    def to_dict(self) -> dict[str, Any]:
        """A plain dict that JSON can hold."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(self).items()}  # type: ignore[call-overload]

    @classmethod
    def from_dict(cls, fields: Any):
        """The config that `to_dict` gave; `ConfigError` on a field that is missing, unknown or out of range."""
        if not isinstance(fields, dict):
            _fail(cls.__name__, fields, "an object of named fields")
        known = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
        for name in fields:
            if name not in known:
                raise ConfigError(
                    f"{cls.__name__} has no field {spelled(name)}; its fields are {', '.join(known)}."
                )
        for name in known:
            if name not in fields and name not in cls.LATER:
                raise ConfigError(
                    f"{cls.__name__} lacks the field {name!r}; write all of {', '.join(known)}."
                )
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()})

    def replace(self, **changes: Any):
        """The same config with some fields changed, checked again."""
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]


@dataclass(frozen=True)
class ModelConfig(_Config):
    """The network and its likelihood: all that is needed to build a VAE and to read its weights."""

    latent_dim: int = 2  # Z: how many numbers describe an image
    image_shape: tuple[int, int, int] = (1, 28, 28)  # (C, H, W) of the data set
    architecture: str = "mlp"  # "conv", "conv3": two poolings down, two transposed convolutions up
    hidden: tuple[int, ...] = (400,)  # mlp: widths going down; else: two channel counts, then a dense width
    residual: bool = False  # mlp: a layer as wide as its input adds to it (He et al. 2016): deep nets train
    likelihood: str = "bernoulli"  # p(x|z): what an error costs
    variational: bool = True  # False: the plain autoencoder, z = mu, no KL
    conditional: bool = False  # True: the label goes in beside x and z (CVAE, Sohn et al. 2015)
    num_classes: int = 10  # labels of the data set; used by conditional models

    def __post_init__(self) -> None:
        _whole(self, "latent_dim", 2, 256)
        for name, length in (("image_shape", 3), ("hidden", None)):
            value = getattr(self, name)
            whole = isinstance(value, tuple) and all(
                isinstance(v, int) and not isinstance(v, bool) for v in value
            )
            if not whole or not value or (length and len(value) != length):
                _fail(
                    name,
                    value,
                    "three whole numbers (C, H, W)" if length else "a list of layer widths, such as [400]",
                )
        c, h, w = self.image_shape
        if c not in (1, 3) or not 4 <= h <= 256 or not 4 <= w <= 256:
            _fail("image_shape", self.image_shape, "(C, H, W) with 1 or 3 channels and sides from 4 to 256")
        if len(self.hidden) > 16 or not all(1 <= width <= 8192 for width in self.hidden):
            _fail("hidden", self.hidden, "1 to 16 widths from 1 to 8192")
        _choice(self, "architecture", ARCHITECTURES)
        if self.architecture != "mlp" and len(self.hidden) != 3:
            allowed = f"two channel counts and a dense width for {self.architecture}, such as [16, 32, 32]"
            _fail("hidden", self.hidden, allowed)
        _choice(self, "likelihood", LIKELIHOODS)
        for name in ("residual", "variational", "conditional"):
            _flag(self, name)
        if self.residual and self.architecture != "mlp":
            _fail(
                "residual", self.residual, f"false for {self.architecture}; only an mlp has residual layers"
            )
        _whole(self, "num_classes", 2, 256)

    @property
    def pixels(self) -> int:
        """D: the numbers in one image."""
        return math.prod(self.image_shape)


@dataclass(frozen=True)
class TrainConfig(_Config):
    """How the weights are found: the objective, the optimizer and its rate, and the seed of all chance."""

    LATER = ("adam_beta2",)

    epochs: int = 10  # passes over the training set; the rate's schedule spans exactly these
    batch_size: int = 100  # images a step; larger is faster an epoch, smaller takes more steps
    learning_rate: float = 1e-3  # Adam's rate; the peak, when the schedule is one-cycle
    # how much of its memory of squared gradients Adam keeps a step; less lets a deep net calm down after a jump
    adam_beta2: float = 0.999
    schedule: str = "constant"  # "one-cycle": up over the first `warmup` share, then a cosine down to nothing (Smith & Topin 2018)
    warmup: float = 0.1  # one-cycle: the share of all steps on which the rate rises
    weight_decay: float = 0.0  # AdamW's decay; holds back overfitting of wide nets
    clip_norm: float = 0.0  # largest gradient norm of one step, 0 for no limit; deep nets diverge without it
    # initial weights after He et al. 2015 in the hidden layers: a deep net without residual layers learns from the first step
    he: bool = False
    # share of all steps over which the KL's weight grows from 0 (Bowman et al. 2016); keeps units from collapsing early
    kl_warmup: float = 0.0
    # the encoder sees every pixel on or off, with its grey as the chance (Salakhutdinov & Murray 2008): no image twice alike
    binarize: bool = False
    objective: str = "elbo"  # "tc": beta weighs only the total correlation (beta-TCVAE, Chen et al. 2018)
    beta: float = 1.0  # weight of the KL (or of the total correlation); 1 makes the loss minus the ELBO
    seed: int = field(default=0)  # of initial weights, batches and noise

    def __post_init__(self) -> None:
        _whole(self, "epochs", 1, 10_000)
        _whole(self, "batch_size", 1, 100_000)
        _whole(self, "seed", 0, 2**63 - 1)
        _number(self, "learning_rate", 1e-7, 1.0)
        _number(self, "beta", 0.0, 1000.0)
        for name, high in (
            ("warmup", 1.0),
            ("weight_decay", 1.0),
            ("clip_norm", 1e6),
            ("kl_warmup", 1.0),
            ("adam_beta2", 0.999999),
        ):
            _number(self, name, 0.0, high)
        _flag(self, "binarize")
        _flag(self, "he")
        _choice(self, "schedule", SCHEDULES)
        _choice(self, "objective", OBJECTIVES)


def check_together(model: ModelConfig, train: TrainConfig) -> None:
    """`ConfigError` where one config asks for what the other has not."""
    if train.objective == "tc" and not model.variational:
        raise ConfigError(
            "objective is 'tc', which weighs a part of the KL, but a plain autoencoder (variational=False, --no-variational) has no KL; "
            "leave the objective out, or train a VAE."
        )
