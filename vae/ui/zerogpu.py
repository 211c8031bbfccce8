"""The function that a ZeroGPU Space lends its GPU to; elsewhere a plain function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def check_device() -> dict[str, Any]:
    """One real epoch of the smallest model on the device that training would use: its name, images a second, the loss per image."""
    from vae.data import load_split
    from vae.recipes import recipe_configs
    from vae.train import fit, pick_device

    device = pick_device("auto")
    model, train = recipe_configs("tutorial", "digits", 2)
    record = next(iter(fit(model, train.replace(epochs=1), load_split("digits", "train"), load_split("digits", "test"), device=device)))
    return {"device": str(device), "images_per_second": round(record.images_per_second), "loss": round(record.test_recon + record.test_kl, 2)}


def on_gpu() -> Callable[[], dict[str, Any]]:
    """`check_device`, decorated with `spaces.GPU` where that package is; ZeroGPU refuses an app without any such function."""
    try:
        import spaces
    except ImportError:
        return check_device
    return spaces.GPU(duration=60)(check_device)
