"""The command line as a person meets it: what it prints, what it leaves, and its one-sentence errors."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from safetensors.numpy import load_file
from support import ROOT
from typer.testing import CliRunner

from vae.__main__ import app
from vae.errors import VAEError
from vae.folders.folder import load_model, read_folder, read_history, read_state


def vae(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m vae ...` in a process of its own."""
    command = [sys.executable, "-m", "vae", *map(str, words)]
    return subprocess.run(
        command, cwd=ROOT, env=settings(**environment), capture_output=True, text=True, timeout=300
    )


def settings(**more: str) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200", "PYTHONUNBUFFERED": "1", **more}


def within(*words: object):
    """The same without a process of its own, which is quicker."""
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, [str(word) for word in words])


def test_help_names_every_command_and_option():
    done = vae("--help")
    assert done.returncode == 0
    for command in ("serve", "train", "evaluate", "charts", "list", "card"):
        assert command in done.stdout
    options = within("train", "--help").output
    for option in (
        "dataset",
        "recipe",
        "latent-dims",
        "epochs",
        "beta",
        "no-variational",
        "conditional",
        "objective",
        "likelihood",
        "seed",
        "no-umap",
        "device",
        "out",
        "name",
        "force",
        "resume",
        "data",
    ):
        assert f"--{option}" in options


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


TRAIN = ("train", "--dataset", "digits", "--recipe", "tutorial", "--epochs", "1", "--no-umap")
ERRORS = [
    (("train", "--dataset", "cifar"), "dataset is 'cifar'; the data sets are mnist"),
    (("train", "--dataset", "digits", "--recipe", "best"), "recipe is 'best'; the recipes are default"),
    ((*TRAIN, "--latent-dims", "2,x"), "--latent-dims is '2,x'; write whole numbers"),
    ((*TRAIN, "--latent-dims", "2,1"), "latent_dim is 1; it must be a whole number from 2 to 256"),
    ((*TRAIN, "--latent-dims", "2,5,2"), "--latent-dims is '2,5,2', which asks twice for 2"),
    ((*TRAIN, "--latent-dims", "2,3", "--name", "m"), "--name m would name 2 models alike"),
    ((*TRAIN, "--epochs", "0"), "epochs is 0; it must be"),
    ((*TRAIN, "--no-variational", "--objective", "tc"), "objective is 'tc', which weighs a part of the KL"),
    ((*TRAIN, "--objective", "factor"), "objective is 'factor'; it must be one of elbo, tc"),
    ((*TRAIN, "--likelihood", "poisson"), "likelihood is 'poisson'; it must be one of bernoulli"),
    ((*TRAIN, "--beta", "-1"), "beta is -1.0; it must be"),
    ((*TRAIN, "--device", "tpu"), "device is 'tpu'; it must be auto, cpu or cuda"),
    ((*TRAIN, "--force", "--resume"), "--force starts anew and --resume goes on"),
    ((*TRAIN, "--name", "../up"), "The name '../up' cannot be a model's"),
    (("evaluate", "nowhere/m"), "nowhere/m is not a model folder"),
    (("charts", "nowhere/m"), "nowhere/m is not a model folder"),
]


@pytest.mark.parametrize(("words", "sentence"), ERRORS, ids=[e[1][:30] for e in ERRORS])
def test_an_error_names_the_thing_the_value_and_the_way_out(tmp_path, words, sentence):
    result = within(*words, *(("--out", tmp_path / "out") if words[0] == "train" else ()))
    assert isinstance(result.exception, VAEError) and sentence in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_an_error_is_one_sentence_on_standard_error_with_exit_code_one_and_no_traceback(tmp_path):
    done = vae(*TRAIN, "--latent-dims", "999", "--out", tmp_path)
    assert done.returncode == 1 and "Traceback" not in done.stdout + done.stderr
    assert done.stderr.strip() == "latent_dim is 999; it must be a whole number from 2 to 256."
    done = vae(
        "train",
        "--dataset",
        "mnist",
        "--out",
        tmp_path,
        "--data",
        tmp_path / "file" / "data",
        http_proxy="http://127.0.0.1:9",
        https_proxy="http://127.0.0.1:9",
    )
    assert done.returncode == 1 and "Traceback" not in done.stdout + done.stderr
    assert "MNIST could not be had" in done.stderr and "digits, which needs no download" in done.stderr


def test_a_file_that_cannot_be_written_is_a_sentence_too(tmp_path):
    done = vae("card", "--models", tmp_path / "nowhere")
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert "nowhere/README.md cannot be used (No such file or directory); check the path" in done.stderr


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


def test_list_shows_every_model_and_what_is_wrong_with_the_broken(trained, tmp_path):
    import shutil

    models = Path(shutil.copytree(trained, tmp_path / "models"))
    (models / "digits-tutorial-z5" / "codes.safetensors").unlink()
    (models / "my[vae].pt").write_bytes(b"PK")
    result = within("list", "--models", models)
    assert result.exit_code == 0
    for name in ("digits-tutorial-z2", "digits-tutorial-ae-z2", "digits-tutorial-cond-sigma-z2"):
        assert any(name in line and "│" in line for line in result.output.splitlines())
    assert (
        "digits-tutorial-z5 cannot be opened" in result.output
        and "codes.safetensors: is missing" in result.output.replace("\n", "")
    )
    assert "my[vae].pt cannot be opened" in result.output and "is a PyTorch checkpoint" in result.output
    elbo = read_folder(models / "digits-tutorial-z2").metrics["elbo"]["value"]
    assert f"{-elbo:.2f}" in result.output


def test_list_of_an_empty_folder_says_how_to_make_a_model(tmp_path):
    result = within("list", "--models", tmp_path / "none")
    assert (
        result.exit_code == 0 and "holds no models yet; python -m vae train --dataset digits" in result.output
    )


def test_card_writes_the_models_page(trained, tmp_path):
    import shutil

    models = Path(shutil.copytree(trained, tmp_path / "models"))
    assert within("card", "--models", models).exit_code == 0
    text = (models / "README.md").read_text()
    assert all(f"`{p.name}`" in text for p in trained.iterdir())


def test_evaluate_prints_every_figure_and_stores_them_when_asked(trained, tmp_path):
    import shutil

    path = Path(shutil.copytree(trained / "digits-tutorial-z2", tmp_path / "digits-tutorial-z2"))
    weights = load_file(path / "model.safetensors")
    before = (path / "metrics.json").read_bytes()
    result = within("evaluate", path, "--k", 10, "--device", "cpu")
    assert result.exit_code == 0 and (path / "metrics.json").read_bytes() == before
    assert within("evaluate", path, "--k", 10, "--device", "cpu", "--write").exit_code == 0
    metrics = read_folder(path).metrics
    for key, entry in metrics.items():
        assert entry["value"] is not None, key
        assert f"{entry['value']:g}" in result.output and key in result.output
    assert (
        metrics["log_likelihood"]["k"] == 10 and metrics["log_likelihood"]["value"] > metrics["elbo"]["value"]
    )
    assert load_file(path / "model.safetensors").keys() == weights.keys()


def test_charts_of_a_two_dimensional_model_are_refused(trained):
    assert "two latent dimensions, which are their own map" in str(
        within("charts", trained / "digits-tutorial-z2").exception
    )


def test_charts_adds_the_places_of_a_larger_model(trained, tmp_path, monkeypatch):
    import shutil

    import numpy as np

    monkeypatch.setattr("vae.runs.fit_umap", lambda mu: np.zeros((len(mu), 2), np.float32))
    path = Path(shutil.copytree(trained / "digits-tutorial-z5", tmp_path / "m"))
    assert within("charts", path).exit_code == 0
    assert load_file(path / "charts.safetensors")["umap"].shape == (360, 2)
    load_model(path)


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


@pytest.mark.parametrize(("encoding", "terminal"), [("ascii", True), ("cp1252", False)])
def test_no_command_minds_a_terminal_or_pipe_that_is_not_utf_8(trained, tmp_path, encoding, terminal):
    import shutil

    models = Path(shutil.copytree(trained, tmp_path / "mödels 数"))
    (models / "bröken 数").mkdir()
    small = models / "digits-tutorial-z2"
    narrow = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "COLUMNS": "50"}
    narrow |= {"FORCE_COLOR": "1"} if terminal else {}  # which makes rich draw as on a terminal
    fast = ("--recipe", "tutorial", "--epochs", 1, "--no-umap", "--device", "cpu", "--name", "one")
    for words, code in [
        (("--help",), 0),
        (("list", "--models", models), 0),
        (("card", "--models", models), 0),
        (("evaluate", small, "--k", 1, "--device", "cpu"), 0),
        (("train", "--dataset", "digits", *fast, "--out", models), 0),
        (("charts", "nöwhere 数"), 1),
        (("serve", "--port", "数"), 1),
    ]:
        done = subprocess.run(
            [sys.executable, "-m", "vae", *map(str, words)],
            cwd=ROOT,
            env=settings(**narrow),
            capture_output=True,
            timeout=300,
        )
        text = (done.stdout + done.stderr).decode(encoding)
        assert done.returncode == code and "Error:" not in text and "Traceback" not in text, (words, text)
        assert done.stdout or done.stderr
