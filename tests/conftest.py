"""What many tests share: where the data lies, real images where they can be had, and small models trained on digits."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault(
    "OMP_NUM_THREADS", "1"
)  # before numpy and torch come: the nets here are too small to share among threads

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

from vae.data.load import has_images, load_split  # noqa: E402
from vae.data.sets import ImageSet

ROOT = Path(__file__).resolve().parent.parent

# Few examples at each run, since chance differs from run to run; HYPOTHESIS_PROFILE=thorough before a release.
settings.register_profile("short", max_examples=40, deadline=None)
settings.register_profile("thorough", max_examples=400, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or "short")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Quick tests first; the browser's last, since Playwright leaves an event loop running in this thread."""
    items.sort(key=lambda item: "browser" in item.path.parts)


def missing(reason: str) -> None:
    """What a test needs is not there: a failure in CI, elsewhere the test is left out and says why."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The data folder: VAE_DATA, else data/ of the repository."""
    return Path(os.environ.get("VAE_DATA") or ROOT / "data")


def real_images(name: str, root: Path) -> tuple[ImageSet, ImageSet]:
    """Train and test images of a downloaded data set; in CI their absence is a failure, elsewhere the test skips."""
    if not has_images(name, root):
        missing(f"{name} is not in {root}; set VAE_DATA to a folder that holds it")
    return load_split(name, "train", root, download=False), load_split(name, "test", root, download=False)


@pytest.fixture(scope="session")
def mnist(data_root: Path) -> tuple[ImageSet, ImageSet]:
    return real_images("mnist", data_root)


@pytest.fixture(scope="session")
def fashion_mnist(data_root: Path) -> tuple[ImageSet, ImageSet]:
    return real_images("fashion-mnist", data_root)


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
