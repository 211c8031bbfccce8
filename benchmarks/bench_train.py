"""Training speed against a tutorial-style loop; one JSON line a figure. `python benchmarks/bench_train.py [--epochs 3] [--data data]`

The tutorial loop is what public VAE tutorials do: torchvision's data set behind a DataLoader with two workers, ToTensor, float32 and
`.item()` each step. Both sides train the same net with the same batch and optimizer; they take turns within one run and the best epoch of each counts,
since the machine is shared. Evaluation is left out on both sides.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import torch
import torch.nn.functional as F
from torchvision import datasets, transforms

from vae.data.load import data_dir, load_split
from vae.device import bfloat16_pays
from vae.evaluate import elbo_terms
from vae.model import VAE
from vae.recipes import recipe_configs
from vae.train import Trainer

TUTORIAL_ELBO = 154.1  # -elbo of the tutorial net at Z = 2 after its 10 epochs


def say(figure: str, **values) -> None:
    print(
        json.dumps(
            {"figure": figure} | {k: round(v, 4) if isinstance(v, float) else v for k, v in values.items()}
        ),
        flush=True,
    )


class TutorialLoop:
    """PyTorch's VAE example, to the letter where it costs time."""

    def __init__(self, latent_dim: int, root: str):
        config, train = recipe_configs("tutorial", "mnist", latent_dim)
        self.model = VAE(config).train()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=train.learning_rate)
        data = datasets.MNIST(root, train=True, transform=transforms.ToTensor())
        self.loader = torch.utils.data.DataLoader(
            data, batch_size=train.batch_size, shuffle=True, num_workers=2
        )

    def epoch(self) -> float:
        start, total = time.perf_counter(), 0.0
        for x, _ in self.loader:
            self.optimizer.zero_grad()
            logits, mu, logvar, _ = self.model(x)
            bce = F.binary_cross_entropy(torch.sigmoid(logits), x, reduction="sum")
            loss = bce - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
            loss.backward()
            total += loss.item()
            self.optimizer.step()
        return time.perf_counter() - start


def throughput(epochs: int, root: str) -> float:
    """Seconds an epoch, same net and batch, Z = 20; returns the tutorial loop's."""
    config, train = recipe_configs("tutorial", "mnist", 20)
    data, cpu = load_split("mnist", "train", root), torch.device("cpu")
    precisions = ["float32"] + ["bfloat16"] * bfloat16_pays("cpu")
    ours = {p: Trainer(config, train.replace(epochs=epochs + 1), data, cpu, p) for p in precisions}
    tutorial = TutorialLoop(20, root)
    for trainer in ours.values():
        trainer.run_epoch(None)
    times: dict[str, list[float]] = {name: [] for name in ("tutorial", *precisions)}
    for _ in range(epochs):
        times["tutorial"].append(tutorial.epoch())
        for name, trainer in ours.items():
            start = time.perf_counter()
            trainer.run_epoch(None)
            times[name].append(time.perf_counter() - start)
    best = {name: min(seconds) for name, seconds in times.items()}
    for name, seconds in times.items():
        say(
            "epoch of the tutorial net",
            loop=name,
            seconds_best=best[name],
            seconds_median=statistics.median(seconds),
            images_per_second=60000 / best[name],
        )
    for name in precisions:
        pairs = [t / o for t, o in zip(times["tutorial"], times[name])]
        say(
            "speed-up over the tutorial loop",
            precision=name,
            ratio_of_best=best["tutorial"] / best[name],
            ratio_median=statistics.median(pairs),
        )
    return best["tutorial"]


def time_to_elbo(tutorial_epoch: float, root: str) -> None:
    """Seconds of training until the tutorial net's 10-epoch figure at Z = 2, with the fewest epochs of `default` that reach it."""
    train_set, test_set, cpu = (
        load_split("mnist", "train", root),
        load_split("mnist", "test", root),
        torch.device("cpu"),
    )
    for precision in ["float32"] + ["bfloat16"] * bfloat16_pays("cpu"):
        for epochs in (1, 2, 3, 4, 5, 6):
            config, train = recipe_configs("default", "mnist", 2, epochs=epochs)
            trainer = Trainer(config, train, train_set, cpu, precision)
            start = time.perf_counter()
            for _ in range(epochs):
                trainer.run_epoch(None)
            seconds = time.perf_counter() - start
            recon, kl = elbo_terms(trainer.model.eval(), test_set, 1.0)
            minus_elbo = float((recon + kl).mean())
            say(
                "default at Z = 2", precision=precision, epochs=epochs, seconds=seconds, minus_elbo=minus_elbo
            )
            if minus_elbo <= TUTORIAL_ELBO:
                say(
                    "time to 154.1 against ten tutorial epochs",
                    precision=precision,
                    seconds=seconds,
                    tutorial_seconds=10 * tutorial_epoch,
                    share=seconds / (10 * tutorial_epoch),
                )
                break


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--data", default=None)
    arguments = parser.parse_args()
    folder = str(data_dir(arguments.data))
    say(
        "machine",
        threads=torch.get_num_threads(),
        bfloat16_pays=bfloat16_pays("cpu"),
        torch=torch.__version__,
    )
    time_to_elbo(throughput(arguments.epochs, folder), folder)
