"""Folders in which files are no files, lead elsewhere or grow: refused without being read, and no obstacle to the others."""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
from pathlib import Path

import pytest
from support import python

import vae.reading
from vae.errors import CheckpointError, UnreadableError
from vae.folders.files import hash_of, update_folder
from vae.folders.folder import examine, list_models, load_model, read_codes, read_folder
from vae.reading import Missing, Refused, open_file, read_whole

FILES = (
    "config.json",
    "model.safetensors",
    "codes.safetensors",
    "metrics.json",
    "history.json",
    "charts.safetensors",
    "training_state.safetensors",
)
posix = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes and devices in folders")


def pipe(file: Path) -> None:
    os.mkfifo(file)


def local_socket(file: Path) -> None:
    """A socket's address is at most about a hundred characters long, so it is made in the folder itself."""
    before = os.getcwd()
    os.chdir(file.parent)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(file.name)
    finally:
        os.chdir(before)


def device(file: Path) -> None:
    file.symlink_to("/dev/zero")


def link_out(file: Path) -> None:
    outside = file.parents[1] / "outside"
    outside.write_bytes(b"{}")
    file.symlink_to(outside)


def link_to_itself(file: Path) -> None:
    file.symlink_to(file.name)


def directory(file: Path) -> None:
    file.mkdir()


# In a process of its own, with little memory: what is read in spite of all cannot take the machine's.
CHILD = """
import resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
from vae.errors import CheckpointError
from vae.folders.files import hash_of, read_tensors, update_folder
from vae.folders.folder import list_models, read_charts, read_codes, read_folder, read_history
path, file = Path(sys.argv[1]), sys.argv[2]
def all_of_it():
    folder = read_folder(path)
    read_codes(folder), read_charts(folder), read_history(path)
    folder.revision
    read_tensors(path / "training_state.safetensors", {})
def fault(ask):
    try:
        ask()
    except CheckpointError as error:
        return str(error)
print(fault(all_of_it))
good, broken = list_models(path.parent)
print([folder.name for folder in good], broken[path.name])
"""


CASES = [(make, file) for make in (pipe, device, link_out) for file in FILES]
CASES += [(make, file) for make in (local_socket, link_to_itself, directory) for file in FILES[:2]]


@posix
@pytest.mark.parametrize(("make", "file"), CASES, ids=lambda v: getattr(v, "__name__", v))
def test_what_is_no_file_of_the_folder_is_refused_without_being_read(sound, tmp_path, make, file):
    bad, good = tmp_path / "bad", tmp_path / "good"
    for one in (bad, good):
        shutil.copytree(sound, one)
    (bad / file).unlink()
    make(bad / file)
    read, listed = python(CHILD, bad, file, timeout=60).splitlines()
    assert file in read and "cannot be read, it is" in read
    assert listed.startswith("['good']") and file in listed and "cannot be read, it is" in listed


@posix
def test_a_link_to_another_file_of_the_same_folder_and_to_whole_folders_is_followed(sound, tmp_path):
    models = tmp_path / "models"
    real = Path(shutil.copytree(sound, models / "real"))
    (real / "config.json").rename(real / "config of today.json")
    (real / "config.json").symlink_to("config of today.json")
    os.link(real / "codes.safetensors", tmp_path / "a hard link")
    (models / "linked").symlink_to(real)
    (tmp_path / "elsewhere").symlink_to(models)
    good, broken = list_models(tmp_path / "elsewhere")
    assert {folder.name for folder in good} == {"real", "linked"} and not broken
    load_model(tmp_path / "elsewhere" / "linked")
    assert len(read_folder(tmp_path / "elsewhere" / "linked").revision) == 8


@posix
def test_an_update_copies_nothing_from_outside_into_the_folder(folder):
    secret = folder.parent / "secret"
    secret.write_text("of somebody else")
    (folder / "notes.txt").symlink_to(secret)
    with pytest.raises(CheckpointError, match="notes.txt: cannot be read, it is a link that leads out"):
        update_folder(folder, {"charts.safetensors": b""})
    assert (folder / "notes.txt").is_symlink()


class Growing(io.FileIO):
    """A file to which somebody appends whenever it is read."""

    def read(self, size: int = -1) -> bytes:
        with open(self.name_of, "ab") as end:
            end.write(b"x" * 40)
        return super().read(size)


def test_a_file_that_grows_while_it_is_read_is_read_up_to_its_limit_and_never_believed(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_bytes(b"x" * 10)

    def opened(path, folder=None):
        found = Growing(path)
        found.name_of = path
        return found

    monkeypatch.setattr(vae.reading, "open_file", opened)
    with pytest.raises(Refused, match="holds more than 30 bytes"):
        read_whole(file, 30)

    class Once(Growing):
        def read(self, size: int = -1) -> bytes:
            return super().read(size) if self.tell() == 0 else b""

    monkeypatch.setattr(vae.reading, "open_file", lambda path, folder=None: once(path))

    def once(path):
        found = Once(path)
        found.name_of = path
        return found

    with pytest.raises(UnreadableError, match="was changed while it was read; try again"):
        read_whole(file, 1000)


@posix
def test_a_file_that_becomes_a_pipe_between_the_question_and_the_opening_is_never_waited_for(
    tmp_path, monkeypatch
):
    file = tmp_path / "file"
    file.write_bytes(b"x")
    real = os.open

    def exchanged(path, flags, *more):
        os.unlink(path)
        os.mkfifo(path)
        return real(path, flags, *more)

    monkeypatch.setattr(os, "open", exchanged)
    with pytest.raises(Refused, match="it is not a file"):
        open_file(file)


@posix
def test_a_file_that_becomes_a_link_before_it_is_opened_is_not_followed(tmp_path, monkeypatch):
    file, secret, real = tmp_path / "file", tmp_path / "secret", os.open
    for one in (file, secret):
        one.write_bytes(b"x")

    def exchanged(path, flags, *more):
        os.unlink(path)
        os.symlink(secret, path)
        return real(path, flags, *more)

    monkeypatch.setattr(os, "open", exchanged)
    with pytest.raises(UnreadableError, match="file could not be read now"):
        open_file(file)


def test_what_is_missing_is_told_from_what_is_refused(tmp_path):
    (tmp_path / "file").touch()
    for absent in (tmp_path / "none", tmp_path / "file" / "below"):
        with pytest.raises(Missing, match="is missing"):
            open_file(absent)


@pytest.mark.parametrize(
    "error", [MemoryError(), RecursionError("deep"), ValueError("odd"), KeyError("k"), OSError(5, "I/O")]
)
def test_nothing_in_one_folder_keeps_the_others_from_being_listed(sound, tmp_path, monkeypatch, error):
    for name in ("a", "b", "c"):
        shutil.copytree(sound, tmp_path / name)

    def read(path, named=None):
        if path.name == "b":
            raise error
        return read_folder(path, named)

    monkeypatch.setattr("vae.folders.folder.read_folder", read)
    good, broken = examine(tmp_path)
    assert [folder.name for folder in good] == ["a", "c"] and list(broken) == ["b"]
    passing = isinstance(error, (MemoryError, OSError))
    assert isinstance(broken["b"], UnreadableError) == passing
    assert ("could not be read now" in str(broken["b"])) == passing


def test_a_folder_whose_name_breaks_a_line_is_named_as_such(sound, tmp_path):
    shutil.copytree(sound, tmp_path / "two\nlines\x1b[31m")
    good, broken = list_models(tmp_path)
    assert good == [] and "has a control character in its name; rename it." in next(iter(broken.values()))


def test_weights_larger_than_the_net_in_the_config_are_refused_before_they_are_read(folder):
    with (folder / "model.safetensors").open("r+b") as file:
        file.truncate(1 << 30)  # sparse, and below what any file may have
    with pytest.raises(CheckpointError, match="model.safetensors: holds 1073741824 bytes"):
        load_model(folder)
    assert len(hash_of(folder / "config.json")) == 64


@pytest.mark.parametrize("value", [11.1, 60000.0, 89.0])
def test_a_variance_that_float32_cannot_hold_is_refused(folder, value):
    from safetensors.numpy import load_file, save_file

    codes = load_file(folder / "codes.safetensors")
    codes["logvar"] = codes["logvar"].copy()
    codes["logvar"][7] = value
    save_file(codes, folder / "codes.safetensors")
    if value < 20:
        assert read_codes(read_folder(folder))["logvar"].max() > 11
        return
    with pytest.raises(CheckpointError, match=r"codes.safetensors: logvar holds .* in row 7, a variance"):
        read_codes(read_folder(folder))


def test_no_fault_of_the_system_is_called_damage(folder, monkeypatch):
    real = os.open
    for number in (24, 23, 5, 116, 12, 13, 16):

        def refuse(path, flags, *more, number=number, **named):
            if "config.json" in os.fspath(path):
                raise OSError(number, os.strerror(number))
            return real(path, flags, *more, **named)

        with monkeypatch.context() as broken:
            broken.setattr(os, "open", refuse)
            with pytest.raises(UnreadableError) as caught:
                load_model(folder)
            reason = list_models(folder.parent)[1][folder.name]
        for text in (str(caught.value), reason):
            assert f"config.json could not be read now ({os.strerror(number)}); try again." in text
            assert "train" not in text.replace(folder.as_posix(), "")
    load_model(folder)
    assert json.loads((folder / "config.json").read_text())["format"] == 1
