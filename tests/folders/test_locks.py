"""A name has one writer at a time, whose lock ends with its process, is no model and leaves nothing behind."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import subprocess
import sys

import numpy as np
import pytest
from support import ROOT, kept_running

from vae.errors import CheckpointError
from vae.evaluate import evaluate
from vae.folders import locks
from vae.folders.folder import list_models
from vae.folders.locks import Reservation
from vae.folders.stamps import stamps
from vae.runs import add_umap

HOLD = """
import sys
from pathlib import Path
from vae.folders.locks import Reservation
place = Reservation(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.readline()
"""


def another_process(path):
    """A process that holds the name until it is killed."""
    return kept_running(HOLD, path, says="held")


def test_a_second_writer_is_told_which_process_has_the_name_until_that_is_killed(tmp_path):
    path = tmp_path / "m"
    with another_process(path) as process:
        with pytest.raises(CheckpointError, match=f"m is being trained or changed by process {process.pid};"):
            Reservation(path)
        Reservation(tmp_path / "other").release()
    Reservation(path).release()  # kill -9 has left the file and no lock
    assert list(tmp_path.iterdir()) == []


def test_a_second_writer_in_the_same_process_is_refused_too(tmp_path):
    with Reservation(tmp_path / "m"):
        with pytest.raises(CheckpointError, match="by this very process"):
            Reservation(tmp_path / "m")
    with Reservation(tmp_path / "m") as again:
        again.release()
        again.release()
        with Reservation(tmp_path / "m"):
            again.release()  # which is nothing to it any more
            with pytest.raises(CheckpointError, match="being trained"):
                Reservation(tmp_path / "m")


def test_folders_that_were_made_for_a_lock_go_with_it_unless_they_are_used(tmp_path):
    first, second = (Reservation(tmp_path / "new" / "deeper" / name) for name in "ab")
    first.release()
    assert [p.name for p in (tmp_path / "new" / "deeper").iterdir()] == [".b.lock"]
    second.release()
    with Reservation(tmp_path / "more" / "m"):
        (tmp_path / "more" / "m").mkdir()
    assert (tmp_path / "more" / "m").is_dir()
    with Reservation(tmp_path / "less" / "m"):
        pass
    assert not (tmp_path / "less").exists()


def test_a_lock_is_no_model_and_changes_nothing_that_a_server_looks_at(copied):
    before = stamps(copied), [folder.stamp for folder in list_models(copied)[0]], list_models(copied)[1]
    with Reservation(copied / "digits-tutorial-z2"), Reservation(copied / "new"):
        during = stamps(copied), [folder.stamp for folder in list_models(copied)[0]], list_models(copied)[1]
    assert before == during and before[0]


RACE = """
import os, sys
from pathlib import Path
from vae.errors import CheckpointError
from vae.folders.locks import Reservation
path, had = Path(sys.argv[1]), 0
print("ready", flush=True)
sys.stdin.readline()
while had < 200:
    try:
        with Reservation(path / "m"):
            os.close(os.open(path / "alone", os.O_CREAT | os.O_EXCL))  # an error where another is in here
            os.unlink(path / "alone")
            had += 1
    except CheckpointError as error:
        assert "is being trained" in str(error), error
print("done", flush=True)
"""


def test_of_many_that_take_and_release_a_name_at_once_one_has_it_at_a_time(tmp_path):
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, str(tmp_path)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for racer in racers:
        assert racer.stdout is not None and racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    for racer in racers:
        said, error = racer.communicate(timeout=120)
        assert (racer.returncode, said) == (0, "done\n"), error
    assert list(tmp_path.iterdir()) == []


def test_a_lock_on_a_file_that_was_removed_meanwhile_counts_for_nothing(tmp_path, monkeypatch):
    first, others, original = Reservation(tmp_path / "m"), [], locks._open

    def late(file):
        handle = original(file)
        if not others:  # between opening and locking the first gives it back and another takes it
            others.append(None)
            first.release()
            others.append(Reservation(tmp_path / "m"))
        return handle

    monkeypatch.setattr(locks, "_open", late)
    with pytest.raises(CheckpointError, match="is being trained"):
        Reservation(tmp_path / "m")
    others[1].release()
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def no_locks(monkeypatch):
    """A disk as some network file systems are."""

    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks, "_lock", refuse)


def test_where_the_disk_knows_no_locks_a_file_that_names_the_process_stands_in(tmp_path, no_locks):
    with Reservation(tmp_path / "m"):
        with pytest.raises(CheckpointError, match=r"by this very process; wait .* \(or remove .*\.m\.owner"):
            Reservation(tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("whose", ["ended", "elsewhere", "unknown"])
def test_such_a_file_counts_unless_its_process_is_known_to_have_ended(tmp_path, no_locks, whose):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait(60)
    text = {
        "ended": f"{ended.pid} {socket.gethostname()}\n",
        "elsewhere": f"{ended.pid} another.computer\n",
        "unknown": "",
    }[whose]
    (tmp_path / ".m.owner").write_text(text)
    if whose == "ended":
        Reservation(tmp_path / "m").release()
        assert list(tmp_path.iterdir()) == []
        return
    who = {"elsewhere": f"process {ended.pid} on another.computer", "unknown": "another process"}[whose]
    with pytest.raises(CheckpointError, match=rf"changed by {who}; wait .*\(or remove .*owner"):
        Reservation(tmp_path / "m")
    assert (tmp_path / ".m.owner").read_text() == text


def test_a_lock_is_not_written_through_a_link(tmp_path):
    (tmp_path / "precious").write_text("text")
    (tmp_path / ".m.lock").symlink_to(tmp_path / "precious")
    with pytest.raises(CheckpointError, match="m cannot be written"):
        Reservation(tmp_path / "m")
    assert (tmp_path / "precious").read_text() == "text"


def test_a_pipe_in_the_place_of_a_lock_holds_nobody_up(tmp_path):
    os.mkfifo(tmp_path / ".m.lock")
    with Reservation(tmp_path / "m"):
        with pytest.raises(CheckpointError, match="being trained"):
            Reservation(tmp_path / "m")


def test_evaluating_and_charting_take_the_same_lock_as_a_training(trained, tmp_path, monkeypatch):
    path = tmp_path / "digits-tutorial-z5"
    shutil.copytree(trained / path.name, path)
    with Reservation(path):
        monkeypatch.setattr("vae.runs.fit_umap", lambda _: pytest.fail("this comes after the lock"))
        with pytest.raises(CheckpointError, match="is being trained or changed"):
            add_umap(path)
        assert evaluate(path, k=1)["elbo"]["value"] < 0  # which writes nothing
        monkeypatch.setattr("vae.evaluate.load_split", lambda *_: pytest.fail("this comes after the lock"))
        with pytest.raises(CheckpointError, match="is being trained or changed"):
            evaluate(path, k=1, write=True)


@pytest.mark.parametrize("command", ["evaluate", "charts"])
def test_what_was_computed_of_a_model_is_not_written_into_the_one_that_replaced_it(
    trained, tmp_path, monkeypatch, command
):
    path = tmp_path / "m"
    shutil.copytree(trained / "digits-tutorial-z5", path)

    def replaced(*_):
        shutil.rmtree(path)
        shutil.copytree(trained / "digits-tutorial-z2", path)
        return np.zeros((360, 2), np.float32)

    monkeypatch.setattr("vae.runs.fit_umap", replaced)
    monkeypatch.setattr("vae.evaluate.knn_accuracy", lambda *_: float(replaced()[0, 0]))
    monkeypatch.setattr("vae.evaluate.chart_metrics", lambda _: {})
    write = {
        "evaluate": lambda: evaluate(path, k=1, write=True, warn=lambda _: None),
        "charts": lambda: add_umap(path),
    }
    with pytest.raises(CheckpointError, match="m was replaced meanwhile, so nothing was written there"):
        write[command]()
    before = {file.name: file.read_bytes() for file in (trained / "digits-tutorial-z2").iterdir()}
    assert {file.name: file.read_bytes() for file in path.iterdir()} == before
