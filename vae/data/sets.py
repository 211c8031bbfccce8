"""What a data set is: one split's images and labels, and what is known of the named ones before any is read."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from vae.errors import DataError

DARK = (
    63  # bytes that go no further were meant on another scale: 4, 5 or 6 bits, or the 0 to 16 of load_digits
)
DEPTHS = (10, 12, 14, 16)  # bits a value of cameras and scanners


@dataclass(frozen=True)
class ImageSet:
    """One split: images (N, C, H, W) uint8, labels (N,) int64, one class name a label.

    `DataError` says how to convert arrays that mean something else. Integer labels of any width become int64.
    """

    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]

    def __post_init__(self) -> None:
        names = _checked_names(self.class_names)
        _check_images(self.images)
        _check_labels(self.labels, len(self.images), len(names))
        object.__setattr__(self, "images", np.ascontiguousarray(self.images))
        object.__setattr__(self, "labels", np.ascontiguousarray(self.labels, np.int64))
        object.__setattr__(self, "class_names", names)

    def __len__(self) -> int:
        return len(self.images)

    def checksum(self) -> str:
        """A short fingerprint of images and labels, kept with a model so that a later run can tell what it saw."""
        return hashlib.sha256(self.images.tobytes() + self.labels.tobytes()).hexdigest()[:16]


def _check_array(name: str, value: Any) -> None:
    if isinstance(value, np.ma.MaskedArray):
        way = "hand over images.filled(0)" if name == "images" else "leave the masked ones out"
        raise DataError(f"{name} is a masked array, whose masked values nothing here would know of; {way}.")
    if isinstance(value, np.ndarray):
        return
    kind = f"{type(value).__module__}.{type(value).__name__}".removeprefix("builtins.")
    way = f"{name}.cpu().numpy()" if kind.startswith("torch.") else f"numpy.asarray({name})"
    raise DataError(f"{name} is a {kind}, not a numpy array; hand over {way}.")


def _check_images(images: Any) -> None:
    """Bytes of shape (N, C, H, W): the kind first, since its remedy keeps the shape."""
    _check_array("images", images)
    if not images.size:
        raise DataError(f"images has the shape {images.shape} and holds no image; a set needs one at least.")
    if images.dtype.kind in "fiub" and images.min() == images.max():
        raise DataError(
            f"images holds {images.flat[0]} everywhere, so that there is nothing to see; check how they were read."
        )
    if images.dtype != np.uint8:
        raise DataError(
            f"images holds {_held(images)}; they must be uint8 from 0 to 255: {_to_bytes(images)}."
        )
    if images.max() == 1:
        raise DataError("images holds only 0 and 1, nearly black among 0 to 255; hand over images * 255.")
    if images.max() <= DARK:
        raise DataError(
            f"images holds {_held(images)}, nearly black among 0 to 255; {_stretched(float(images.max()))}."
        )
    if way := _to_four_dimensions(images.shape):
        raise DataError(f"images has the shape {images.shape}, not (N, C, H, W); {way}.")
    _, channels, *sides = images.shape
    if channels not in (1, 3) or not all(4 <= side <= 256 for side in sides):
        raise DataError(
            f"images has the shape {images.shape}; (N, C, H, W) takes 1 or 3 channels and sides from 4 to 256: scale or cut them."
        )


def _held(array: np.ndarray) -> str:
    if array.dtype.kind not in "fiu":
        return f"values of the type {array.dtype}"
    return f"{array.dtype} from {array.min():g} to {array.max():g}"


def _to_bytes(images: np.ndarray) -> str:
    """How images of another type become bytes, judged by what they hold."""
    kind = images.dtype.kind
    if kind == "b":
        return "hand over images.astype(numpy.uint8) * 255"
    if kind not in "fiu":
        return "decode them into numbers first"
    low, high = float(images.min()), float(images.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        return "replace what is not finite first"
    if low < 0:
        symmetric = low >= -1 and high <= 1
        return (
            "if they were scaled to -1 to 1, hand over ((images + 1) * 127.5).round().astype(numpy.uint8)"
            if symmetric and kind == "f"
            else "undo the normalisation (images * std + mean with those it was made by), or subtract the minimum and scale to 255, then .round().astype(numpy.uint8)"
        )
    if high <= 1:
        return "hand over (images * 255).round().astype(numpy.uint8)"
    if high <= DARK:
        return _stretched(high)
    if high <= 255:
        return "hand over images.round().astype(numpy.uint8)"
    bits = next((bits for bits in DEPTHS if high < 2**bits), None)
    if bits and kind in "iu":
        return f"if they have {bits} bits, hand over (images // {2 ** (bits - 8)}).astype(numpy.uint8)"
    return "scale them, such as (images / images.max() * 255).round().astype(numpy.uint8)"


def _stretched(high: float) -> str:
    return f"hand over (images * (255 / {high:.9g})).round().astype(numpy.uint8)"


def _to_four_dimensions(shape: tuple[int, ...]) -> str | None:
    """How an array of this shape becomes (N, C, H, W); None where it may be one."""
    if len(shape) == 4 and shape[1] not in (1, 3):
        if shape[3] in (1, 3):
            return "hand over images.transpose(0, 3, 1, 2), which puts the channel before height and width"
        if shape[1] == 4 or shape[3] == 4:
            return "leave the transparency out: hand over " + (
                "images[:, :3]" if shape[1] == 4 else "images[..., :3].transpose(0, 3, 1, 2)"
            )
    if len(shape) == 3:
        return "one channel is one more dimension: hand over images[:, None]"
    if len(shape) == 2:
        side = math.isqrt(shape[1])
        flat = side * side == shape[1] and side >= 4
        return (
            f"hand over images.reshape(-1, 1, {side}, {side}) if each row is an image"
            if flat
            else "hand over images.reshape(-1, channels, height, width)"
        )
    return None if len(shape) == 4 else "hand over images.reshape(-1, channels, height, width)"


def _check_labels(labels: Any, images: int, classes: int) -> None:
    """Whole numbers (N,) from 0, each with a class name."""
    _check_array("labels", labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        raise DataError(f"labels has the shape {labels.shape}, not (N,); hand over labels[:, 0].")
    if labels.ndim == 2:
        raise DataError(
            f"labels has the shape {labels.shape}, not (N,); one-hot rows become labels by labels.argmax(1)."
        )
    if labels.ndim != 1:
        raise DataError(f"labels has the shape {labels.shape}, not (N,); hand over one label an image.")
    if len(labels) != images:
        raise DataError(
            f"labels holds {len(labels)} labels, but images holds {images} images; give each image its label."
        )
    if labels.dtype.kind in "fb":
        raise DataError(f"labels holds {_held(labels)}, not whole numbers; {_to_whole(labels)}.")
    if labels.dtype.kind not in "iu":
        raise DataError(
            f"labels holds {_held(labels)}, not whole numbers; number them: class_names, labels = numpy.unique(labels, return_inverse=True)."
        )
    low, high = int(labels.min()), int(labels.max())
    if 0 <= low and high < classes:
        return
    way = (
        "hand over labels - 1"
        if low == 1 and high == classes
        else "number them: numpy.unique(labels, return_inverse=True)[1]"
        if low < 0
        else "give every label a name, or number them anew by numpy.unique(labels, return_inverse=True)[1]"
    )
    raise DataError(
        f"labels run from {low} to {high}, but {classes} class names stand for 0 to {classes - 1}; {way}."
    )


def _to_whole(labels: np.ndarray) -> str:
    """How truth values and floats become whole numbers, judged by what they hold."""
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        return "leave out the images without a label: known = numpy.isfinite(labels), then images[known] and labels[known]"
    if labels.dtype.kind == "f" and (labels % 1).any():
        return "number the values: numpy.unique(labels, return_inverse=True)[1]"
    return "hand over labels.astype(int)"


def _checked_names(names: Any) -> tuple[str, ...]:
    whole = isinstance(names, (tuple, list)) and all(isinstance(name, str) for name in names)
    if not whole or not 1 <= len(names) <= 256:
        raise DataError(
            f"class_names is {names!r:.100}; write 1 to 256 names as texts, such as ('cat', 'dog')."
        )
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(f"class_names holds {twice[0]!r} twice; give each class a name of its own.")
    return tuple(map(str, names))


@dataclass(frozen=True)
class Dataset:
    """What is known of a data set before any of it is read."""

    title: str
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int] = (1, 28, 28)
    torchvision: str | None = (
        None  # the class that knows the addresses and checksums; None: inside scikit-learn
    )
    # of the four uncompressed files in the order of FILES; () where none are published
    md5: tuple[str, ...] = ()
    # of the published images, None where none are: `ImageSet.checksum` of the training set, how many test images there are,
    # and the beginning of the SHA-256 of their labels as bytes
    train_checksum: str | None = None
    test_size: int | None = None
    test_labels: str | None = None


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
        train_checksum="d18cfd466eb143ac",
        test_size=10_000,
        test_labels="ddeff807876a9661",
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
        train_checksum="1f243a60b4b748a4",
        test_size=10_000,
        test_labels="3d0e6c6ea990b53b",
    ),
    "kmnist": Dataset(
        "Kuzushiji-MNIST", ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"), torchvision="KMNIST"
    ),
    "digits": Dataset(
        "Digits",
        DIGIT_NAMES,
        image_shape=(1, 8, 8),
        train_checksum="cf523fcf146ab6c4",
        test_size=360,
        test_labels="da1a2ec12e5c2ed7",
    ),
}
