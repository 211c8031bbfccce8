"""The command line as a person meets it: its help, its one-sentence errors, and any terminal."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import TRAIN, settings, vae, within
from support import ROOT

from vae.errors import VAEError


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
        "nice",
        "data",
    ):
        assert f"--{option}" in options


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
    assert "nowhere/README.md cannot be written (No such file or directory); check the" in done.stderr


@pytest.mark.parametrize(("encoding", "terminal"), [("ascii", True), ("cp1252", False)])
def test_no_command_minds_a_terminal_or_pipe_that_is_not_utf_8(trained, tmp_path, encoding, terminal):

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
