"""Which device trains, in which precision, and what it is called."""

from __future__ import annotations

import functools
import math
import time

import torch
from torch import Tensor

from vae.config import ModelConfig
from vae.errors import TrainingError

BFLOAT16_GAIN = 1.5  # how much faster a bfloat16 product must be before it is used
BFLOAT16_WIDTH = 256  # narrower layers lose more to the casts than they win in the product


def pick_device(name: str = "auto") -> torch.device:
    """`auto` is CUDA where there is one; `TrainingError` when `cuda` is asked for and there is none."""
    if name not in ("auto", "cpu", "cuda"):
        raise TrainingError(f"device is {name!r}; it must be auto, cpu or cuda.")
    if name == "cuda" and not torch.cuda.is_available():
        raise TrainingError("device is cuda, but PyTorch sees no CUDA device here; use --device cpu or auto.")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def device_name(device: torch.device | None = None) -> str:
    """A GPU by its name, the CPU (which is meant where none is said) by its threads."""
    if device is not None and device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' * (threads > 1)}"


@functools.cache
def bfloat16_pays(device_type: str) -> bool:
    """Whether a matrix product in bfloat16 is measured to be clearly faster than in float32 on this device."""
    a = torch.ones(256, 512, device=device_type)
    b = torch.ones(512, 512, device=device_type)

    def seconds(x: Tensor, y: Tensor) -> float:
        best = math.inf
        for _ in range(9):
            start = time.perf_counter()
            for _ in range(4):
                x @ y
            if device_type == "cuda":
                torch.cuda.synchronize()
            best = min(best, time.perf_counter() - start)
        return best

    return seconds(a, b) > BFLOAT16_GAIN * seconds(a.bfloat16(), b.bfloat16())


def pick_precision(config: ModelConfig, device: torch.device) -> str:
    """`bfloat16` where its products are faster on this device and the layers wide enough to profit, else `float32`."""
    wide = config.pixels >= BFLOAT16_WIDTH and (
        config.architecture != "mlp" or max(config.hidden) >= BFLOAT16_WIDTH
    )
    return "bfloat16" if wide and bfloat16_pays(device.type) else "float32"
