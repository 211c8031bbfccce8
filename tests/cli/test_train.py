"""The command `train`: what it makes and prints, what an interruption leaves, and what it keeps."""

from __future__ import annotations

import signal
import subprocess
import sys
from functools import partial

import pytest
from command_line import TRAIN, settings, vae, within
from support import ROOT

from vae import runs
from vae.errors import TrainingError
from vae.folders.folder import load_model, read_folder, read_history, read_state


def test_train_makes_one_model_per_size_and_prints_a_row_for_each(tmp_path):
    done = vae(
        "train",
        "--dataset",
        "digits",
        "--recipe",
        "tutorial",
        "--latent-dims",
        "2,3",
        "--epochs",
        2,
        "--no-umap",
        "--device",
        "cpu",
        "--out",
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert {p.name for p in tmp_path.iterdir()} == {"digits-tutorial-z2", "digits-tutorial-z3"}
    for size in (2, 3):
        folder = read_folder(tmp_path / f"digits-tutorial-z{size}")
        load_model(folder.path)
        row = next(
            line for line in done.stdout.splitlines() if f"digits-tutorial-z{size}" in line and "│" in line
        )
        last = read_history(folder.path)["epochs"][-1]
        assert f"{last['test_recon'] + last['test_kl']:.2f}" in row
        # one line an epoch where there is no terminal
        assert done.stdout.count(f"digits-tutorial-z{size}  epoch") == 2


def test_flags_reach_the_model_and_its_name(tmp_path):
    words = (
        "--dataset",
        "digits",
        "--recipe",
        "tutorial",
        "--epochs",
        1,
        "--no-umap",
        "--out",
        tmp_path,
        "--device",
        "cpu",
    )
    assert within("train", *words, "--no-variational").exit_code == 0
    assert (
        within(
            "train",
            *words,
            "--conditional",
            "--beta",
            4,
            "--objective",
            "tc",
            "--likelihood",
            "gaussian-learned",
            "--seed",
            7,
        ).exit_code
        == 0
    )
    assert {p.name for p in tmp_path.iterdir()} == {
        "digits-tutorial-ae-z2",
        "digits-tutorial-cond-beta4-tc-sigma-seed7-z2",
    }
    folder = read_folder(tmp_path / "digits-tutorial-cond-beta4-tc-sigma-seed7-z2")
    assert (folder.model.conditional, folder.model.likelihood) == (True, "gaussian-learned")
    assert (folder.train.beta, folder.train.objective, folder.train.seed, folder.train.epochs) == (
        4.0,
        "tc",
        7,
        1,
    )
    assert not read_folder(tmp_path / "digits-tutorial-ae-z2").model.variational


def test_an_existing_model_is_kept_unless_forced_and_a_finished_one_says_so(tmp_path):
    words = (*TRAIN, "--out", tmp_path, "--device", "cpu")
    assert within(*words).exit_code == 0
    assert "exists already; --force replaces it" in str(within(*words).exception)
    assert "exists already; --force replaces it" in str(within(*words, "--latent-dims", "3,2").exception)
    # said before the first of them was trained
    assert [path.name for path in tmp_path.iterdir()] == ["digits-tutorial-z2"]
    again = within(*words, "--resume")
    assert again.exit_code == 0 and "is finished: all 1 epochs are done" in again.output
    assert within(*words, "--force").exit_code == 0


def test_a_size_whose_training_fails_does_not_keep_the_others_from_theirs(tmp_path, monkeypatch):
    words = (*TRAIN, "--out", tmp_path, "--device", "cpu")
    original = runs.fit

    def diverge(model, *more, **options):
        if model.latent_dim == 3:
            raise TrainingError("Training diverged.")
        return original(model, *more, **options)

    monkeypatch.setattr(runs, "fit", diverge)
    result = within(*words, "--latent-dims", "3,2")
    assert result.exit_code == 1 and "digits-tutorial-z3: Training diverged." in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["digits-tutorial-z2"]
    assert any("digits-tutorial-z2" in line and "│" in line for line in result.stdout.splitlines())


HELD = """
import threading
import vae.checkpoint
from vae.__main__ import main

take = vae.checkpoint.Checkpoint.take

def held(checkpoint, record):
    if record.epoch == 40:
        threading.Event().wait()
    take(checkpoint, record)

vae.checkpoint.Checkpoint.take = held
main()
"""  # however fast it trains, the last epoch ends only after the signal


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGTERM])
def test_a_real_interruption_keeps_the_last_epoch_and_resume_makes_the_uninterrupted_model(tmp_path, way):
    words = (
        "train",
        "--dataset",
        "digits",
        "--recipe",
        "tutorial",
        "--epochs",
        "40",
        "--device",
        "cpu",
        "--no-umap",
        "--seed",
        "4",
    )
    process = subprocess.Popen(
        [sys.executable, "-c", HELD, *words, "--out", str(tmp_path / "parts")],
        cwd=ROOT,
        env=settings(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a shell's background job is started deaf to Ctrl-C
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "epoch 3/40" in line:
            process.send_signal(way)
            break
    _, error = process.communicate(timeout=120)
    path = tmp_path / "parts" / "digits-tutorial-seed4-z2"
    kept = len(read_history(path)["epochs"])
    assert (
        process.returncode == 1
        and f"Stopped: epoch {kept} of digits-tutorial-seed4-z2 is kept; --resume goes on from there."
        in error
        and "Traceback" not in error
    )
    assert 3 <= kept < 40 and read_state(read_folder(path)) is not None
    load_model(path)
    resumed = within(*words, "--out", tmp_path / "parts", "--resume")
    assert (
        resumed.exit_code == 0
        and f"epoch {kept + 1}/40" in resumed.output
        and f"epoch {kept}/40" not in resumed.output
    )
    assert within(*words, "--out", tmp_path / "whole").exit_code == 0
    for file in ("model.safetensors", "codes.safetensors"):
        assert (path / file).read_bytes() == (tmp_path / "whole" / path.name / file).read_bytes()


def test_sizes_train_on_where_umap_cannot_run_and_charts_says_why(tmp_path):
    """A broken umap-learn before the real one, as in a container whose cache folder cannot be written."""
    (tmp_path / "umap.py").write_text('raise RuntimeError("cannot cache function rdist")', encoding="utf-8")
    out, broken = tmp_path / "out", {"PYTHONPATH": str(tmp_path)}
    words = ("--dataset", "digits", "--recipe", "tutorial", "--latent-dims", "3,4", "--epochs", 1)
    done = vae("train", *words, "--device", "cpu", "--out", out, **broken)
    assert done.returncode == 0 and "Traceback" not in done.stdout + done.stderr
    for name in ("digits-tutorial-z3", "digits-tutorial-z4"):
        load_model(out / name)
        assert f"{name} is finished without UMAP's places: UMAP failed" in done.stderr
        assert f"python -m vae charts {out / name}." in done.stderr
    done = vae("charts", out / "digits-tutorial-z3", **broken)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert "set NUMBA_CACHE_DIR to a folder that can be written" in done.stderr
