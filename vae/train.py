"""The one training loop: data on the device, batches as index gathers, one step that CUDA captures as a graph."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from vae.config import ModelConfig, TrainConfig, check_together
from vae.data.sets import ImageSet
from vae.device import pick_device as pick_device  # beside `fit`, which it serves
from vae.device import pick_precision
from vae.errors import DataError, TrainingError
from vae.evaluate import elbo_terms
from vae.flat_parameters import FlatParameters
from vae.folders.folder import EPOCH_KEYS
from vae.loss import implied_log_variance, kl_divergence, training_loss, training_recon
from vae.model import VAE

MOMENTS = "exp_avg", "exp_avg_sq"  # what AdamW remembers of every weight
LOG_EVERY = 50  # steps between two entries of the loss curve
TICK_EVERY = 20  # steps between two calls of `on_step`


@dataclass
class EpochRecord:
    """What one epoch gave, in nats per image; `kl` is None for a plain autoencoder."""

    epoch: int
    seconds: float  # training alone
    images_per_second: float
    train_recon: float
    train_kl: float | None
    test_recon: float
    test_kl: float | None
    steps: list[tuple[int, float]] = field(repr=False)  # (step, training loss per image), every 50th
    model: VAE = field(repr=False)  # overwritten by the next epoch
    state: Callable[[], dict[str, Tensor]] = field(repr=False)  # all that a resume needs, copied when called

    def history(self) -> dict[str, float | int | None]:
        """The row of `history.json`."""
        return {key: getattr(self, key) for key in EPOCH_KEYS}


def rate_schedule(config: TrainConfig, steps: int) -> np.ndarray:
    """The learning rate of every step (steps,): constant, or a linear rise and a cosine fall (Smith & Topin 2018)."""
    if config.schedule == "constant":
        return np.full(steps, config.learning_rate, np.float32)
    rise = max(1, round(config.warmup * steps))
    t = np.arange(steps)
    up = (t + 1) / rise
    down = 0.5 * (1 + np.cos(np.pi * np.clip((t - rise) / max(1, steps - rise), 0, 1)))
    return (config.learning_rate * np.where(t < rise, up, np.maximum(down, 1e-4))).astype(np.float32)


class Trainer:
    """The state of a training and its step; everything a step needs lies in tensors on the device, so a graph can replay it."""

    def __init__(
        self,
        model_config: ModelConfig,
        config: TrainConfig,
        data: ImageSet,
        device: torch.device,
        precision: str,
    ):
        self.config, self.device = config, device
        if model_config.likelihood == "gaussian-mean":
            implied_log_variance(model_config, config.beta)  # refuses beta 0 before anything is spent
        self.generator = torch.Generator(device).manual_seed(config.seed)
        self.model = VAE(model_config)
        self.model.initialize(torch.Generator().manual_seed(config.seed), config.he)
        self.model.to(device, memory_format=self.model.layout).train()  # type: ignore[call-overload]  # not in its stubs
        self.weights = FlatParameters(self.model, device, precision)
        self.flat = self.weights.flat  # the one parameter that the optimizer knows
        self.images = torch.tensor(data.images, device=device)
        self.labels = torch.tensor(data.labels, device=device)
        self.batch = min(config.batch_size, len(data))
        self.steps_per_epoch = len(data) // self.batch
        total = config.epochs * self.steps_per_epoch
        self.rates = torch.from_numpy(rate_schedule(config, total)).to(device)
        warm = round(config.kl_warmup * total)
        self.kl_weights = torch.from_numpy(
            np.minimum(1.0, np.arange(1, total + 1, dtype=np.float32) / max(1, warm))
        ).to(device)
        self.rate = torch.zeros((), device=device)
        self.optimizer = torch.optim.AdamW(
            [self.flat],
            lr=self.rate,
            betas=(0.9, config.adam_beta2),
            weight_decay=config.weight_decay,
            fused=True,
            capturable=device.type == "cuda",
        )
        self.step = torch.zeros(1, dtype=torch.long, device=device)  # of all; the schedule is read at it
        self.place = torch.zeros(1, dtype=torch.long, device=device)  # within the epoch
        self.order = torch.zeros(self.steps_per_epoch, self.batch, dtype=torch.long, device=device)
        self.eps = torch.zeros(self.steps_per_epoch, self.batch, model_config.latent_dim, device=device)
        if config.binarize:
            self.levels = torch.zeros(
                self.steps_per_epoch, self.batch, *model_config.image_shape, dtype=torch.uint8, device=device
            )
        self.losses = torch.zeros(self.steps_per_epoch, 3, device=device)  # training loss, recon term, kl
        self.graph: torch.cuda.CUDAGraph | None = None

    def draw(self) -> None:
        """One epoch's chance: the order of the images, the noise of every z, the level above which a pixel is seen as on."""
        size = len(self.images)
        order = torch.randperm(size, generator=self.generator, device=self.device)[: self.order.numel()]
        self.order.copy_(order.view_as(self.order))
        self.eps.normal_(generator=self.generator)
        if self.config.binarize:
            self.levels.random_(0, 255, generator=self.generator)
        self.place.zero_()

    def one_step(self) -> None:
        """Gather, forward, backward, clip, update: tensors only, no value ever read back."""
        place, config = self.place, self.config
        rows = self.order.index_select(0, place).flatten()
        x = self.images.index_select(0, rows)
        seen = (x > self.levels.index_select(0, place)[0]).to(torch.float32) if config.binarize else None
        x = x.to(torch.float32).div_(255)
        label = self.labels.index_select(0, rows) if self.model.config.conditional else None
        logits, mu, logvar, z = self.weights.worker(
            x if seen is None else seen, label, self.eps.index_select(0, place)[0]
        )
        logits, mu, logvar, z = logits.float(), mu.float(), logvar.float(), z.float()
        recon = training_recon(logits, x, self.model.config, self.weights.worker.log_variance)
        weight = self.kl_weights.index_select(0, self.step)
        loss = training_loss(recon, z, mu, logvar, self.model.config, config, len(self.images), weight).mean()
        loss.backward()
        self.weights.gather_gradients()
        if config.clip_norm:
            norm = torch.linalg.vector_norm(self.flat.grad)
            # The fused step divides by it: no pass of its own.
            self.optimizer.grad_scale = torch.clamp(norm / config.clip_norm, min=1.0)  # type: ignore[attr-defined]
        self.rate.copy_(self.rates.index_select(0, self.step)[0])
        self.optimizer.step()
        with torch.no_grad():
            self.weights.cast()
            row = torch.stack(
                [
                    loss.detach(),
                    recon.detach().mean(),
                    kl_divergence(mu, logvar).mean() if self.model.config.variational else loss.detach() * 0,
                ]
            )
            self.losses.index_copy_(0, place, row[None])
            self.step += 1
            self.place += 1

    def run_epoch(self, on_step: Callable[[int, int], None] | None) -> np.ndarray:
        """All steps of one epoch; returns (steps, 3): loss, reconstruction term and KL of each."""
        self.draw()
        for i in range(self.steps_per_epoch):
            if self.graph is not None:
                self.graph.replay()
            else:
                self.one_step()
                if self.device.type == "cuda" and self.graph is None and int(self.step) >= 3:
                    self.capture()
            if on_step is not None and (i % TICK_EVERY == 0 or i + 1 == self.steps_per_epoch):
                on_step(i + 1, self.steps_per_epoch)
        return self.losses.cpu().numpy()

    def capture(self) -> None:
        """Record one step as a CUDA graph; recording runs nothing, so no step is lost or done twice."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            self.one_step()
        torch.cuda.current_stream().wait_stream(stream)
        self.graph = graph

    def state(self) -> dict[str, Tensor]:
        """Copies of everything that changes, by name; `restore` takes them back."""
        state = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        for moment in MOMENTS:
            parts = self.weights.named_views(self.optimizer.state[self.flat][moment])
            state |= {f"{moment}.{name}": part for name, part in parts.items()}
        state["step"], state["generator"] = self.step, self.generator.get_state()
        return {k: v.detach().cpu().clone() for k, v in state.items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Continue exactly where `state` was taken; `TrainingError` when it belongs to another model."""
        try:
            self.model.load_state_dict({k: state[f"model.{k}"] for k in self.model.state_dict()})
            moments = {moment: torch.zeros_like(self.flat) for moment in MOMENTS}
            for moment, flat in moments.items():
                for name, part in self.weights.named_views(flat).items():
                    part.copy_(state[f"{moment}.{name}"])
            self.step.copy_(state["step"])
            self.optimizer.state[self.flat] = {"step": self.step[0].to(torch.float32)} | moments
            self.generator.set_state(state["generator"])
        except (KeyError, RuntimeError) as error:
            raise TrainingError(
                f"training_state.safetensors does not fit this configuration ({error}); train again with --force."
            ) from error
        self.weights.cast()


def fit(
    model_config: ModelConfig,
    config: TrainConfig,
    train_set: ImageSet,
    test_set: ImageSet,
    *,
    device: torch.device | str = "cpu",
    precision: str | None = None,
    state: dict[str, Tensor] | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> Iterator[EpochRecord]:
    """Train a VAE and yield an `EpochRecord` after each epoch; stop by no longer asking for the next one.

    `precision` is chosen by `pick_precision` unless given; `state` (of an earlier `EpochRecord.state()`) resumes: the rest
    equals an uninterrupted run bit for bit on the CPU. `on_step(step, steps)` is called now and then within an epoch.
    `TrainingError` on divergence names epoch, latent size and what to change; `DataError` where the sets do not fit the model.
    """
    check_together(model_config, config)
    _check_sets(model_config, train_set=train_set, test_set=test_set)
    device = torch.device(device)
    trainer = Trainer(
        model_config, config, train_set, device, precision or pick_precision(model_config, device)
    )
    if state is not None:
        trainer.restore(state)
    done = int(trainer.step) // trainer.steps_per_epoch
    first_loss: float | None = None
    for epoch in range(done + 1, config.epochs + 1):
        start = time.perf_counter()
        losses = trainer.run_epoch(on_step)
        seconds = time.perf_counter() - start
        first_loss = abs(float(losses[0, 0])) if first_loss is None else first_loss
        trainer.model.eval()
        test_recon, test_kl = elbo_terms(trainer.model, test_set, config.beta)
        # the last step may be the one that broke it
        finite = np.isfinite(losses).all() and bool(torch.isfinite(test_recon + test_kl).all())
        if not finite or abs(float(losses[-1, 0])) > 100 * (first_loss + 100):
            raise TrainingError(
                f"Training diverged in epoch {epoch} at latent size {model_config.latent_dim} (loss {float(losses[-1, 0]):g}); "
                f"lower learning_rate (now {config.learning_rate:g}) or set clip_norm (now {config.clip_norm:g}, 0 is no limit)."
            )
        yield _record(trainer, epoch, seconds, losses, test_recon, test_kl)
        trainer.model.train()


def _record(
    trainer: Trainer, epoch: int, seconds: float, losses: np.ndarray, test_recon: Tensor, test_kl: Tensor
) -> EpochRecord:
    """What one epoch gave, in nats, from the loss, reconstruction term and KL of each of its steps (steps, 3)."""
    variational = trainer.model.config.variational
    scale, offset = _to_nats(trainer.model.config, trainer.config)
    before = (epoch - 1) * trainer.steps_per_epoch
    return EpochRecord(
        epoch=epoch,
        seconds=seconds,
        images_per_second=trainer.steps_per_epoch * trainer.batch / seconds,
        train_recon=float(losses[:, 1].mean()) * scale + offset,
        train_kl=float(losses[:, 2].mean()) if variational else None,
        test_recon=float(test_recon.mean()),
        test_kl=float(test_kl.mean()) if variational else None,
        steps=[
            (step, loss)
            for step, loss in enumerate(losses[:, 0].tolist(), before + 1)
            if step % LOG_EVERY == 0
        ],
        model=trainer.model,
        state=trainer.state,
    )


def _check_sets(model: ModelConfig, **sets: ImageSet) -> None:
    """Both sets hold images of the model's shape and the same classes, which the model has room for."""
    for name, data in sets.items():
        if not isinstance(data, ImageSet):
            raise DataError(
                f"{name} is a {type(data).__name__}; it must be an ImageSet(images, labels, class_names)."
            )
        if data.images.shape[1:] != model.image_shape:
            shape = tuple(data.images.shape[1:])
            raise DataError(
                f"{name} holds images of {shape}, but the model's image_shape is {model.image_shape}; build it with ModelConfig(image_shape={shape})."
            )
        if len(data.class_names) > model.num_classes:
            raise DataError(
                f"{name} has {len(data.class_names)} classes, but the model's num_classes is {model.num_classes}; build it with ModelConfig(num_classes={len(data.class_names)})."
            )
    train_names, test_names = (data.class_names for data in sets.values())
    if train_names != test_names:
        raise DataError(
            f"train_set has the classes {', '.join(train_names)}, test_set {', '.join(test_names)}; a label must mean the same in both."
        )


def _to_nats(model: ModelConfig, config: TrainConfig) -> tuple[float, float]:
    """Scale and offset from the training's reconstruction term to nats under the likelihood it implies."""
    if model.likelihood in ("bernoulli", "gaussian-learned"):
        return 1.0, 0.0
    log_variance = implied_log_variance(model, config.beta)
    constant = 0.5 * model.pixels * (log_variance + math.log(2 * math.pi))
    summed = model.pixels if model.likelihood == "gaussian-mean" else 1
    return 0.5 * summed * math.exp(-log_variance), constant
