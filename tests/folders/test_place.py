"""What could not be written at the end is refused at the beginning, and asking leaves nothing behind."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

import vae.evaluate
from vae.errors import CheckpointError
from vae.folders.files import write_folder
from vae.folders.place import check_place, check_room


def test_a_place_that_can_be_written_is_left_as_it_was(tmp_path):
    check_place(tmp_path / "new" / "deeper" / "m")
    assert list(tmp_path.iterdir()) == []
    write_folder(tmp_path / "m", {"a": b"1"})
    check_place(tmp_path / "m")
    assert [p.name for p in tmp_path.rglob("*")] == ["m", "a"]


@pytest.mark.parametrize(
    "out",
    ["b" * 300, "/".join(["c" * 200] * 25), f"new/{'d' * 300}", "nul\0byte"],
    ids=lambda v: v[:5],
)
def test_a_path_that_no_disk_takes_is_refused_as_the_writer_would(tmp_path, out):
    with pytest.raises(CheckpointError, match="cannot be written .*choose another --out"):
        check_place(tmp_path / out / "m")
    with pytest.raises((CheckpointError, OSError, ValueError)):
        write_folder(tmp_path / out / "m", {"a": b"1"})


def test_a_path_whose_files_alone_are_too_long_is_refused(tmp_path):
    room = os.pathconf(tmp_path, "PC_PATH_MAX") - 10 - len(str(tmp_path))
    place = tmp_path / "/".join("e" * 99 for _ in range(room // 100)) / "m"
    with pytest.raises(CheckpointError, match="cannot be written .*[Tt]oo long"):
        check_place(place.parent / ("m" * (room % 100)))


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "m").write_text("a")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name, what in (
        ("m", "a file, which no model folder replaces"),
        ("link", "a link that leads to no folder"),
    ):
        with pytest.raises(CheckpointError, match=f"{name} is {what}"):
            check_place(tmp_path / name)
    assert (tmp_path / "m").read_text() == "a"


def test_a_folder_that_is_read_only_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(CheckpointError, match="is read-only for you; choose another --out"):
        check_place(tmp_path / "m")


def test_a_disk_that_takes_no_folder_is_refused_whatever_the_rights_say(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(CheckpointError, match="m cannot be written .*Read-only file system"):
        check_place(tmp_path / "m")


def test_a_disk_that_takes_a_folder_and_no_file_is_refused(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(CheckpointError, match="m cannot be written .*Read-only file system"):
        check_place(tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_where_a_disk_is_mounted_is_refused():
    with pytest.raises(CheckpointError, match="proc is where a disk is mounted"):
        check_place("/proc")


def test_room_that_the_disk_has_is_tried_and_given_back(tmp_path):
    free = shutil.disk_usage(tmp_path).free
    check_room(tmp_path / "new" / "m", 10_000_000, "m")
    assert list(tmp_path.iterdir()) == [] and shutil.disk_usage(tmp_path).free > free - 10_000_000


def test_a_disk_without_room_is_refused_with_the_numbers(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=1_500_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    monkeypatch.setattr(os, "posix_fallocate", lambda *_: pytest.fail("that would fill it"), raising=False)
    sentence = (
        r"Training m, n takes up to 2\.0 MB in .*, which has no room for it \(1\.5 MB are free\); free some"
    )
    with pytest.raises(CheckpointError, match=sentence):
        check_room(tmp_path / "m", 2_000_000, "m, n")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_quota_that_nothing_shows_is_met_by_trying(tmp_path, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "posix_fallocate", refuse, raising=False)
    with pytest.raises(CheckpointError, match=f"no room for it .{os.strerror(number)}"):
        check_room(tmp_path / "m", 2_000_000, "m")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_cannot_be_asked_about_its_room_is_no_obstacle(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "posix_fallocate", refuse, raising=False)
    monkeypatch.setattr(shutil, "disk_usage", refuse)
    check_room(tmp_path / "m", 2_000_000, "m")
    assert list(tmp_path.iterdir()) == []


def test_an_evaluation_that_could_not_be_stored_is_refused_before_it_computes(trained, tmp_path, monkeypatch):
    path = tmp_path / "my model"
    shutil.copytree(trained / "digits-tutorial-z2", path)
    monkeypatch.setattr(vae.evaluate, "load_split", lambda *_: pytest.fail("this comes after the check"))
    with pytest.raises(CheckpointError, match="The name 'my model' cannot be a model's"):
        vae.evaluate.evaluate(path, write=True)
