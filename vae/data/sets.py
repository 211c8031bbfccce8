"""What a data set is: one split's images and labels, and what is known of the named ones before any is read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ImageSet:
    """One split: images (N, C, H, W) uint8, labels (N,) int64, one class name a label."""

    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.images)

    def checksum(self) -> str:
        """A short fingerprint of images and labels, kept with a model so that a later run can tell what it saw."""
        return hashlib.sha256(self.images.tobytes() + self.labels.tobytes()).hexdigest()[:16]


@dataclass(frozen=True)
class Dataset:
    """What is known of a data set before any of it is read."""

    title: str
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int] = (1, 28, 28)
    torchvision: str | None = (
        None  # the class that knows the addresses and checksums; None: inside scikit-learn
    )
    md5: tuple[
        str, ...
    ] = ()  # of the four uncompressed files in the order of FILES; () where none are published


DIGIT_NAMES = tuple("0123456789")
FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
DATASETS: dict[str, Dataset] = {
    "mnist": Dataset(
        "MNIST",
        DIGIT_NAMES,
        torchvision="MNIST",
        md5=(
            "6bbc9ace898e44ae57da46a324031adb",
            "a25bea736e30d166cdddb491f175f624",
            "2646ac647ad5339dbf082846283269ea",
            "27ae3e4e09519cfbb04c329615203637",
        ),
    ),
    "fashion-mnist": Dataset(
        "Fashion-MNIST",
        (
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        torchvision="FashionMNIST",
        md5=(
            "f4a8712d7a061bf5bd6d2ca38dc4d50a",
            "9018921c3c673c538a1fc5bad174d6f9",
            "8181f5470baa50b63fa0f6fddb340f0a",
            "15d484375f8d13e6eb1aabb0c3f46965",
        ),
    ),
    "kmnist": Dataset(
        "Kuzushiji-MNIST", ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"), torchvision="KMNIST"
    ),
    "digits": Dataset("Digits", DIGIT_NAMES, image_shape=(1, 8, 8)),
}
