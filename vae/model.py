"""The variational autoencoder (Kingma & Welling 2014): an encoder to a Gaussian over z, a decoder back to the image."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vae.config import ModelConfig
from vae.errors import InputError

# a layer with a side below this stays in float32 when the others go to half precision; it costs nothing there
NARROW = 64
AE_LOGVAR = -20.0  # what a plain autoencoder answers as logvar: a point, for every purpose


def through(layer: nn.Module, h: Tensor) -> Tensor:
    """The layer in the precision of its own weights."""
    return layer(h.to(layer.weight.dtype))  # type: ignore[arg-type]  # every layer here has weights


class _Blank:
    """A layer that leaves its weights to `VAE.initialize`; PyTorch's own would draw them from the global generator."""

    def reset_parameters(self) -> None: ...


class Linear(_Blank, nn.Linear): ...


class Conv2d(_Blank, nn.Conv2d): ...


class ConvTranspose2d(_Blank, nn.ConvTranspose2d): ...


class Mlp(nn.Module):
    """Fully connected layers with ReLU; where a layer is as wide as its input and `residual` is on, it adds to it."""

    def __init__(self, widths: tuple[int, ...], residual: bool):
        super().__init__()
        self.residual = residual
        self.layers = nn.ModuleList(Linear(a, b) for a, b in zip(widths[:-1], widths[1:]))

    def forward(self, h: Tensor) -> Tensor:
        for layer in self.layers:
            out = F.relu(through(layer, h))
            h = h + out if self.residual and layer.in_features == layer.out_features else out
        return h


class Encoder(nn.Module):
    """x, and the label where conditional, to mu and logvar of q(z|x)."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        extra = config.num_classes if config.conditional else 0
        if config.architecture == "mlp":
            self.body = Mlp((config.pixels + extra, *config.hidden), config.residual)
        else:
            (c, h, w), (first, second, dense) = config.image_shape, config.hidden
            self.conv = nn.ModuleList(
                [
                    Conv2d(c, first, 3, padding=1),
                    Conv2d(first, first, 3, padding=1),
                    Conv2d(first, second, 3, padding=1),
                ]
            )
            self.body = Mlp((second * -(-h // 4) * -(-w // 4) + extra, dense), False)
        self.mu = Linear(config.hidden[-1], config.latent_dim)
        if config.variational:
            self.logvar = Linear(config.hidden[-1], config.latent_dim)

    def forward(self, x: Tensor, onehot: Tensor | None) -> tuple[Tensor, Tensor]:
        if hasattr(self, "conv"):
            x = F.relu(self.conv[1](F.relu(through(self.conv[0], x))))
            # (B, first, H, W) -> (B, first, H/2, W/2), sides rounded up
            x = F.max_pool2d(x, 2, ceil_mode=True)
            x = F.max_pool2d(F.relu(self.conv[2](x)), 2, ceil_mode=True)  # -> (B, second, H/4, W/4)
        h = x.flatten(1)  # (B, C, H, W) -> (B, C*H*W)
        h = self.body(h if onehot is None else torch.cat([h, onehot], 1))  # -> (B, hidden)
        mu = through(self.mu, h)  # (B, hidden) -> (B, Z)
        return mu, through(self.logvar, h) if hasattr(self, "logvar") else torch.full_like(mu, AE_LOGVAR)


def doubling(architecture: str, second: int, first: int) -> list[ConvTranspose2d]:
    """Two transposed convolutions from `second` channels to `first`, each of which doubles the sides of its input."""
    if architecture == "conv":
        return [ConvTranspose2d(n, first, 4, stride=2, padding=1) for n in (second, first)]
    return [ConvTranspose2d(second, n, 3, stride=2, padding=1, output_padding=1) for n in (second, first)]


class Decoder(nn.Module):
    """z, and the label where conditional, to the logits of the image."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.image_shape = config.image_shape
        c, h, w = config.image_shape
        inputs = config.latent_dim + (config.num_classes if config.conditional else 0)
        if config.architecture == "mlp":
            self.body = Mlp((inputs, *reversed(config.hidden)), config.residual)
            self.out: nn.Module = Linear(config.hidden[0], config.pixels)
        else:
            first, second, dense = config.hidden
            self.grid = second, -(-h // 4), -(-w // 4)
            between = (dense,) if config.architecture == "conv" else ()
            self.body = Mlp((inputs, *between, math.prod(self.grid)), False)
            self.conv = nn.ModuleList(doubling(config.architecture, second, first))
            self.out = Conv2d(first, c, 3, padding=1)
        if config.likelihood == "gaussian-learned":
            self.log_variance = nn.Parameter(torch.zeros(()))  # one for all pixels (Rybkin et al. 2021)

    def forward(self, z: Tensor, onehot: Tensor | None) -> Tensor:
        h = self.body(z if onehot is None else torch.cat([z, onehot], 1))  # (B, Z) -> (B, hidden)
        if hasattr(self, "conv"):
            h = h.unflatten(1, self.grid)  # (B, second*H/4*W/4) -> (B, second, H/4, W/4)
            for conv in self.conv:
                h = F.relu(through(conv, h))  # doubles each side
            _, height, width = self.image_shape
            # -> (B, C, H, W); sides that were rounded up are cut back
            return self.out(h)[..., :height, :width]
        return through(self.out, h).unflatten(1, self.image_shape)  # (B, hidden) -> (B, C, H, W)


def weight_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """The name and shape of every weight of a VAE, without making any: what a file must hold before memory is given to it."""
    with torch.device("meta"):
        parts = nn.ModuleDict({"encoder": Encoder(config), "decoder": Decoder(config)})
    return {name: tuple(value.shape) for name, value in parts.state_dict().items()}


class VAE(nn.Module):
    """Encoder, decoder and the draw between them.

    `model(x)` gives `(logits, mu, logvar, z)`; `encode` gives `(mu, logvar)` and never a sample; `decode` gives an
    image in [0, 1], the mean of p(x|z) for every likelihood. Images are (B, C, H, W) in [0, 1], z is (B, Z), a
    label is (B,) int64, given exactly when the model is conditional.
    """

    def __init__(self, config: ModelConfig, generator: torch.Generator | None = None):
        """New weights, uniform in +-1/sqrt(fan-in) as in PyTorch's layers, drawn from `generator` (seed 0 where None)."""
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.initialize(generator or torch.Generator().manual_seed(0))

    @property
    def log_variance(self) -> Tensor | None:
        """log of the decoder's own variance, for `gaussian-learned`; None for every other likelihood."""
        return getattr(self.decoder, "log_variance", None)

    @property
    def layout(self) -> torch.memory_format:
        """The order of weights in memory that is the faster one on CPU and GPU; `model.to(memory_format=model.layout)`."""
        return torch.contiguous_format if self.config.architecture == "mlp" else torch.channels_last

    @torch.no_grad()
    def initialize(self, generator: torch.Generator, he: bool = False) -> None:
        """Draw all weights anew; `he` widens the hidden layers to +-sqrt(6/fan-in), which carries a signal through many ReLUs (He et al. 2015)."""
        for name, module in self.named_modules():
            if he and isinstance(module, Linear) and ".body." in name:
                bound = math.sqrt(6 / module.in_features)
                module.weight.uniform_(-bound, bound, generator=generator)
                module.bias.zero_()
            elif isinstance(module, (Linear, Conv2d, ConvTranspose2d)):
                assert module.bias is not None
                bound = 1 / math.sqrt(module.weight[0].numel())
                module.weight.uniform_(-bound, bound, generator=generator)
                module.bias.uniform_(-bound, bound, generator=generator)
        if hasattr(self.decoder, "log_variance"):
            self.decoder.log_variance.zero_()

    def wide_weights(self) -> set[str]:
        """Names of the weights that half precision is good enough for: a z of few dimensions must not lose its place in eight bits of mantissa."""
        convolutions = Conv2d, ConvTranspose2d
        wide = [
            n
            for n, m in self.named_modules()
            if isinstance(m, convolutions)
            or isinstance(m, Linear)
            and min(m.in_features, m.out_features) >= NARROW
        ]
        return {f"{name}.{part}" for name in wide for part in ("weight", "bias")}

    def encode(self, x: Tensor, label: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """mu and logvar of q(z|x), each (B, Z); `InputError` on a wrong shape or label."""
        if x.ndim != 4 or tuple(x.shape[1:]) != self.config.image_shape:
            raise InputError(
                f"x has shape {tuple(x.shape)}; this model takes (B, {', '.join(map(str, self.config.image_shape))})."
            )
        return self.encoder(x, self._onehot(label, x))

    def reparameterize(
        self, mu: Tensor, logvar: Tensor, eps: Tensor | None = None, generator: torch.Generator | None = None
    ) -> Tensor:
        """z = mu + std * eps with eps ~ N(0, I), so that the gradient reaches mu and std (Kingma & Welling 2014, eq. 10)."""
        if not self.config.variational:
            return mu
        if eps is None:
            eps = torch.randn(mu.shape, dtype=mu.dtype, device=mu.device, generator=generator)
        return mu + torch.exp(logvar / 2) * eps

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """x_recon (B, C, H, W) in [0, 1] at z (B, Z); `InputError` on a wrong shape or label."""
        return torch.sigmoid(self.decode_logits(z, label))

    def decode_logits(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The image before the sigmoid, which the Bernoulli likelihood takes for its numerical safety."""
        if z.ndim != 2 or z.shape[1] != self.config.latent_dim:
            raise InputError(f"z has shape {tuple(z.shape)}; this model takes (B, {self.config.latent_dim}).")
        return self.decoder(z, self._onehot(label, z))

    def forward(
        self,
        x: Tensor,
        label: Tensor | None = None,
        eps: Tensor | None = None,
        generator: torch.Generator | None = None,
    ):
        mu, logvar = self.encode(x, label)
        z = self.reparameterize(mu, logvar, eps, generator)
        return self.decode_logits(z, label), mu, logvar, z

    def _onehot(self, label: Tensor | None, like: Tensor) -> Tensor | None:
        if not self.config.conditional:
            if label is not None:
                raise InputError("label was given, but this model is not conditional; leave it out.")
            return None
        if label is None:
            raise InputError(
                f"label is missing; this model is conditional and takes (B,) labels from 0 to {self.config.num_classes - 1}."
            )
        if label.shape != like.shape[:1] or label.is_floating_point():
            raise InputError(
                f"label has shape {tuple(label.shape)} and dtype {label.dtype}; this model takes ({len(like)},) whole numbers."
            )
        if (label.device.type == "cpu" or not self.training) and len(label):
            self._known(
                label
            )  # a training on a GPU must not wait for the values; its labels were checked when loaded
        classes = torch.arange(self.config.num_classes, device=like.device)
        # (B,) -> (B, num_classes); a comparison needs no look at the values
        return (label[:, None] == classes).to(like.dtype)

    def _known(self, label: Tensor) -> None:
        low, high = (int(value) for value in label.aminmax())
        if low < 0 or high >= self.config.num_classes:
            wrong = low if low < 0 else high
            raise InputError(
                f"label holds {wrong}; this model takes labels from 0 to {self.config.num_classes - 1}."
            )
