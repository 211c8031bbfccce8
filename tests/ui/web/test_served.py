"""The files that a browser reads come as they lie on disk, and again whenever they have changed."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from pathlib import Path

import anyio.from_thread
import pytest
from digits_models import AE, COND, Z2, Z5
from starlette.applications import Starlette
from starlette.testclient import TestClient

import vae.ui.web.served
from vae.catalogue import Catalogue
from vae.errors import UnreadableError
from vae.folders.files import write_folder
from vae.ui.web.served import OpenedFile, routes

WEIGHTS = f"/lx/models/{Z2}/model.safetensors"


@pytest.fixture
def client(copied: Path, monkeypatch) -> TestClient:
    monkeypatch.setattr("vae.catalogue.LOOK_EVERY", 0.0)
    return TestClient(Starlette(routes=routes(Catalogue(copied))))


def changed(content: bytes) -> bytes:
    """Other weights of the same size."""
    return content[:-2] + bytes([content[-2] ^ 1]) + content[-1:]


@pytest.mark.parametrize("whole", [True, False], ids=["folder replaced", "file written over"])
def test_weights_of_the_same_time_and_size_are_sent_anew(client, copied, whole):
    for file in (copied / Z2).iterdir():
        os.utime(file, (1e9, 1e9))
    first = client.get(WEIGHTS)
    asked = {"If-None-Match": first.headers["etag"], "If-Modified-Since": first.headers["last-modified"]}
    assert client.get(WEIGHTS, headers=asked).status_code == 304
    if whole:
        shutil.copytree(copied / Z2, copied / ".new")
    file = copied / (".new" if whole else Z2) / "model.safetensors"
    content = changed(first.content)
    with file.open("r+b") as opened:
        opened.write(content)
    for one in file.parent.iterdir():
        os.utime(one, (1e9, 1e9))
    if whole:
        shutil.rmtree(copied / Z2)
        (copied / ".new").rename(copied / Z2)
    again = client.get(WEIGHTS, headers=asked)
    assert again.status_code == 200 and again.content == content
    assert again.headers["last-modified"] == first.headers["last-modified"]
    since = {"If-Modified-Since": first.headers["last-modified"]}
    assert client.get(WEIGHTS, headers=since).content == content, "the time alone tells nothing"


def test_a_part_of_a_file_can_be_asked_for(client, copied):
    part = client.get(WEIGHTS, headers={"Range": "bytes=10-19"})
    assert part.status_code == 206
    assert part.content == (copied / Z2 / "model.safetensors").read_bytes()[10:20]


def test_a_model_that_is_noted_as_broken_is_not_served(copied):
    catalogue = Catalogue(copied)
    client = TestClient(Starlette(routes=routes(catalogue)))
    assert client.get(WEIGHTS).status_code == 200
    with (copied / Z2 / "model.safetensors").open("r+b") as file:
        file.truncate(3 << 30)  # sparse
    catalogue.refresh()
    assert {folder.name for folder, _ in catalogue.revisions()} == {Z5, AE, COND}
    assert client.get(WEIGHTS).status_code == 404
    assert client.get(f"/lx/models/{Z5}/model.safetensors").status_code == 200


# ---- the revision that is asked for ----------------------------------------------------------------------------------


def revision(path: Path) -> str:
    return hashlib.sha256((path / "model.safetensors").read_bytes()).hexdigest()[:8]


def replaced(copied: Path, by: str) -> None:
    """Another model takes the place of the first, as a training writes it."""
    files = {path.name: path.read_bytes() for path in (copied / by).iterdir()}
    write_folder(copied / Z2, files, force=True)


@pytest.mark.parametrize("file", ["model.safetensors", "codes.safetensors"])
def test_a_file_of_another_revision_than_the_one_asked_for_is_refused(client, copied, file):
    address, rev = f"/lx/models/{Z2}/{file}", revision(copied / Z2)
    first = client.get(address, params={"rev": rev})
    assert first.status_code == 200 and first.content == (copied / Z2 / file).read_bytes()
    replaced(copied, AE)
    again = client.get(address, params={"rev": rev}, headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 409 and again.headers["cache-control"] == "no-store"
    assert Z2 in again.json()["error"] and again.json()["error"].endswith(".")
    assert client.get(address).content == (copied / AE / file).read_bytes()
    now = client.get(address, params={"rev": revision(copied / AE)})
    assert now.status_code == 200 and now.content == (copied / AE / file).read_bytes()


@pytest.mark.parametrize("rev", ["", "0", "zzzzzzzz", "0" * 8, "a" * 5000])
def test_a_revision_that_no_model_has_is_refused(client, rev):
    assert client.get(WEIGHTS, params={"rev": rev}).status_code == 409


def test_a_model_replaced_since_the_last_look_is_sent_and_refused_as_what_it_is_now(copied):
    client = TestClient(Starlette(routes=routes(Catalogue(copied))))  # looks once a second
    rev = revision(copied / Z2)
    assert client.get(WEIGHTS, params={"rev": rev}).status_code == 200
    replaced(copied, AE)
    assert client.get(WEIGHTS, params={"rev": rev}).status_code == 409
    assert client.get(WEIGHTS, params={"rev": revision(copied / AE)}).status_code == 200


def test_a_file_replaced_while_it_is_sent_goes_on_as_it_began(client, copied, monkeypatch):
    monkeypatch.setattr("vae.ui.web.served.PIECE", 100)
    before, real = (copied / Z2 / "model.safetensors").read_bytes(), vae.ui.web.served.run_in_threadpool
    pieces = []

    async def piece(*arguments):
        if not pieces:
            replaced(copied, AE)
        pieces.append(await real(*arguments))
        return pieces[-1]

    monkeypatch.setattr("vae.ui.web.served.run_in_threadpool", piece)
    with anyio.from_thread.start_blocking_portal() as portal:
        sent = portal.call(answered, client.app, WEIGHTS)
    assert len(pieces) > 10 and sent == before


async def answered(app, path: str) -> bytes:
    """What an ASGI application sends for a path."""
    sent = []
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [],
        "root_path": "",
    }

    async def send(message):
        sent.append(message.get("body", b""))

    async def receive():
        return {"type": "http.request", "body": b""}

    await app(scope, receive, send)
    return b"".join(sent)


@pytest.mark.parametrize(
    ("wanted", "status", "part"),
    [
        ("bytes=0-0", 206, slice(0, 1)),
        ("bytes=5-", 206, slice(5, None)),
        ("bytes=-7", 206, slice(-7, None)),
        ("bytes=0-999999999999", 206, slice(None)),
        ("bytes=-999999999999", 206, slice(None)),
        ("bytes=9-2", 200, slice(None)),
        ("bytes=1-2,4-5", 200, slice(None)),
        ("bytes=-", 200, slice(None)),
        ("bytes=999999999999-", 200, slice(None)),
        ("lines=1-2", 200, slice(None)),
    ],
)
def test_parts_are_sent_as_asked_and_the_whole_where_that_makes_no_sense(
    client, copied, wanted, status, part
):
    content = (copied / Z2 / "model.safetensors").read_bytes()
    answer = client.get(WEIGHTS, headers={"Range": wanted})
    assert (answer.status_code, answer.content) == (status, content[part])
    assert int(answer.headers["content-length"]) == len(answer.content)


def test_the_head_of_a_file_is_told_without_it(client, copied):
    answer = client.head(WEIGHTS)
    size = (copied / Z2 / "model.safetensors").stat().st_size
    assert answer.status_code == 200 and not answer.content and answer.headers["content-length"] == str(size)


@pytest.mark.parametrize(
    "path", ["", "/", f"/{Z2}", f"/{Z2}/", f"/{Z2}/config.json", f"/{Z2}/../{Z5}/x", "/%2e%2e/a"]
)
def test_every_other_address_does_not_exist(client, path):
    assert client.get("/lx/models" + path).status_code == 404
    assert client.post(WEIGHTS).status_code == 405


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in folders")
@pytest.mark.parametrize("kind", ["pipe", "device", "link out", "folder"])
def test_what_is_no_file_of_the_folder_is_not_served(copied, tmp_path, kind):
    catalogue = Catalogue(copied)
    assert Z2 in catalogue.folders()  # listed while its files were sound
    file, secret = copied / Z2 / "codes.safetensors", tmp_path / "secret"
    secret.write_text("of somebody else")
    file.unlink()
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    else:
        file.symlink_to("/dev/zero" if kind == "device" else secret)
    client = TestClient(Starlette(routes=routes(catalogue)))
    assert client.get(f"/lx/models/{Z2}/codes.safetensors").status_code == 404


def test_no_handle_is_left_open_whatever_is_answered(client, copied):
    handles = Path("/proc/self/fd")
    if not handles.is_dir():
        pytest.skip("open handles are counted in /proc")
    etag = client.get(WEIGHTS).headers["etag"]
    before = len(list(handles.iterdir()))
    for _ in range(20):
        client.get(WEIGHTS)
        client.head(WEIGHTS)
        client.get(WEIGHTS, headers={"If-None-Match": etag})
        client.get(WEIGHTS, params={"rev": "0"})
        client.get(WEIGHTS, headers={"Range": "bytes=0-9"})
    assert len(list(handles.iterdir())) <= before + 2


def test_a_file_that_the_system_cannot_open_now_is_asked_for_again(client, monkeypatch):
    real = os.open

    def refuse(path, *more, **named):
        if "model.safetensors" in str(path):
            raise OSError(24, "Too many open files")
        return real(path, *more, **named)

    with monkeypatch.context() as full:
        full.setattr(os, "open", refuse)
        answer = client.get(WEIGHTS)
    assert answer.status_code == 503 and answer.headers["retry-after"] == "1"
    assert (
        answer.json()["error"]
        == f"{Z2}/model.safetensors could not be read now (Too many open files); try again."
    )
    assert client.get(WEIGHTS).status_code == 200


def test_a_file_that_is_cut_while_it_is_sent_ends_the_connection_instead_of_leaving_it_open(tmp_path):
    path, sent = tmp_path / "a", []
    path.write_bytes(b"x" * 1000)

    async def send(message):
        sent.append(message)

    file = path.open("rb")
    answer = OpenedFile(file, 2000, None, {})
    with pytest.raises(UnreadableError, match="cut while it was sent"):
        asyncio.run(answer({"type": "http", "method": "GET"}, None, send))
    assert file.closed and all(message.get("more_body", True) for message in sent)
