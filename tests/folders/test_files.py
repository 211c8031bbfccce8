"""How folders are written: whole or not at all, whoever is killed when and on whatever system."""

from __future__ import annotations

import ctypes
import errno
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from support import ROOT

from vae.errors import CheckpointError, UnreadableError
from vae.folders import files, locks
from vae.folders.files import json_bytes, read_tensors, recover, update_folder, write_folder
from vae.folders.folder import (
    list_models,
    load_model,
)


def test_an_existing_folder_is_replaced_only_by_force_and_then_wholly(folder):
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    with pytest.raises(CheckpointError, match="exists already; --force replaces it, --name"):
        write_folder(folder, {"a": b"1"})
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    write_folder(folder, {"a": b"1"}, force=True)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {"a": b"1"}
    update_folder(folder, {"b": b"2"})
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {"a": b"1", "b": b"2"}
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]


@pytest.mark.parametrize("name", ["..", ".hidden", "a b", "a/../b c", "-z2", "ä", "a" * 101, "a\nb", "a:b"])
def test_a_name_that_could_leave_the_folder_or_hide_is_refused(tmp_path, name):
    with pytest.raises(CheckpointError, match="cannot be a model's"):
        write_folder(tmp_path / "models" / name, {"a": b"1"})
    assert not list(tmp_path.rglob("a"))


def test_a_disk_that_refuses_is_a_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    write_folder(tmp_path / "m", {"a": b"old"})
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CheckpointError, match="cannot be written .*No space left.*--out"):
        write_folder(tmp_path / "m", {"a": b"new"}, force=True)
    assert [p.name for p in tmp_path.iterdir()] == ["m"] and (tmp_path / "m" / "a").read_bytes() == b"old"


def test_a_folder_whose_files_cannot_be_read_is_not_updated_and_says_so(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(5, "Input/output error")

    write_folder(tmp_path / "m", {"a": b"old"})
    with monkeypatch.context() as broken:
        broken.setattr(os, "open", refuse)
        with pytest.raises(UnreadableError, match="a could not be read now .Input/output error.; try again"):
            update_folder(tmp_path / "m", {"b": b"new"})
    with pytest.raises(UnreadableError, match="none could not be read now .No such file"):
        update_folder(tmp_path / "none", {"b": b"new"})
    assert [p.name for p in tmp_path.rglob("*")] == ["m", "a"]


@pytest.mark.parametrize("atomic", [True, False])
def test_ctrl_c_within_a_save_leaves_the_old_folder_and_no_rest(tmp_path, monkeypatch, atomic):
    def interrupt(handle):
        raise KeyboardInterrupt

    write_folder(tmp_path / "m", {"a": b"old"})
    monkeypatch.setattr("vae.folders.files._sync", interrupt)
    if not atomic:
        monkeypatch.setattr("vae.folders.files.RENAME_EXCHANGE", 1 << 20)
    with pytest.raises(KeyboardInterrupt):
        write_folder(tmp_path / "m", {"a": b"new"}, force=True)
    assert [p.name for p in tmp_path.iterdir()] == ["m"] and (tmp_path / "m" / "a").read_bytes() == b"old"


def test_reading_and_writing_finish_an_exchange_that_was_cut_short(sound, tmp_path):
    shutil.copytree(sound, tmp_path / f".{sound.name}.old")
    good, broken = list_models(tmp_path)
    assert [f.name for f in good] == [sound.name] and not broken
    (tmp_path / sound.name).rename(tmp_path / f".{sound.name}.old")
    load_model(tmp_path / sound.name)
    (tmp_path / sound.name).rename(tmp_path / f".{sound.name}.old")
    with pytest.raises(CheckpointError, match="exists already"):
        write_folder(tmp_path / sound.name, {"a": b"1"})


def test_rests_of_dead_writers_are_swept_and_those_of_living_ones_left(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for pid in (dead.pid, os.getppid()):
        (tmp_path / f".m.{pid}.tmp").mkdir()
    write_folder(tmp_path / "m", {"a": b"1"})
    assert {p.name for p in tmp_path.iterdir()} == {"m", f".m.{os.getppid()}.tmp"}


def no_library(name, **_):
    """`ctypes.CDLL(None)` on Windows."""
    raise TypeError("argument of type 'NoneType' is not iterable")


def old_library(name, **_):
    """A C library without renameat2."""
    return types.SimpleNamespace()


def refusing_library(name, **_):
    """One on a disk that cannot exchange."""
    return types.SimpleNamespace(renameat2=lambda *_: -1)


@pytest.mark.parametrize("library", [no_library, old_library, refusing_library])
def test_an_existing_folder_is_replaced_where_the_system_cannot_exchange_two(tmp_path, monkeypatch, library):
    monkeypatch.setattr(ctypes, "CDLL", library)
    for content in (b"1", b"2"):
        write_folder(tmp_path / "m", {"a": content}, force=True)
        assert {p.name: p.read_bytes() for p in (tmp_path / "m").iterdir()} == {"a": content}
    update_folder(tmp_path / "m", {"b": b"3"})
    assert {p.name for p in (tmp_path / "m").iterdir()} == {"a", "b"}
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_a_new_folder_that_cannot_take_its_place_leaves_the_old_one_there(tmp_path, monkeypatch):
    write_folder(tmp_path / "m", {"a": b"old"})
    monkeypatch.setattr(ctypes, "CDLL", no_library)
    rename = Path.rename

    def held_open(self, target):
        if self.suffix == ".tmp":
            raise PermissionError(13, "The process cannot access the file because it is being used")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", held_open)
    with pytest.raises(CheckpointError, match="m cannot be written .*being used"):
        write_folder(tmp_path / "m", {"a": b"new"}, force=True)
    assert [p.name for p in tmp_path.iterdir()] == ["m"] and (tmp_path / "m" / "a").read_bytes() == b"old"


def test_a_folder_is_saved_where_folders_cannot_be_opened_or_synchronised(tmp_path, monkeypatch):
    opened, synchronised = os.open, os.fsync
    refused = []

    def windows(path, flags, *more, **options):
        if Path(path).is_dir():
            refused.append(path)
            raise PermissionError(13, "Permission denied")
        return opened(path, flags, *more, **options)

    monkeypatch.setattr(os, "open", windows)
    write_folder(tmp_path / "m", {"a": b"1"})
    monkeypatch.undo()

    def network_disk(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            refused.append(handle)
            raise OSError(22, "Invalid argument")
        synchronised(handle)

    monkeypatch.setattr(os, "fsync", network_disk)
    write_folder(tmp_path / "m", {"a": b"2"}, force=True)
    assert len(refused) == 4 and (tmp_path / "m" / "a").read_bytes() == b"2"


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS, errno.ENOTSUP])
def test_a_folder_is_saved_on_a_disk_that_synchronises_nothing(tmp_path, monkeypatch, number):
    def refuse(handle):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    write_folder(tmp_path / "m", {"a": b"1"})
    write_folder(tmp_path / "m", {"a": b"2"}, force=True)
    assert (tmp_path / "m" / "a").read_bytes() == b"2"


def test_a_writer_of_another_user_is_left_alone_and_a_number_beyond_all_processes_is_swept(
    tmp_path, monkeypatch
):
    for pid in (4321, 10**30):
        (tmp_path / f".m.{pid}.tmp").mkdir()

    def kill(pid, number):
        assert number == 0
        if pid == 4321:
            raise PermissionError(1, "Operation not permitted")
        raise OverflowError("signed integer is greater than maximum")

    monkeypatch.setattr(os, "kill", kill)
    write_folder(tmp_path / "m", {"a": b"1"})
    assert {p.name for p in tmp_path.iterdir()} == {"m", ".m.4321.tmp"}


def test_where_processes_cannot_be_asked_about_only_old_rests_are_swept_and_no_process_is_ended(
    tmp_path, monkeypatch
):
    fresh, old = tmp_path / ".m.4321.tmp", tmp_path / ".m.4322.tmp"
    fresh.mkdir()
    old.mkdir()
    os.utime(old, (0, 0))

    def kill(pid, number):
        raise AssertionError(f"on Windows this ends process {pid}")

    monkeypatch.setattr(os, "kill", kill)
    for module in (files, locks):
        monkeypatch.setattr(module, "os", types.SimpleNamespace(**vars(os) | {"name": "nt"}))
    write_folder(tmp_path / "m", {"a": b"1"})
    assert {p.name for p in tmp_path.iterdir()} == {"m", fresh.name}


WRITER = """
import os, signal, sys
from pathlib import Path
import vae.folders.files as c
from vae.folders.folder import read_folder
path, atomic, versions = Path(sys.argv[1]), sys.argv[2] == "atomic", [Path(v) for v in sys.argv[3:5]]
if not atomic:
    c.RENAME_EXCHANGE = 1 << 20  # no such flag: the system refuses, as one without renameat2 does
files = [{p.name: p.read_bytes() for p in v.iterdir()} for v in versions]
"""


LOOP = """
turn = 0
while True:
    turn += 1
    c.write_folder(path, files[turn % 2], force=True)
    if turn == 1:
        print("ready", flush=True)
"""


STEPS = """
def killed_at(place):
    seen = 0
    def watch(event, arguments):
        nonlocal seen
        if event == "open" or event.split(".")[0] in ("os", "shutil", "ctypes"):
            seen += 1
            if seen == place:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(watch)
    c.write_folder(path, files[place % 2], force=True)
    os._exit(0)

place, outcomes = 0, []
while True:
    place += 1
    child = os.fork()
    if child == 0:
        killed_at(place)
    status = os.waitpid(child, 0)[1]
    folder = read_folder(path)
    found = {p.name: p.read_bytes() for p in path.iterdir()}
    assert found in files, (place, sorted(found))
    if os.waitstatus_to_exitcode(status) == 0:
        break
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, status
    outcomes.append(files.index(found) == place % 2)
assert True in outcomes and False in outcomes and place > 15, (place, outcomes)
print(place)
"""


@pytest.fixture
def versions(sound, trained, tmp_path) -> list[str]:
    """Two folders of one shape, of which a writer writes one over the other."""
    return [str(sound), str(trained / "digits-tutorial-z2")]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


@pytest.mark.parametrize("way", ["atomic", "fallback"])
def test_a_writer_killed_before_any_of_its_steps_leaves_one_version_whole(tmp_path, versions, way):
    target = tmp_path / "m"
    shutil.copytree(versions[0], target)
    done = subprocess.run(
        [sys.executable, "-c", WRITER + STEPS, str(target), way, *versions],
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    load_model(target)


@pytest.mark.parametrize("way", ["atomic", "fallback"])
def test_a_writer_killed_at_any_time_leaves_a_folder_that_loads(tmp_path, versions, way):
    target, chance = tmp_path / "m", random.Random(way)
    contents = [{p.name: p.read_bytes() for p in Path(v).iterdir()} for v in versions]
    for _ in range(10):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER + LOOP, str(target), way, *versions],
            env=environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert writer.stdout is not None and writer.stdout.readline() == "ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            writer.wait(timeout=chance.uniform(0, 0.05))
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        load_model(target)
        assert [f.name for f in list_models(tmp_path)[0]] == ["m"]
        assert {p.name: p.read_bytes() for p in target.iterdir()} in contents
    write_folder(target, contents[0], force=True)
    assert [p.name for p in tmp_path.iterdir()] == ["m"]  # the next writer swept up after the killed ones


def test_json_with_a_number_that_is_not_finite_is_not_written():
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_bytes({"value": float("nan")})


def test_read_tensors_agrees_with_the_safetensors_library(tmp_path):
    rng = np.random.default_rng(0)
    tensors = {
        "a": rng.normal(size=(3, 4)).astype(np.float16),
        "b": rng.normal(size=5).astype(np.float32),
        "c": np.array([7]),
        "d": np.zeros((0, 2), np.float32),
    }
    save_file(tensors, tmp_path / "t", metadata={"who": "a test"})
    found = read_tensors(
        tmp_path / "t",
        {"a": ("F16", (3, 4)), "b": ("F32", (None,)), "c": ("I64", (1,)), "d": ("F32", (None, 2))},
    )
    for name, value in tensors.items():
        assert found[name].dtype == value.dtype
        np.testing.assert_array_equal(found[name], value)


def test_a_link_to_a_model_folder_is_written_through_and_stays_a_link(tmp_path):
    write_folder(tmp_path / "store" / "m", {"a": b"old", "b": b"kept"})
    (tmp_path / "models").mkdir()
    link = tmp_path / "models" / "m"
    link.symlink_to(tmp_path / "store" / "m")
    update_folder(link, {"a": b"new"})
    assert link.is_symlink() and (tmp_path / "store" / "m" / "a").read_bytes() == b"new"
    write_folder(link, {"a": b"whole"}, force=True)
    assert link.is_symlink() and [p.name for p in (tmp_path / "store" / "m").iterdir()] == ["a"]
    assert sorted(p.name for p in (tmp_path / "models").iterdir()) == ["m"]


def test_a_link_that_leads_nowhere_is_in_the_way_and_is_replaced_when_forced(tmp_path):
    (tmp_path / "m").symlink_to("nowhere")
    with pytest.raises(CheckpointError, match="exists already"):
        write_folder(tmp_path / "m", {"a": b"x"})
    write_folder(tmp_path / "m", {"a": b"x"}, force=True)
    assert [p.name for p in tmp_path.iterdir()] == ["m"] and (tmp_path / "m" / "a").read_bytes() == b"x"


def test_a_path_without_a_name_needs_no_recovery(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    recover(Path("."))
