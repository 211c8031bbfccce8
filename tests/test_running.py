"""A server announces itself to its own user alone and for as long as it lives; a training lowers its priority and no other's."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile

import pytest
from command_line import TRAIN, start
from support import ROOT, kept_running

from vae import running

SERVER = """
import sys
from vae.running import announce
announce()
announce()
print("announced", flush=True)
sys.stdin.readline()
"""


def server():
    """A process that announces itself as a server does, until it is killed."""
    return kept_running(SERVER, says="announced")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A computer on which no server of this user runs yet."""
    (tmp_path / "runtime").mkdir()
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


@pytest.mark.parametrize("runtime", ["runtime", "missing"])
def test_a_server_is_seen_while_it_lives_and_no_longer_when_it_is_killed(place, monkeypatch, runtime):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place / runtime))
    assert not running.server_is_running()
    with server() as first:
        assert running.server_is_running()
        with server():
            first.kill()
            first.wait(60)
            assert running.server_is_running()
    assert not running.server_is_running()
    made = list(place.glob("*/latent-explorer*"))
    assert made and all(folder.stat().st_mode & 0o777 == 0o700 for folder in made)


@pytest.fixture
def private(tmp_path, monkeypatch):
    """An announcement's folder, which the test spoils."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(running, "_announced", [])
    (folder,) = {*running._folders()}
    return folder


def test_a_folder_that_others_may_write_is_not_used(private):
    private.mkdir()
    private.chmod(0o777)
    running.announce()
    assert running._announced == [] and list(private.iterdir()) == []


def test_nothing_is_written_through_a_link_of_another(private, tmp_path):
    (tmp_path / "theirs").mkdir(mode=0o700)
    private.symlink_to(tmp_path / "theirs")
    running.announce()
    assert running._announced == [] and list((tmp_path / "theirs").iterdir()) == []
    private.unlink()
    private.mkdir(mode=0o700)
    (private / running.FILE).symlink_to(tmp_path / "theirs" / "made")
    running.announce()
    assert running._announced == [] and list((tmp_path / "theirs").iterdir()) == []


@pytest.mark.parametrize("place", ["/proc", "relative", "nul\0byte", "/dev/null"])
def test_without_a_place_there_is_no_announcement_and_no_error(monkeypatch, place):
    def none():
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    if "\0" in place:
        monkeypatch.setattr(os, "environ", {"XDG_RUNTIME_DIR": "/" + place})
    else:
        monkeypatch.setenv("XDG_RUNTIME_DIR", place)
    monkeypatch.setattr(running, "_announced", [])
    running.announce()
    assert running._announced == [] and not running.server_is_running()


LOWER = """
import json, os, threading
from vae.running import lower_priority
here, go = threading.Event(), threading.Event()
def wait():
    here.set()
    go.wait()
thread = threading.Thread(target=wait)
thread.start()
here.wait()
for nice in (7, 3):
    lower_priority(nice)
print(json.dumps([os.getpriority(os.PRIO_PROCESS, 0), os.getpriority(os.PRIO_PROCESS, thread.native_id)]))
go.set()
"""


def test_every_thread_of_a_process_is_lowered_and_none_raised_again():
    before = os.getpriority(os.PRIO_PROCESS, 0)
    done = subprocess.run(
        [sys.executable, "-c", LOWER], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert json.loads(done.stdout) == [max(before, 7)] * 2
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


BESIDE = "A server of Latent Explorer is running: this training runs at low priority (--nice {})."


PRIORITY = """
import json, os, sys
from vae.running import Priority
said = []
priority = Priority(json.loads(sys.argv[1]), said.append)
priority.look()
priority.look()
print(json.dumps([said, os.getpriority(os.PRIO_PROCESS, 0)]))
"""


@pytest.mark.parametrize(
    ("asked", "serves", "nice", "sentence"),
    [
        ("null", True, running.NICE, BESIDE.format(running.NICE)),
        ("3", True, 3, BESIDE.format(3)),
        ("0", True, 0, None),
        ("null", False, 0, None),
        ("5", False, 5, "This training runs at low priority (--nice 5)."),
    ],
)
def test_a_training_runs_at_low_priority_beside_a_server_or_where_it_is_asked_to(
    place, asked, serves, nice, sentence
):
    with server() if serves else contextlib.nullcontext():
        done = subprocess.run(
            [sys.executable, "-c", PRIORITY, asked], cwd=ROOT, capture_output=True, text=True, timeout=60
        )
    said, found = json.loads(done.stdout)
    assert said == [sentence] * (sentence is not None)
    assert found == max(nice, os.getpriority(os.PRIO_PROCESS, 0))


TRAINING = """
import atexit, os, sys
import vae.checkpoint
from vae.__main__ import main

take = vae.checkpoint.Checkpoint.take

def stopped(checkpoint, record):
    take(checkpoint, record)
    print("epoch", record.epoch, "is held", flush=True)
    sys.stdin.readline()

vae.checkpoint.Checkpoint.take = stopped
atexit.register(lambda: print("priority", os.getpriority(os.PRIO_PROCESS, 0), flush=True))
main()
"""


def test_a_server_that_starts_later_is_noticed_by_the_next_epoch(place, tmp_path):
    process = start(TRAINING, *TRAIN, "--epochs", "3", "--out", tmp_path / "out")
    assert process.stdout is not None
    early = []
    for line in process.stdout:
        early.append(line)
        if "epoch 1 is held" in line:
            break
    with server():
        said, error = process.communicate("\n\n\n", timeout=120)
    assert not any("low priority" in line for line in early)
    assert said.count(BESIDE.format(running.NICE)) == 1, error
    assert f"priority {max(os.getpriority(os.PRIO_PROCESS, 0), running.NICE)}\n" in said
