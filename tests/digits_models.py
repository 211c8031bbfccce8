"""The small digits models of the fixture `trained`: their names, and what their files say straight through torch and safetensors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file

from vae import load_model

Z2, Z5, AE, COND = (
    "digits-tutorial-z2",
    "digits-tutorial-z5",
    "digits-tutorial-ae-z2",
    "digits-tutorial-cond-sigma-z2",
)


def codes_of(trained: Path, model: str) -> dict[str, np.ndarray]:
    """mu, logvar and labels as the file holds them, in float32."""
    return {
        k: v.astype(np.float32) if v.dtype == np.float16 else v
        for k, v in load_file(trained / model / "codes.safetensors").items()
    }


def decoded(trained: Path, model: str, z, label: int | None = None) -> np.ndarray:
    """Images (N, C, H, W) at z (N, Z)."""
    labels = None if label is None else torch.full((len(z),), label)
    with torch.no_grad():
        return load_model(trained / model).decode(torch.tensor(np.asarray(z, np.float32)), labels).numpy()
