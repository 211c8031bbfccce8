"""The files that a browser reads come as they lie on disk, and again whenever they have changed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from digits_models import AE, COND, Z2, Z5
from starlette.applications import Starlette
from starlette.testclient import TestClient

from vae.catalogue import Catalogue
from vae.ui.web.served import routes

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
