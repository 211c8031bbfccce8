"""The training loop: the same numbers from the same seed, across interruptions, and what its parts are, computed the plain way."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from vae.config import ModelConfig, TrainConfig
from vae.data.sets import ImageSet
from vae.errors import ConfigError, TrainingError
from vae.loss import kl_divergence, training_loss, training_recon
from vae.model import VAE
from vae.train import LOG_EVERY, EpochRecord, Trainer, fit, rate_schedule

MODEL = ModelConfig(image_shape=(1, 8, 8), hidden=(24, 24), residual=True)
TRAIN = TrainConfig(
    epochs=4, batch_size=64, learning_rate=2e-3, schedule="one-cycle", clip_norm=5.0, weight_decay=0.01
)
VARIANTS = {
    "plain": ({}, {}),
    "constant": ({}, {"schedule": "constant", "clip_norm": 0.0, "weight_decay": 0.0}),
    "warmup": ({}, {"kl_warmup": 0.7}),
    "he": ({}, {"he": True}),
    "short memory": ({}, {"adam_beta2": 0.9}),
    "binarize": ({}, {"binarize": True}),
    "tc": ({"latent_dim": 4}, {"objective": "tc", "beta": 3.0}),
    "conditional": ({"conditional": True}, {}),
    "autoencoder": ({"variational": False}, {}),
    "sigma": ({"likelihood": "gaussian-learned"}, {}),
    "gaussmean": ({"likelihood": "gaussian-mean"}, {"beta": 0.01}),
    "conv": ({"architecture": "conv", "hidden": (3, 4, 8), "residual": False}, {}),
    "conv3": (
        {
            "architecture": "conv3",
            "hidden": (3, 4, 8),
            "residual": False,
            "conditional": True,
            "likelihood": "gaussian-learned",
        },
        {},
    ),
    "conv3 autoencoder": (
        {"architecture": "conv3", "hidden": (3, 4, 8), "residual": False, "variational": False},
        {},
    ),
    "all": (
        {"conditional": True, "likelihood": "gaussian-learned", "latent_dim": 3},
        {"kl_warmup": 0.5, "binarize": True, "objective": "tc", "beta": 2.0},
    ),
}


@pytest.fixture(scope="module")
def small(digits) -> tuple[ImageSet, ImageSet]:
    """The first few hundred digits; 300 images in batches of 64 leave a rest, which another epoch's order may pick."""
    train, test = digits
    return ImageSet(train.images[:300], train.labels[:300], train.class_names), ImageSet(
        test.images[:50], test.labels[:50], test.class_names
    )


def run(data, model=MODEL, train=TRAIN, **options) -> list[EpochRecord]:
    return list(fit(model, train, *data, **{"precision": "float32", **options}))


def figures(record: EpochRecord) -> dict:
    """The row of the history without what a clock says."""
    return {k: v for k, v in record.history().items() if "seconds" not in k and "second" not in k} | {
        "steps": record.steps
    }


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


# ---- chance --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_same_seed_gives_the_same_weights_bit_for_bit_and_an_interruption_changes_nothing(small, variant):
    model, train = MODEL.replace(**VARIANTS[variant][0]), TRAIN.replace(**VARIANTS[variant][1])
    whole = run(small, model, train)
    first = []
    for record in itertools.islice(fit(model, train, *small, precision="float32"), 2):
        first.append(figures(record))
        state = record.state()
    assert first == [figures(r) for r in whole[:2]]
    rest = run(small, model, train, state=state)
    assert [r.epoch for r in rest] == [3, 4]
    assert [figures(r) for r in rest] == [figures(r) for r in whole[2:]]
    assert same(rest[-1].state(), whole[-1].state())


def test_another_seed_gives_other_weights(small):
    one, two = (run(small, train=TRAIN.replace(epochs=1, seed=seed))[0].state() for seed in (0, 1))
    assert not same(one, two)


def test_bfloat16_repeats_itself_too(small):
    one, two = (run(small, train=TRAIN.replace(epochs=1), precision="bfloat16")[0].state() for _ in range(2))
    assert same(one, two)


def test_training_leaves_the_global_generators_alone(small):
    before, numpy_before = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index]
    run(small, MODEL.replace(conditional=True), TRAIN.replace(epochs=1, binarize=True))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], numpy_before)  # type: ignore[index]


def test_every_epoch_has_another_order_and_sees_no_image_twice(small):
    trainer = Trainer(MODEL, TRAIN, small[0], torch.device("cpu"), "float32")
    orders = []
    for _ in range(2):
        trainer.draw()
        orders.append(trainer.order.flatten().clone())
        assert len(orders[-1].unique()) == len(orders[-1]) == 4 * 64
        assert trainer.eps.mean().abs() < 0.15 and abs(trainer.eps.std().item() - 1) < 0.1
    assert not torch.equal(*orders)


def test_binarized_pixels_are_on_as_often_as_they_are_grey(small):
    from scipy.stats import chisquare

    trainer = Trainer(MODEL, TRAIN.replace(binarize=True), small[0], torch.device("cpu"), "float32")
    counts = np.zeros(255)
    for _ in range(20):
        trainer.draw()
        counts += np.bincount(trainer.levels.flatten().numpy(), minlength=255)
    # levels 0 .. 254 alike: a grey of g is above exactly g of them, so 0 is never on and 255 always
    assert chisquare(counts).pvalue > 1e-3


# ---- one step, the plain way ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("clip", [0.5, 1e6])
def test_the_steps_are_those_of_clip_grad_norm_and_adamw(small, variant, clip):
    model, train = (
        MODEL.replace(**VARIANTS[variant][0]),
        TRAIN.replace(**VARIANTS[variant][1] | {"clip_norm": clip, "epochs": 2}),
    )
    trainer = Trainer(model, train, small[0], torch.device("cpu"), "float32")
    plain = VAE(model).train()
    plain.initialize(torch.Generator().manual_seed(train.seed), train.he)
    optimizer = torch.optim.AdamW(
        plain.parameters(),
        lr=0.1,
        betas=(0.9, train.adam_beta2),
        weight_decay=train.weight_decay,
        foreach=False,
    )
    rates = rate_schedule(train, 8)
    losses = []
    for step in range(8):
        if step % 4 == 0:
            if step:
                np.testing.assert_allclose(trainer.losses[:, 0].numpy(), losses, rtol=1e-4)
                losses = []
            trainer.draw()
        rows = trainer.order[step % 4]
        x = torch.tensor(small[0].images)[rows].float() / 255
        seen = (
            (torch.tensor(small[0].images)[rows] > trainer.levels[step % 4]).float() if train.binarize else x
        )
        label = torch.tensor(small[0].labels)[rows] if model.conditional else None
        logits, mu, logvar, z = plain(seen, label, trainer.eps[step % 4])
        weight = min(1.0, (step + 1) / max(1, round(train.kl_warmup * 8)))
        recon = training_recon(logits, x, model, getattr(plain.decoder, "log_variance", None))
        loss = training_loss(recon, z, mu, logvar, model, train, len(small[0]), weight).mean()
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(plain.parameters(), train.clip_norm)
        for group in optimizer.param_groups:
            group["lr"] = float(rates[step])
        optimizer.step()
        trainer.one_step()
    for (name, ours), theirs in zip(trainer.model.named_parameters(), plain.parameters()):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=2e-5, msg=name)
    assert int(trainer.step) == 8


def test_without_a_clip_norm_gradients_are_not_scaled(small):
    trainer = Trainer(MODEL, TRAIN.replace(clip_norm=0.0), small[0], torch.device("cpu"), "float32")
    trainer.draw()
    trainer.one_step()
    assert not hasattr(trainer.optimizer, "grad_scale")


@pytest.mark.parametrize("steps", [1, 7, 100, 4800])
@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.5, 1.0])
def test_one_cycle_rises_in_a_line_and_falls_in_a_cosine(steps, warmup):
    rates = rate_schedule(TrainConfig(learning_rate=0.01, schedule="one-cycle", warmup=warmup), steps)
    rise = max(1, round(warmup * steps))
    for step in range(steps):
        if step < rise:
            expected = 0.01 * (step + 1) / rise
        else:
            expected = 0.01 * max(0.5 + 0.5 * math.cos(math.pi * (step - rise) / max(1, steps - rise)), 1e-4)
        assert rates[step] == pytest.approx(expected, rel=1e-4)
    assert len(rates) == steps and rates.max() == pytest.approx(0.01) and (rates > 0).all()


def test_a_constant_rate_is_constant():
    assert rate_schedule(TrainConfig(learning_rate=0.003), 5).tolist() == pytest.approx([0.003] * 5)


# ---- what comes out ------------------------------------------------------------------------------------------------


def test_the_history_has_its_keys_and_every_fiftieth_step(small):
    train = TRAIN.replace(epochs=30)  # 4 steps an epoch: 120 steps
    seen: list[tuple[int, int]] = []
    records = run(small, train=train, on_step=lambda step, steps: seen.append((step, steps)))
    steps = [step for r in records for step, _ in r.steps]
    assert steps == [50, 100] == list(range(LOG_EVERY, 121, LOG_EVERY))
    assert [r.epoch for r in records] == list(range(1, 31))
    assert set(records[0].history()) == {
        "epoch",
        "seconds",
        "images_per_second",
        "train_recon",
        "train_kl",
        "test_recon",
        "test_kl",
    }
    assert records[0].images_per_second == pytest.approx(256 / records[0].seconds)
    assert seen[-1] == (4, 4) and {s for _, s in seen} == {4}


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian", "gaussian-mean", "gaussian-learned"])
def test_training_and_test_figures_are_in_the_same_nats(digits, likelihood):
    train, test = (
        digits  # the same images on both sides, a rate that moves nothing: both figures measure one thing
    )
    model = ModelConfig(image_shape=(1, 8, 8), hidden=(32,), likelihood=likelihood)
    config = TrainConfig(
        epochs=1,
        batch_size=len(test),
        learning_rate=1e-7,
        beta=0.01 if likelihood == "gaussian-mean" else 1.0,
    )
    (record,) = run((test, test), model, config)
    assert record.train_recon == pytest.approx(record.test_recon, rel=2e-3)
    assert record.train_kl == pytest.approx(record.test_kl, rel=2e-3)
    vae = record.model
    mu, logvar = vae.encode(torch.tensor(test.images).float() / 255)
    assert record.test_kl == pytest.approx(kl_divergence(mu, logvar).mean().item(), rel=1e-5)


def test_a_plain_autoencoder_has_no_kl(small):
    record = run(small, MODEL.replace(variational=False), TRAIN.replace(epochs=1))[0]
    assert record.train_kl is None and record.test_kl is None


def test_training_beats_a_picture_that_ignores_the_image(digits):
    train, test = digits
    record = run(
        digits, MODEL.replace(hidden=(128,)), TrainConfig(epochs=15, batch_size=64, learning_rate=2e-3)
    )[-1]
    share = np.clip(train.images.mean(0) / 255, 1e-3, 1 - 1e-3)
    x = test.images / 255
    blind = -(x * np.log(share) + (1 - x) * np.log(1 - share)).sum((1, 2, 3)).mean()
    assert record.test_recon + record.test_kl < blind - 1


def test_a_batch_larger_than_the_data_is_the_data(small):
    record = run(small, train=TRAIN.replace(batch_size=5000, epochs=2))[-1]
    assert record.epoch == 2 and math.isfinite(record.test_recon)


# ---- what goes wrong -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian-learned"])
def test_divergence_stops_with_epoch_size_and_what_to_change(small, likelihood):
    model = MODEL.replace(latent_dim=5, hidden=(64,) * 8, likelihood=likelihood)
    with pytest.raises(
        TrainingError,
        match=r"diverged in epoch \d+ at latent size 5 .*lower learning_rate \(now 1\) or set clip_norm \(now 0",
    ):
        run(small, model, TRAIN.replace(learning_rate=1.0, clip_norm=0.0, epochs=20))


def test_weights_that_break_in_the_last_step_of_an_epoch_are_noticed_there(small):
    records = fit(MODEL, TRAIN, *small, precision="float32")
    next(records)
    trainer = records.gi_frame.f_locals["trainer"]
    original = trainer.run_epoch

    def breaks(on_step):
        losses = original(on_step)
        with torch.no_grad():
            trainer.flat.fill_(float("nan"))
        return losses

    trainer.run_epoch = breaks
    with pytest.raises(TrainingError, match="diverged in epoch 2"):
        next(records)


def test_a_state_of_another_model_is_refused(small):
    state = run(small, train=TRAIN.replace(epochs=1))[0].state()
    with pytest.raises(TrainingError, match="does not fit this configuration"):
        run(small, MODEL.replace(hidden=(25, 25)), state=state)
    del state["generator"]
    with pytest.raises(TrainingError, match="does not fit this configuration"):
        run(small, state=state)


def test_gaussian_mean_with_beta_zero_is_refused_before_anything_is_spent(small):
    with pytest.raises(ConfigError, match="beta above 0"):
        run(small, MODEL.replace(likelihood="gaussian-mean"), TRAIN.replace(beta=0.0))


# ---- CUDA ----------------------------------------------------------------------------------------------------------


@pytest.mark.cuda
@pytest.mark.skipif(
    not torch.cuda.is_available(),
    reason="no CUDA device here; the captured step is compared with the eager one where there is one",
)
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_captured_step_is_the_eager_step(small, variant, monkeypatch):
    model, train = (
        MODEL.replace(**VARIANTS[variant][0]),
        TRAIN.replace(**VARIANTS[variant][1] | {"epochs": 6}),
    )
    captured = run(small, model, train, device="cuda")
    monkeypatch.setattr(Trainer, "capture", lambda self: None)
    eager = run(small, model, train, device="cuda")
    for ours, theirs in zip(captured, eager):
        assert ours.test_recon == pytest.approx(theirs.test_recon, rel=1e-4)
        assert ours.train_recon == pytest.approx(theirs.train_recon, rel=1e-4)
    for name, value in eager[-1].state().items():
        torch.testing.assert_close(
            captured[-1].state()[name].float(), value.float(), rtol=1e-3, atol=1e-4, msg=name
        )
