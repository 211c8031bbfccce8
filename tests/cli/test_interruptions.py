"""Real processes that are told to end: what they leave is whole, holds the last epoch, and goes on as if nothing had happened."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from pathlib import Path

import pytest
from command_line import TRAIN, start, within

from vae.folders.folder import load_model, read_folder, read_history, read_state
from vae.runs import Run, train_model

EPOCHS = 3
NAME = "digits-tutorial-z2"
WORDS = (*TRAIN[:-3], "--epochs", str(EPOCHS), "--no-umap", "--device", "cpu")

# The program stops where the test wants it to, says so and waits for a line
STOPS = """
import sys
import vae.checkpoint, vae.runs
from vae.__main__ import main

def stopping(function, at=lambda *_: True):
    def wrapped(*arguments, **options):
        if at(*arguments):
            print("stopped", flush=True)
            sys.stdin.readline()
        return function(*arguments, **options)
    return wrapped

where = sys.argv.pop(1)
if where == "epoch":
    step = vae.runs.fit
    def fit(*arguments, on_step, **options):
        ticks = []
        tick = stopping(on_step, lambda *_: ticks.append(0) or len(ticks) == 4)  # within the second epoch
        return step(*arguments, on_step=tick, **options)
    vae.runs.fit = fit
if where == "measuring":
    vae.checkpoint.first_metrics = stopping(vae.checkpoint.first_metrics)
if where in ("saving", "finishing"):
    vae.runs.SAVE_EVERY = -1.0 if where == "saving" else 1e9
    vae.checkpoint.write_folder = stopping(vae.checkpoint.write_folder)
main()
"""


def wait_for(process: subprocess.Popen[str], line: str) -> None:
    """Until it prints this; that it ends without is a failure."""
    assert process.stdout is not None
    said = []
    for found in process.stdout:
        said.append(found)
        if line in found:
            return
    raise AssertionError(f"{said} {process.communicate(timeout=60)}")


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """The model of a training that nobody interrupted."""
    out = tmp_path_factory.mktemp("whole")
    for _ in train_model(Run("digits", "tutorial", 2, {"epochs": EPOCHS}), out, device="cpu", umap=False):
        pass
    return out / NAME


def check_resume(out: Path, whole: Path, epochs: int) -> None:
    path = out / NAME
    assert [p.name for p in out.iterdir()] == [NAME]
    load_model(path)
    assert len(read_history(path)["epochs"]) == epochs and read_state(read_folder(path)) is not None
    assert within(*WORDS, "--out", out, "--resume").exit_code == 0
    for file in ("model.safetensors", "codes.safetensors"):
        assert (path / file).read_bytes() == (whole / file).read_bytes()


@pytest.mark.parametrize(
    ("where", "kept", "way"),
    [
        ("epoch", 1, signal.SIGHUP),
        ("measuring", EPOCHS, signal.SIGTERM),
        ("saving", 1, signal.SIGINT),
    ],
)
def test_a_signal_keeps_the_last_epoch_whenever_it_comes(tmp_path, whole, where, kept, way):
    process = start(STOPS, where, *WORDS, "--out", tmp_path)
    wait_for(process, "stopped")
    process.send_signal(way)
    if where == "saving":
        process.send_signal(signal.SIGTERM)
    assert process.stdin is not None
    process.stdin.write("\n\n\n\n")
    process.stdin.flush()
    for _ in range(10_000):  # many more, whatever it is at
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.01)
            break
        process.send_signal(way)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 1 and "Traceback" not in error
    assert f"Stopped: epoch {kept} of {NAME} is kept; --resume goes on from there." in error
    check_resume(tmp_path, whole, kept)


def test_a_signal_while_the_finished_folder_is_written_leaves_it_finished(tmp_path, whole):
    process = start(STOPS, "finishing", *WORDS, "--out", tmp_path)
    wait_for(process, "stopped")
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate("\n\n\n\n", timeout=120)
    assert process.returncode == 1 and f"Stopped: {NAME} is finished." in error
    assert read_state(read_folder(tmp_path / NAME)) is None
    assert (tmp_path / NAME / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def test_two_trainings_of_one_name_are_one_until_the_first_is_killed(tmp_path, whole):
    first = start(STOPS, "epoch", *WORDS, "--out", tmp_path)
    wait_for(first, "stopped")
    for more in ((), ("--force",), ("--resume",)):
        second = within(*WORDS, "--out", tmp_path, "--latent-dims", "5,2", *more)
        assert second.exit_code == 1
        assert f"{NAME} is being trained or changed by process {first.pid};" in str(second.exception)
    assert [p.name for p in tmp_path.iterdir()] == [f".{NAME}.lock"]
    first.kill()
    first.communicate(timeout=60)
    assert within(*WORDS, "--out", tmp_path).exit_code == 0
    assert [p.name for p in tmp_path.iterdir()] == [NAME]


OWN_LOOP = """
import signal, sys
from vae.runs import Run, train_model

def leave(*_):
    sys.exit(7)  # as submitit does

if sys.argv[2] == "handler":
    signal.signal(signal.SIGTERM, leave)
records = train_model(Run("digits", "tutorial", 2, {"epochs": 3}), sys.argv[1], device="cpu", umap=False)
for record in records:
    print("stopped", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize(("way", "code"), [("handler", 7), ("no handler", 143)])
def test_a_program_that_leaves_its_own_loop_keeps_the_last_epoch(tmp_path, whole, way, code):
    process = start(OWN_LOOP, tmp_path, way)
    wait_for(process, "stopped")
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=120)
    assert (process.returncode, error) == (code, "")
    check_resume(tmp_path, whole, 1)
