"""All weights of a model in one vector, for speed: one optimizer call updates them, one cast makes the bfloat16 copy."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from vae.model import VAE


class FlatParameters:
    """A model's weights as one float32 vector `flat` with its gradient; the model's own parameters are views of it.

    Steps run on `worker`: the model itself in float32; for bfloat16 a twin whose wide layers are views of a bfloat16 copy
    of the vector, made once a step, while the narrow ones are the vector's own (mixed precision with master weights,
    Micikevicius et al. 2018).
    """

    def __init__(self, model: VAE, device: torch.device, precision: str):
        self.model = model
        params = dict(model.named_parameters())
        self.flat = torch.empty(sum(p.numel() for p in params.values()), device=device)
        self.flat.grad = torch.zeros_like(self.flat)
        for view, param in zip(self.views(self.flat), params.values()):
            param.data = view.copy_(param.detach())
        self.half = self.flat.bfloat16() if precision == "bfloat16" else None
        self.worker = model if self.half is None else copy.deepcopy(model)
        if self.half is not None:
            wide = model.wide_weights()
            for (name, leaf), master, half in zip(
                self.worker.named_parameters(), params.values(), self.views(self.half)
            ):
                leaf.data = half if name in wide else master.data
        self.slopes, self.leaves = self.views(self.flat.grad), list(self.worker.parameters())

    def views(self, flat: Tensor) -> list[Tensor]:
        """The parts of such a vector in the shapes and layouts of the model's weights."""
        params = list(self.model.parameters())
        parts = flat.split([p.numel() for p in params])
        return [part.as_strided(p.shape, p.stride()) for part, p in zip(parts, params)]

    def named_views(self, flat: Tensor) -> dict[str, Tensor]:
        """The same by the names of the weights."""
        return dict(zip((name for name, _ in self.model.named_parameters()), self.views(flat)))

    def gather_gradients(self) -> None:
        """Move the gradients of a backward pass from the worker's weights into the vector's."""
        for slope, leaf in zip(self.slopes, self.leaves):
            assert leaf.grad is not None
            slope.copy_(leaf.grad)
            leaf.grad = None

    def cast(self) -> None:
        """Make the bfloat16 copy anew where there is one, after the vector was changed."""
        if self.half is not None:
            self.half.copy_(self.flat)
