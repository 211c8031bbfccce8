"""What tests of any folder share: where things lie, what to do when they do not, and a server as a person starts it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vae.data.load import has_images

ROOT = Path(__file__).resolve().parents[1]
MODELS = Path(os.environ.get("VAE_TEST_MODELS", ROOT / "models"))
DATA = Path(os.environ.get("VAE_DATA") or ROOT / "data")
STARTED = "Latent Explorer is at "
START_WITHIN = 240  # seconds; a busy machine is slow, a broken server never gets there


def missing(reason: str) -> None:
    """What a test needs is not there: a failure in CI, elsewhere the test is left out and says why."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def needs_model(*names: str) -> None:
    """The shipped models that a test opens."""
    for name in names:
        if not (MODELS / name / "config.json").is_file():
            missing(f"{MODELS / name} is not there")


def needs_images(dataset: str, *splits: str) -> None:
    """What a test shows of a data set must lie in the data folder."""
    if not all(has_images(dataset, DATA, split) for split in splits or ("test",)):
        missing(f"the images of {dataset} are not in {DATA}; set VAE_DATA to a folder that holds them")


def python(code: str, *words: object, timeout: float | None = None) -> str:
    """What a new interpreter prints that runs this code in the repository, with these words as its arguments."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def kept_running(code: str, *words: object, says: str) -> Iterator[subprocess.Popen[str]]:
    """A new interpreter that runs this code in the repository and has said so, until it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None and process.stdout.readline() == f"{says}\n"
        yield process
    finally:
        process.kill()
        process.communicate(timeout=60)


class Server:
    """`python app.py` on a free port of this computer."""

    def __init__(
        self, log: Path, *flags: str, port: int | None = None, environment: dict[str, str] | None = None
    ):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = port or probe.getsockname()[1]
        self.log = log
        with log.open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "app.py", "--no-browser", "--port", str(self.port), *flags],
                cwd=ROOT,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
            )

    def wait(self) -> Server:
        """Until it has printed its address."""
        for _ in range(10 * START_WITHIN):
            said = self.log.read_text()
            if STARTED in said and said.endswith("\n"):
                self.address = said.split(STARTED)[1].split()[0].rstrip("/")
                return self
            try:
                self.process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
            break
        raise AssertionError("the server did not start:\n" + self.log.read_text()[-3000:])

    @property
    def url(self) -> str:
        return self.address + "/"

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)


@contextmanager
def servers(folder: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers over any folders of models and data, and ends them."""
    running: list[Server] = []

    def start(models: Path = MODELS, data: Path = DATA, *flags: str, **more) -> Server:
        places = ("--models", str(models), "--data", str(data))
        running.append(Server(folder / f"log{len(running)}.txt", *places, *flags, **more))
        return running[-1].wait()

    yield start
    for server in running:
        server.stop()
