"""What many tests share: where the data lies, real images where they can be had, and small models trained on digits."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

# before numpy and torch come: the nets here are too small to share among threads
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402
from support import DATA, Server, needs_images, needs_model, servers  # noqa: E402

from vae.data.load import load_split  # noqa: E402
from vae.data.sets import ImageSet

# Few examples at each run, since chance differs from run to run; HYPOTHESIS_PROFILE=thorough before a release.
settings.register_profile("short", max_examples=40, deadline=None)
settings.register_profile("thorough", max_examples=400, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or "short")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Quick tests first; the browser's last, since Playwright leaves an event loop running in this thread."""
    items.sort(key=lambda item: "browser" in item.path.parts)


def real_images(name: str) -> tuple[ImageSet, ImageSet]:
    """Train and test images of a downloaded data set; in CI their absence is a failure, elsewhere the test skips."""
    needs_images(name, "train", "test")
    return load_split(name, "train", DATA, download=False), load_split(name, "test", DATA, download=False)


@pytest.fixture(scope="session")
def mnist() -> tuple[ImageSet, ImageSet]:
    return real_images("mnist")


@pytest.fixture(scope="session")
def fashion_mnist() -> tuple[ImageSet, ImageSet]:
    return real_images("fashion-mnist")


@pytest.fixture(scope="session")
def digits() -> tuple[ImageSet, ImageSet]:
    return load_split("digits", "train"), load_split("digits", "test")


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with finished digits models, a few epochs each: Z = 2, Z = 5, a plain autoencoder and a conditional sigma-VAE. Read only."""
    from vae.runs import Run, train_model

    out = tmp_path_factory.mktemp("models")
    runs = [
        Run("digits", "tutorial", 2, {"epochs": 4}),
        Run("digits", "tutorial", 5, {"epochs": 4}),
        Run("digits", "tutorial", 2, {"epochs": 2, "variational": False}),
        Run("digits", "tutorial", 2, {"epochs": 2, "conditional": True, "likelihood": "gaussian-learned"}),
    ]
    for run in runs:
        for _ in train_model(run, out, device="cpu", umap=False):
            pass
    return out


@pytest.fixture
def copied(trained: Path, tmp_path: Path) -> Path:
    """A models folder that a test may damage."""
    shutil.copytree(trained, tmp_path / "models")
    return tmp_path / "models"


@pytest.fixture(scope="session")
def serve_long(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Servers that many tests share."""
    with servers(tmp_path_factory.mktemp("servers")) as start:
        yield start


@pytest.fixture
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Servers of one test alone: left running they would go on to load their models beside the tests that follow."""
    with servers(tmp_path_factory.mktemp("servers")) as start:
        yield start


@pytest.fixture(scope="session")
def app(serve_long) -> Server:
    """The page over the shipped models."""
    needs_model("mnist-default-z2", "mnist-default-z20")
    return serve_long()
