"""A fault of the system that passes damages no model: what was known stays, and what could not be read is read at the next look."""

from __future__ import annotations

import errno
import http.client
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from digits_models import AE, COND, Z2, Z5, decoded
from idx_files import lay
from support import python

import vae.images
import vae.loaded_model
from vae import Explorer
from vae.data.sets import FILES
from vae.errors import CheckpointError, DataError, UnreadableError
from vae.folders.files import write_folder
from vae.folders.folder import list_models
from vae.ui.page_data import page_data

ALL = {Z2, Z5, AE, COND}


@pytest.fixture
def watched(copied, monkeypatch) -> Explorer:
    """An explorer that looks at its folder before each question and forgets what passes at once."""
    monkeypatch.setattr("vae.catalogue.LOOK_EVERY", 0.0)
    monkeypatch.setattr("vae.catalogue.FORGET_AFTER", 0.0)
    return Explorer(copied)


def names(explorer: Explorer) -> set[str]:
    return {model["name"] for model in explorer.models()}


class Failing:
    """Lets the system's calls fail for every path that a word stands in, until it is stopped."""

    def __init__(self) -> None:
        self.patched = pytest.MonkeyPatch()

    def __call__(self, word: str, number: int, *calls: str) -> None:
        for call in calls or ("open", "stat", "scandir", "listdir"):
            real = getattr(os, call)

            def refuse(path=".", *more, real=real, **named):
                if not isinstance(path, int) and word in os.fspath(path):
                    raise OSError(number, os.strerror(number), os.fspath(path))
                return real(path, *more, **named)

            self.patched.setattr(os, call, refuse)

    def stop(self) -> None:
        self.patched.undo()


@pytest.fixture
def failing():
    system = Failing()
    yield system
    system.stop()


CHILD = """
import json, os, resource, sys
import vae.catalogue
from vae import Explorer
from vae.ui.page_data import page_data
vae.catalogue.LOOK_EVERY = vae.catalogue.FORGET_AFTER = 0.0
explorer = Explorer(sys.argv[1])
explorer.models()
page_data(Explorer(sys.argv[1] + "/none").catalogue, True)  # what the page itself reads is read
said, models = {}, None
import numpy as np
explorer.decode(sys.argv[2], np.zeros((1, 2)))  # torch is loaded, and this model is in memory
os.utime(os.path.join(sys.argv[1], sys.argv[2], "metrics.json"))  # the stamps change: the list must be read anew
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
held = []
try:
    while True:
        held.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    pass
try:
    models = sorted(m["name"] for m in explorer.models())
    page = page_data(explorer.catalogue, True)
    for name in models:
        try:
            explorer.codes(name)
        except Exception as error:
            said[name] = [type(error).__name__, str(error)]
finally:
    for one in held:
        os.close(one)
after = page_data(explorer.catalogue, True)
print(json.dumps({"models": models, "said": said, "page": page["broken"],
    "after": sorted(m["name"] for m in after["models"]), "broken": after["broken"],
    "codes": [len(explorer.codes(name)["mu"]) for name in after["models"] for name in [name["name"]]]}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of open files differ")
def test_no_file_handle_left_loses_no_model_and_all_answer_once_there_are_some(copied):
    found = json.loads(python(CHILD, copied, Z2, timeout=120))
    assert set(found["models"]) == ALL, "the list loses none that was known"
    assert {kind for kind, _ in found["said"].values()} == {"UnreadableError"}
    for text in [text for _, text in found["said"].values()] + list(found["page"].values()):
        assert "could not be read now (Too many open files); try again." in text and "train" not in text[:8]
        assert "restore the folder" not in text
    assert set(found["after"]) == ALL and found["broken"] == {} and found["codes"] == [360] * 4


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process are Linux's")
def test_a_server_without_file_handles_gives_every_model_again_once_it_has_some(serve, copied, tmp_path):
    import resource

    server = serve(copied, tmp_path, "--public")
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)

    def asked(name: str) -> tuple[int, str]:
        line.request(
            "GET", f"/lx/models/{name}/model.safetensors", headers={"Host": f"127.0.0.1:{server.port}"}
        )
        answer = line.getresponse()
        content = answer.read()
        return answer.status, content.decode() if answer.status != 200 else ""

    assert asked(Z2)[0] == 200  # the connection is open
    (copied / Z5 / "metrics.json").touch()  # the list must be read anew
    before = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    # none more, whatever its threads close meanwhile; those that are open stay
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        said = [asked(name) for name in sorted(ALL)]
    finally:
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, before)
    assert {status for status, _ in said} == {503}
    assert all("could not be read now (Too many open files); try again." in text for _, text in said)
    assert not any(str(copied) in text for _, text in said)
    assert [asked(name)[0] for name in sorted(ALL)] == [200] * 4
    line.close()


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EIO, errno.ESTALE, errno.ENOMEM, errno.EACCES])
@pytest.mark.parametrize(
    "word", ["config.json", "metrics.json", "codes.safetensors", "model.safetensors", Z2]
)
def test_a_model_that_was_known_stays_listed_and_answers_once_the_fault_is_gone(
    watched, copied, failing, monkeypatch, word, number
):
    assert names(watched) == ALL
    (copied / Z2 / "history.json").write_text('{"epochs": [], "steps": []}')  # to be listed anew
    failing(word, number)
    assert names(watched) == ALL
    with pytest.raises(UnreadableError, match="; try again"):
        watched.decode(Z2, np.zeros((1, 2)))
    assert names(watched) == ALL
    failing.stop()
    assert names(watched) == ALL and watched.catalogue.broken() == {}
    watched.decode(Z2, np.zeros((1, 2)))


@pytest.mark.parametrize("word", ["config.json", Z2])
def test_a_model_that_could_not_be_read_when_first_listed_heals_although_no_stamp_changes(
    watched, failing, monkeypatch, word
):
    failing(word, errno.EIO, "open", "scandir")
    broken = watched.catalogue.broken()
    assert Z2 in broken and all(
        "could not be read now (Input/output error)" in text for text in broken.values()
    )
    with pytest.raises(UnreadableError):
        watched.codes(Z2)
    failing.stop()
    assert names(watched) == ALL and watched.catalogue.broken() == {}


@pytest.mark.parametrize("file", ["model.safetensors", "codes.safetensors"])
def test_a_fault_while_weights_or_codes_are_read_is_said_for_some_seconds_and_then_forgotten(
    copied, failing, monkeypatch, file
):
    monkeypatch.setattr("vae.catalogue.LOOK_EVERY", 0.0)
    explorer = Explorer(copied)
    before = explorer.catalogue.revision()
    failing(os.path.join(Z2, file), errno.EMFILE, "open")
    with pytest.raises(UnreadableError):
        explorer.decode(Z2, np.zeros((1, 2)))
    assert names(explorer) == ALL, "it can be asked about"
    assert "could not be read now" in explorer.catalogue.broken()[Z2]
    assert explorer.catalogue.revision() != before, "a page learns of it"
    assert explorer.catalogue.opens_with()[0] != Z2
    failing.stop()
    explorer.decode(Z2, np.zeros((1, 2)))
    assert explorer.catalogue.broken() == {} and explorer.catalogue.revision() == before


def test_a_page_that_opens_while_weights_cannot_be_hashed_lists_the_model_once_they_can(
    watched, failing, monkeypatch
):
    failing(os.path.join(Z2, "model.safetensors"), errno.EIO, "open")
    monkeypatch.setattr("vae.catalogue.FORGET_AFTER", 60.0)
    page = page_data(watched.catalogue, public=True)
    assert {m["name"] for m in page["models"]} == ALL - {Z2} and page["opens"] == Z5
    assert page["broken"] == {
        Z2: f"{Z2}/model.safetensors could not be read now (Input/output error); try again."
    }
    failing.stop()
    page = page_data(watched.catalogue, public=True)
    assert {m["name"] for m in page["models"]} == ALL and page["broken"] == {}


def test_a_fault_that_stays_is_said_without_a_break(watched, failing):
    names(watched)
    failing(os.path.join(Z2, "model.safetensors"), errno.EIO, "open")
    with pytest.raises(UnreadableError):
        watched.decode(Z2, np.zeros((1, 2)))
    said = [(watched.catalogue.broken(), watched.catalogue.revision()) for _ in range(3)]
    assert said[0] == said[1] == said[2] and list(said[0][0]) == [Z2]
    failing.stop()
    assert watched.catalogue.broken() == {} and watched.catalogue.revision() != said[0][1]


def test_no_memory_for_codes_charts_or_history_is_no_damage(watched, monkeypatch):
    for question in (watched.codes, watched.history):
        with monkeypatch.context() as full:
            full.setattr("vae.reading.pieces", lambda *_: (_ for _ in ()).throw(MemoryError()))
            with pytest.raises(UnreadableError, match="could not be read now .out of memory.; try again"):
                question(Z5)
        question(Z5)
    assert watched.catalogue.broken() == {}


@pytest.mark.parametrize("error", [MemoryError(), OSError(errno.EMFILE, "Too many open files")])
def test_a_fault_outside_of_the_files_is_no_damage_either(watched, monkeypatch, error):
    def fail(*_, **__):
        raise error

    with monkeypatch.context() as full:
        full.setattr(vae.loaded_model, "read_weights", fail)  # as while torch is imported
        with pytest.raises(UnreadableError, match=f"{Z2} could not be read now .*; try again"):
            watched.decode(Z2, np.zeros((1, 2)))
        full.setattr(vae.images, "load_split", fail)  # as while scikit-learn's own are opened
        with pytest.raises(UnreadableError, match="The images of digits could not be read now"):
            watched.catalogue.images("digits", "test")
    watched.decode(Z2, np.zeros((1, 2)))
    assert watched.catalogue.broken() == {} and len(watched.catalogue.images("digits", "test")) == 360


def test_charts_that_cannot_be_read_now_are_not_taken_as_absent(watched, copied, failing, monkeypatch):
    from safetensors.numpy import save_file

    save_file({"umap": np.zeros((360, 2), np.float32)}, copied / Z5 / "charts.safetensors")
    real = Path.lstat

    def refuse(path):
        if path.name == "charts.safetensors":
            raise OSError(errno.ESTALE, "Stale file handle")
        return real(path)

    with monkeypatch.context() as stale:
        stale.setattr(Path, "lstat", refuse)
        with pytest.raises(UnreadableError, match="charts.safetensors could not be read now"):
            vae.loaded_model.LoadedModel(list_and_keep(copied)[Z5])
    assert "umap" in watched.map(Z5)["charts"]


def list_and_keep(models: Path) -> dict:
    from vae.folders.folder import read_folder

    return {path.name: read_folder(path) for path in models.iterdir()}


# ---- the folder of the models ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EACCES, errno.ESTALE])
def test_a_models_folder_that_cannot_be_listed_for_a_moment_loses_nothing(
    watched, copied, failing, monkeypatch, number
):
    with pytest.raises(UnreadableError, match="models"):
        failing(copied.name, number, "scandir", "listdir")
        list_models(copied)
    failing.stop()
    assert names(watched) == ALL
    shutil.copytree(copied / Z2, copied / "new")
    failing(copied.name, number, "scandir", "listdir")
    assert names(watched) == ALL
    failing.stop()
    assert names(watched) == ALL | {"new"}


def test_a_models_folder_that_is_exchanged_keeps_what_was_known_until_it_is_there_again(watched, copied):
    before = watched.decode(Z2, np.zeros((1, 2)))
    aside = copied.rename(copied.with_name("aside"))
    assert names(watched) == ALL and (watched.decode(Z2, np.zeros((1, 2))) == before).all()
    with pytest.raises(CheckpointError, match="is missing"):
        watched.codes(Z5)
    assert names(watched) == ALL
    aside.rename(copied)
    assert names(watched) == ALL and watched.catalogue.broken() == {}
    assert len(watched.codes(Z5)["mu"]) == 360
    other = copied.with_name("other")
    shutil.copytree(copied / AE, other / "alone")
    copied.rename(aside)
    other.rename(copied)
    assert names(watched) == {"alone"}


# ---- a folder that is exchanged while it is read ---------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["read_codes", "read_charts", "read_weights"])
def test_a_model_in_memory_is_of_one_revision_whenever_its_folder_is_exchanged(
    watched, copied, monkeypatch, moment
):
    other = {path.name: path.read_bytes() for path in (copied / AE).iterdir()}
    real, exchanged = getattr(vae.loaded_model, moment), []

    def exchange(*arguments):
        found = real(*arguments)
        if not exchanged:
            exchanged.append(write_folder(copied / Z2, other, force=True))
        return found

    monkeypatch.setattr(vae.loaded_model, moment, exchange)
    z = np.array([[0.5, -0.5]])
    np.testing.assert_allclose(watched.decode(Z2, z), decoded(copied, AE, z), atol=1e-6)
    np.testing.assert_array_equal(watched.codes(Z2)["mu"], watched.codes(AE)["mu"])
    assert exchanged and watched.catalogue.broken() == {}


def test_a_folder_that_never_rests_is_said_after_some_attempts(watched, copied, monkeypatch):
    other = {path.name: path.read_bytes() for path in (copied / AE).iterdir()}
    real, exchanged = vae.loaded_model.read_codes, []

    def exchange(folder):
        found = real(folder)
        exchanged.append(write_folder(copied / Z2, other, force=True))
        return found

    with monkeypatch.context() as restless:
        restless.setattr(vae.loaded_model, "read_codes", exchange)
        with pytest.raises(UnreadableError, match="was replaced while it was read; try again"):
            watched.codes(Z2)
    assert 1 < len(exchanged) < 10
    assert len(watched.codes(Z2)["mu"]) == 360


def test_a_revision_is_of_the_weights_that_were_listed_or_of_none(watched, copied):
    folder = watched.catalogue.folder(Z2)
    write_folder(copied / Z2, {path.name: path.read_bytes() for path in (copied / AE).iterdir()}, force=True)
    with pytest.raises(UnreadableError, match="was replaced while it was read"):
        folder.revision  # noqa: B018
    assert watched.catalogue.folder(Z2).revision == watched.catalogue.folder(AE).revision


# ---- images ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def kmnist(copied, tmp_path) -> Path:
    data = tmp_path / "data"
    lay(data / "KMNIST" / "raw")
    return data


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EIO])
def test_images_that_cannot_be_read_now_are_not_called_damaged_and_come_with_the_next_question(
    copied, kmnist, failing, monkeypatch, number
):
    catalogue = Explorer(copied, kmnist).catalogue
    failing(FILES["test"][0], number, "open")
    assert not catalogue.images_at_hand("kmnist")
    fault = catalogue.images_fault("kmnist")
    assert isinstance(fault, UnreadableError) and "delete it" not in str(fault)
    with pytest.raises(UnreadableError, match="could not be read now"):
        catalogue.images("kmnist", "test")
    failing.stop()
    assert catalogue.images_fault("kmnist") is None and catalogue.images_at_hand("kmnist")
    assert len(catalogue.images("kmnist", "test"))


def test_garbage_in_the_place_of_test_images_is_said_once_for_each_state_of_the_file(
    copied, kmnist, monkeypatch
):
    file = kmnist / "KMNIST" / "raw" / FILES["test"][0]
    sound = file.read_bytes()
    file.write_bytes(b"garbage " * 100)
    catalogue, reads, real = Explorer(copied, kmnist).catalogue, [], vae.images.load_split
    monkeypatch.setattr("vae.images.load_split", lambda *a, **named: reads.append(a) or real(*a, **named))
    monkeypatch.setattr("vae.ui.page_data.ALWAYS", ("kmnist", "digits"))
    for _ in range(3):
        sets = {one["name"]: one for one in page_data(catalogue, public=True)["datasets"]}
        assert sets["kmnist"]["images"] is False and sets["digits"]["fault"] is None
        said = sets["kmnist"]["fault"]
        assert said.startswith("data/KMNIST/raw/") and "is not an idx file" in said and "delete" not in said
    assert "delete it" in str(catalogue.images_fault("kmnist")) and len(reads) == 1
    with pytest.raises(DataError, match="is not an idx file"):
        catalogue.fetch_images("kmnist")
    file.write_bytes(sound)
    sets = {one["name"]: one for one in page_data(catalogue, public=False)["datasets"]}
    assert sets["kmnist"]["images"] is True and sets["kmnist"]["fault"] is None


def test_images_that_are_absent_are_no_fault(copied, tmp_path):
    catalogue = Explorer(copied, tmp_path / "nothing").catalogue
    assert catalogue.images_fault("mnist") is None and not catalogue.images_at_hand("mnist")
