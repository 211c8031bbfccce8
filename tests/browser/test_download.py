"""A data set that is not on this computer comes through the page: from a mirror of our own that gives what torchvision's would."""

import gzip
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from support import ROOT, missing

FILES = [f"{split}-{kind}-ubyte" for split in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]
REPLACED = """
import torchvision.datasets
torchvision.datasets.MNIST.mirrors = {mirrors!r}
torchvision.datasets.MNIST.resources = {resources!r}
"""


class Mirror:
    """Serves files over HTTP, no more than a trickle until `gate` is set; `asked` says what was asked for."""

    def __init__(self, files: dict[str, bytes]):
        self.gate, self.asked = threading.Event(), []
        self.resources = [(name, hashlib.md5(packed).hexdigest()) for name, packed in files.items()]
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                name = self.path.strip("/")
                mirror.asked.append(name)
                self.send_response(200)
                self.send_header("Content-Length", str(len(files[name])))
                self.end_headers()
                at = 0
                try:
                    while not mirror.gate.wait(0.05) and at < len(files[name]) // 2:
                        self.wfile.write(files[name][at : at + 20_000])
                        at += 20_000
                    mirror.gate.wait(60)
                    self.wfile.write(files[name][at:])
                except OSError:  # who asked has gone
                    pass

            def log_message(self, *words):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def mirror():
    raw = ROOT / "data" / "MNIST" / "raw"
    if not all((raw / name).is_file() for name in FILES):
        missing(f"MNIST is not in {raw}")
    made = Mirror({f"{name}.gz": gzip.compress((raw / name).read_bytes(), 1) for name in FILES})
    yield made
    made.gate.set()
    made.server.shutdown()
    made.server.server_close()


def test_a_download_shows_its_progress_can_be_cancelled_and_brings_the_images(serve, visit, mirror, tmp_path):
    (tmp_path / "patch").mkdir()
    (tmp_path / "patch" / "sitecustomize.py").write_text(
        REPLACED.format(mirrors=[mirror.url], resources=mirror.resources)
    )
    data = tmp_path / "data"
    data.mkdir()
    page = visit(serve(ROOT / "models", data, environment={"PYTHONPATH": str(tmp_path / "patch")}).url)
    box = page.locator(".selected-image .fetch")
    box.get_by_role("button", name="Fetch them").click()
    box.get_by_text("% of the files").wait_for()
    page.wait_for_function("document.querySelector('.fetch progress')?.value > 0.02")
    box.get_by_role("button", name="Cancel").click()
    box.get_by_text("was cancelled").wait_for()
    assert not [path for path in data.rglob("*") if path.is_file()]  # nothing half-written
    assert mirror.asked == ["train-images-idx3-ubyte.gz"]
    mirror.gate.set()
    box.get_by_role("button", name="Try again").click()
    page.locator(".selected-image figcaption").get_by_text("original", exact=True).wait_for()
    assert sorted(set(mirror.asked)) == sorted(f"{name}.gz" for name in FILES)
    for name in FILES:
        assert (data / "MNIST" / "raw" / name).read_bytes() == (
            ROOT / "data" / "MNIST" / "raw" / name
        ).read_bytes()
