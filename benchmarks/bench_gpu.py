"""The five default sizes on CUDA: seconds, images per second, share of the measured matmul ceiling; one JSON line a figure.

`python benchmarks/bench_gpu.py [--epochs 20] [--data data]`; needs a CUDA device and says so where there is none.
"""

from __future__ import annotations

import argparse
import json
import time

import torch

from vae.data.load import load_split
from vae.device import pick_device, pick_precision
from vae.recipes import recipe_configs
from vae.train import fit


def say(figure: str, **values) -> None:
    print(
        json.dumps(
            {"figure": figure} | {k: round(v, 4) if isinstance(v, float) else v for k, v in values.items()}
        ),
        flush=True,
    )


def ceiling(dtype: torch.dtype) -> float:
    """FLOP/s of an 8192-cubed matrix product, the best of ten."""
    a, b = (torch.randn(8192, 8192, device="cuda", dtype=dtype) for _ in range(2))
    best = float("inf")
    for _ in range(12):
        torch.cuda.synchronize()
        start = time.perf_counter()
        a @ b
        torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return 2 * 8192**3 / best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--data", default=None)
    options = parser.parse_args()
    device = pick_device("cuda")
    train_set, test_set = (
        load_split("mnist", "train", options.data),
        load_split("mnist", "test", options.data),
    )
    peak = ceiling(torch.bfloat16)
    say("machine", device=torch.cuda.get_device_name(device), bfloat16_matmul_tflops=peak / 1e12)
    total = 0.0
    for latent_dim in (2, 5, 10, 20, 40):
        config, train = recipe_configs("default", "mnist", latent_dim)
        records = list(fit(config, train.replace(epochs=options.epochs), train_set, test_set, device=device))
        seconds, last = sum(r.seconds for r in records), records[-1]
        total += seconds
        weights = sum(p.numel() for p in last.model.parameters() if p.ndim == 2)
        # Two for forward, four for backward, a weight and image
        flops = 6 * weights * len(train_set) * options.epochs / seconds
        steady = min(r.seconds for r in records)
        say(
            "default on CUDA",
            latent_dim=latent_dim,
            precision=pick_precision(config, device),
            epochs=options.epochs,
            seconds=seconds,
            images_per_second=len(train_set) / steady,
            share_of_ceiling=flops / peak,
            minus_elbo=last.test_recon + (last.test_kl or 0),
        )
    say("five sizes on CUDA", seconds=total)
    config, train = recipe_configs("tutorial", "mnist", 20)
    seconds = 0.0
    for record in fit(config, train.replace(epochs=15), train_set, test_set, device=device):
        seconds += record.seconds
        if record.test_recon + record.test_kl <= 105.6:
            say("seconds to 105.6 at Z = 20 (tutorial net)", seconds=seconds, epochs=record.epoch)
            break


if __name__ == "__main__":
    main()
