"""Downloads: with progress, cancelled, from a second mirror, refused in words; against a mirror of our own."""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torchvision.datasets
from idx_files import lay

import vae.data.load
from vae.data.load import fetch, has_images, load_split, raw_folder
from vae.data.sets import FILES
from vae.errors import DataError


class Mirror:
    """A web server on this machine in the place of torchvision's mirrors; `answer` may be replaced by a test."""

    def __init__(self, files: dict[str, bytes]):
        self.files, self.asked = files, []
        self.answer: Callable[[BaseHTTPRequestHandler, bytes], None] = self.whole
        self.release = threading.Event()
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                mirror.asked.append(self.path[1:])
                content = mirror.files.get(self.path[1:])
                if content is None:
                    self.send_error(404)
                else:
                    mirror.answer(self, content)

            def log_message(self, *arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def close(self) -> None:
        self.release.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @staticmethod
    def head(handler: BaseHTTPRequestHandler, length: int) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(length))
        handler.end_headers()

    def whole(self, handler: BaseHTTPRequestHandler, content: bytes) -> None:
        self.head(handler, len(content))
        handler.wfile.write(content)

    def half(self, handler: BaseHTTPRequestHandler, content: bytes) -> None:
        self.head(handler, len(content))
        handler.wfile.write(content[: len(content) // 2])
        handler.close_connection = True

    def wrong(self, handler: BaseHTTPRequestHandler, content: bytes) -> None:
        self.head(handler, len(content))
        handler.wfile.write(content[::-1])

    def silent(self, handler: BaseHTTPRequestHandler, content: bytes) -> None:
        self.head(handler, len(content))
        handler.wfile.write(content[:100])
        handler.wfile.flush()
        self.release.wait(30)

    def rude(self, handler: BaseHTTPRequestHandler, content: bytes) -> None:
        handler.wfile.write(b"this is no HTTP\r\n\r\n")
        handler.close_connection = True


@pytest.fixture
def mirror(tmp_path_factory, monkeypatch) -> Iterator[Mirror]:
    folder = tmp_path_factory.mktemp("mirror") / "raw"
    lay(folder)
    files = {f"{p.name}.gz": gzip.compress(p.read_bytes(), mtime=0) for p in folder.iterdir()}
    server = Mirror(files)
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(torchvision.datasets.KMNIST, "mirrors", [server.url])
    monkeypatch.setattr(
        torchvision.datasets.KMNIST,
        "resources",
        [(name, hashlib.md5(content).hexdigest()) for name, content in sorted(files.items())],
    )
    yield server
    server.close()


def test_a_missing_data_set_is_downloaded_with_progress_and_then_not_again(mirror, tmp_path):
    seen: list[tuple[int, int]] = []
    train = load_split("kmnist", "train", tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert len(train) == 40 and len(load_split("kmnist", "test", tmp_path)) == 20
    assert sorted(mirror.asked) == sorted(mirror.files)  # each file once
    done = [d for d, _ in seen]
    assert done == sorted(done) and done[-1] == 4000 and {t for _, t in seen} == {4000}
    assert not list(tmp_path.rglob("*.part"))


def test_only_what_is_missing_is_downloaded(mirror, tmp_path):
    fetch("kmnist", tmp_path)
    folder = raw_folder("kmnist", tmp_path)
    mirror.asked.clear()
    (folder / FILES["test"][0]).unlink()  # its archive is still there
    load_split("kmnist", "test", tmp_path)
    assert mirror.asked == []
    for path in folder.glob("*.gz"):
        path.unlink()
    (folder / FILES["test"][1]).unlink()
    load_split("kmnist", "test", tmp_path)
    assert mirror.asked == [f"{FILES['test'][1]}.gz"]


def test_without_permission_nothing_is_downloaded(mirror, tmp_path):
    with pytest.raises(
        DataError,
        match=r"Kuzushiji-MNIST is not in .*; put train-images-idx3-ubyte, .* into .*KMNIST/raw by hand, or use the data set digits",
    ):
        load_split("kmnist", "train", tmp_path, download=False)
    assert mirror.asked == [] and not has_images("kmnist", tmp_path) and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fault", ["half", "wrong", "rude", "absent", "refused"])
def test_a_download_that_fails_says_what_was_tried_and_where_to_put_the_files(
    mirror, tmp_path, monkeypatch, fault
):
    urls = [mirror.url]
    if fault == "absent":
        mirror.files = {}
    elif fault == "refused":
        urls = ["http://127.0.0.1:9/"]
        monkeypatch.setattr(torchvision.datasets.KMNIST, "mirrors", urls)
    else:
        mirror.answer = getattr(mirror, fault)
    with pytest.raises(DataError) as caught:
        load_split("kmnist", "train", tmp_path)
    text = str(caught.value)
    assert (
        f"Kuzushiji-MNIST could not be had from {urls[0]}" in text
        and str(raw_folder("kmnist", tmp_path)) in text
    )
    assert (
        all(file in text for pair in FILES.values() for file in pair)
        and "digits, which needs no download" in text
    )
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []
    assert len(mirror.asked) == (0 if fault == "refused" else 1)  # nothing behind our back tries again


def test_a_second_mirror_is_tried_when_the_first_fails(mirror, tmp_path, monkeypatch):
    monkeypatch.setattr(torchvision.datasets.KMNIST, "mirrors", ["http://127.0.0.1:9/", mirror.url])
    assert len(load_split("kmnist", "train", tmp_path)) == 40


def test_a_silent_server_is_left_after_the_time_out(mirror, tmp_path, monkeypatch):
    monkeypatch.setattr(vae.data.load, "TIMEOUT", 0.2)
    mirror.answer = mirror.silent
    with pytest.raises(DataError, match="could not be had from .*timed out"):
        load_split("kmnist", "train", tmp_path)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_a_download_can_be_cancelled_even_from_a_slow_server(mirror, tmp_path):
    cancel = threading.Event()

    def dripping(handler: BaseHTTPRequestHandler, content: bytes) -> None:
        mirror.head(handler, len(content))
        for place in range(0, len(content), 64):
            if mirror.release.wait(0.01):
                return
            try:
                handler.wfile.write(content[place : place + 64])
            except OSError:  # the visitor left
                return

    mirror.answer = dripping
    with pytest.raises(DataError, match="cancelled; start it again"):
        fetch("kmnist", tmp_path, progress=lambda done, total: cancel.set(), cancel=cancel)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [] and len(mirror.asked) == 1
    mirror.answer = mirror.whole
    fetch("kmnist", tmp_path)
    assert has_images("kmnist", tmp_path)
