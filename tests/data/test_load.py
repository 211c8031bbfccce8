"""Data sets: real images when they are what they should be, a sentence naming the file when they are not."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
import torchvision.datasets
from idx_files import idx, lay
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from support import DATA, ROOT

from vae.data.idx import read_idx
from vae.data.load import data_dir, fetch, has_images, load_split, raw_folder
from vae.data.sets import DATASETS, FILES, ImageSet
from vae.errors import DataError


@pytest.fixture
def kmnist(tmp_path: Path) -> Path:
    lay(tmp_path / "KMNIST" / "raw")
    return tmp_path / "KMNIST" / "raw"


# ---- what is there -------------------------------------------------------------------------------------------------


def test_digits_are_scikit_learns_in_a_fixed_stratified_split(digits):
    train, test = digits
    assert (len(train), len(test)) == (1437, 360)
    for part in digits:
        assert (
            part.images.dtype == np.uint8
            and part.images.shape[1:] == (1, 8, 8)
            and part.labels.dtype == np.int64
        )
        assert (part.images.min(), part.images.max()) == (0, 255) and part.class_names == tuple("0123456789")
    bunch = load_digits()
    expected = sorted(
        (tuple(np.round(image.ravel() * 255 / 16).astype(int)), int(label))
        for image, label in zip(bunch.images, bunch.target)
    )
    ours = sorted(
        (tuple(map(int, image.ravel())), int(label))
        for part in digits
        for image, label in zip(part.images, part.labels)
    )
    assert ours == expected  # every digit once, in one of the two
    shares = [np.bincount(part.labels) / len(part) for part in digits]
    np.testing.assert_allclose(*shares, atol=0.003)
    # models are measured on these: a change must be seen
    rows = train_test_split(np.arange(1797), test_size=360, random_state=0, stratify=bunch.target)
    for part, chosen in zip(digits, rows):
        np.testing.assert_array_equal(part.labels, bunch.target[np.sort(chosen)])


def test_idx_files_of_our_own_making_come_back_as_they_were(tmp_path):
    arrays = lay(tmp_path / "KMNIST" / "raw")
    for split, (images, labels) in FILES.items():
        found = load_split("kmnist", split, tmp_path)
        np.testing.assert_array_equal(found.images[:, 0], arrays[images])
        np.testing.assert_array_equal(found.labels, arrays[labels])
        assert len(found.class_names) == 10 and found.class_names[0] == "o"
        # torchvision reads the same from them
        theirs = torchvision.datasets.KMNIST(str(tmp_path), train=split == "train")
        np.testing.assert_array_equal(theirs.data.numpy(), arrays[images])
        np.testing.assert_array_equal(theirs.targets.numpy(), arrays[labels])


@pytest.mark.parametrize(
    ("name", "sizes"), [("mnist", (60_000, 10_000)), ("fashion-mnist", (60_000, 10_000))]
)
def test_the_real_sets_have_their_published_sizes_and_classes(name, sizes, request):
    train, test = request.getfixturevalue(name.replace("-", "_"))
    assert (len(train), len(test)) == sizes
    counts = [np.bincount(part.labels).tolist() for part in (train, test)]
    if name == "fashion-mnist":
        assert counts == [[6000] * 10, [1000] * 10]
    else:  # LeCun's page, counted by many
        assert counts[0] == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
        assert counts[1] == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
        # the mean that every tutorial normalises by
        assert train.images.mean() / 255 == pytest.approx(0.1307, abs=5e-4)
    assert train.images.dtype == np.uint8 and train.images.shape[1:] == (1, 28, 28)


def test_the_checksums_are_those_of_the_files_inside_torchvisions_archives():
    for name in ("mnist", "fashion-mnist"):
        assert len(DATASETS[name].md5) == 4
        if has_images(name, DATA):
            files = [raw_folder(name, DATA) / file for pair in FILES.values() for file in pair]
            assert tuple(hashlib.md5(file.read_bytes()).hexdigest() for file in files) == DATASETS[name].md5


def test_class_names_are_torchvisions():
    fashion = [c.lower() for c in torchvision.datasets.FashionMNIST.classes]
    assert [c.lower() for c in DATASETS["fashion-mnist"].class_names] == fashion
    assert list(DATASETS["kmnist"].class_names) == torchvision.datasets.KMNIST.classes


def test_the_data_folder_is_the_argument_the_environment_or_data_here_or_in_the_clone(monkeypatch, tmp_path):
    monkeypatch.setenv("VAE_DATA", "/elsewhere")
    assert data_dir("/here") == Path("/here") and data_dir() == Path("/elsewhere")
    monkeypatch.delenv("VAE_DATA")
    monkeypatch.chdir(tmp_path)
    assert data_dir() == ROOT / "data"
    (tmp_path / "data").mkdir()
    assert data_dir() == Path("data")


# ---- what is wrong with it -----------------------------------------------------------------------------------------


def test_unknown_names_are_refused(tmp_path):
    with pytest.raises(
        DataError, match="dataset is 'cifar'; the data sets are mnist, fashion-mnist, kmnist, digits"
    ):
        load_split("cifar", "train", tmp_path)
    with pytest.raises(DataError, match="split is 'validation'; it must be train or test"):
        load_split("digits", "validation", tmp_path)


@pytest.mark.parametrize("kept", [0, 3, 7, 15, 16, 17, 5000, -1])
def test_a_truncated_file_is_named(kmnist, kept):
    path = kmnist / FILES["train"][0]
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(
        DataError, match=f"{path.name} (is not an idx file|holds .* bytes after its header).*delete it"
    ):
        load_split("kmnist", "train", kmnist.parent.parent)
    load_split("kmnist", "test", kmnist.parent.parent)


def test_a_file_with_more_than_its_header_promises_is_named(kmnist):
    path = kmnist / FILES["test"][1]
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(DataError, match=f"{path.name} holds 21 bytes after its header"):
        load_split("kmnist", "test", kmnist.parent.parent)


def test_swapped_images_and_labels_are_named(kmnist):
    images, labels = (kmnist / file for file in FILES["train"])
    swap(images, labels)
    with pytest.raises(DataError, match=f"{images.name} is not an idx file of 3 dimensions"):
        load_split("kmnist", "train", kmnist.parent.parent)


def test_files_of_two_splits_mixed_up_are_named(kmnist):
    swap(kmnist / FILES["train"][1], kmnist / FILES["test"][1])
    for split in FILES:
        with pytest.raises(
            DataError, match=f"{FILES[split][1]} holds .* labels, but {FILES[split][0]} holds .* images"
        ):
            load_split("kmnist", split, kmnist.parent.parent)


@pytest.mark.parametrize(
    "start", [b"\x00\x00\x0d\x03", b"\x00\x00\x08\x01", b"\x1f\x8b\x08\x00", b"<htm", b"\x80\x04\x95\x00"]
)
def test_a_wrong_magic_is_named(kmnist, start):
    path = kmnist / FILES["test"][0]
    path.write_bytes(start + path.read_bytes()[4:])
    with pytest.raises(
        DataError, match=f"{path.name} is not an idx file of 3 dimensions .it starts with {start.hex()}"
    ):
        load_split("kmnist", "test", kmnist.parent.parent)


@pytest.mark.parametrize(
    ("array", "fault"),
    [
        (np.zeros((40, 8, 8), np.uint8), r"40 images of \(8, 8\)"),
        (np.zeros((0, 28, 28), np.uint8), "0 images"),
        (np.zeros((39, 28, 28), np.uint8), "40 labels, but .* 39 images"),
    ],
)
def test_images_of_another_shape_or_number_are_named(kmnist, array, fault):
    (kmnist / FILES["train"][0]).write_bytes(idx(array))
    with pytest.raises(DataError, match=fault):
        load_split("kmnist", "train", kmnist.parent.parent)


def test_a_header_that_promises_the_world_is_refused_without_asking_for_its_memory(kmnist):
    (kmnist / FILES["train"][0]).write_bytes(
        struct.pack(">BBBB3I", 0, 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1) + b"\0" * 100
    )
    with pytest.raises(DataError, match="holds 100 bytes after its header, which promises"):
        load_split("kmnist", "train", kmnist.parent.parent)


def test_a_label_beyond_the_classes_is_named(kmnist):
    (kmnist / FILES["train"][1]).write_bytes(idx(np.full(40, 10, np.uint8)))
    with pytest.raises(DataError, match=r"holds the label 10; Kuzushiji-MNIST has labels from 0 to 9"):
        load_split("kmnist", "train", kmnist.parent.parent)


def test_gzipped_idx_files_can_be_read_and_damaged_ones_are_named(tmp_path):
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    path = tmp_path / "images.gz"
    packed = gzip.compress(idx(array))
    path.write_bytes(packed)
    np.testing.assert_array_equal(read_idx(path, 3), array)
    for damaged in (packed[:-9], b"not gzip", packed[:12] + b"\xff" * 20 + packed[32:], b""):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match="images.gz (cannot be read|is not an idx file)"):
            read_idx(path, 3)
    with pytest.raises(DataError, match="nowhere cannot be read"):
        read_idx(tmp_path / "nowhere", 3)


def test_fashion_files_in_the_mnist_folder_are_no_mnist(fashion_mnist, tmp_path):
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for file in FILES["test"]:
        (folder / file).symlink_to(raw_folder("fashion-mnist", DATA).resolve() / file)
    with pytest.raises(DataError, match=f"{FILES['test'][0]} is not MNIST's published file .md5"):
        load_split("mnist", "test", tmp_path)


def test_one_flipped_pixel_in_mnist_is_noticed(mnist, tmp_path):
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for file in FILES["test"]:
        shutil.copy(raw_folder("mnist", DATA) / file, folder / file)
    images = folder / FILES["test"][0]
    raw = bytearray(images.read_bytes())
    raw[1234567] ^= 1
    images.write_bytes(raw)
    with pytest.raises(DataError, match=f"{images.name} is not MNIST's published file"):
        load_split("mnist", "test", tmp_path)


def kaggle(root: Path) -> None:
    """Files with a dot, as Kaggle's MNIST has them."""
    for file in every_file():
        put(root / file.replace("-idx", ".idx"), file)


def kaggle_folders(root: Path) -> None:
    """Folders named as the file in them, as Kaggle's MNIST has them, too."""
    for file in every_file():
        put(root / file / file, file)


def packed_anew(root: Path) -> None:
    """Archives whose own checksum is not the published one."""
    for file in every_file():
        target = root / f"{file}.gz"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(gzip.compress(CONTENT[file], compresslevel=1, mtime=7))


def array_of(file: str, place: int) -> np.ndarray:
    if "labels" in file:
        return np.full(30, place, np.uint8)
    return np.resize(np.roll(np.arange(256, dtype=np.uint8), place), (30, 28, 28))


CONTENT = {
    file: idx(array_of(file, place))
    for place, file in enumerate(file for pair in FILES.values() for file in pair)
}


def every_file() -> list[str]:
    return list(CONTENT)


def put(target: Path, file: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(CONTENT[file])


@pytest.fixture
def small_mnist(monkeypatch):
    """MNIST, if it were a few images of our own making: its published checksums are theirs."""
    sums = tuple(hashlib.md5(content).hexdigest() for content in CONTENT.values())
    monkeypatch.setitem(DATASETS, "mnist", dataclasses.replace(DATASETS["mnist"], md5=sums))


def unpacked_by_a_browser(root: Path) -> None:
    """Files still called archives."""
    for file in every_file():
        put(root / f"{file}.gz", file)


def packed_under_a_plain_name(root: Path) -> None:
    for file in every_file():
        root.mkdir(parents=True, exist_ok=True)
        (root / file.replace("-idx", ".idx")).write_bytes(gzip.compress(CONTENT[file]))


LAYOUTS = [kaggle, kaggle_folders, packed_anew, unpacked_by_a_browser, packed_under_a_plain_name]
PLACES = ["MNIST/raw", "MNIST", "mnist", ".", "archive", "mnist-dataset", "mnist/raw", "MNIST/any"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("lay_out", LAYOUTS)
def test_the_right_content_is_read_from_other_layouts(small_mnist, tmp_path, lay_out, place):
    lay_out(tmp_path / place)
    assert has_images("mnist", tmp_path)
    for split, (images, _) in FILES.items():
        found = load_split("mnist", split, tmp_path, download=False)
        assert len(found) == 30 and CONTENT[images].endswith(found.images.tobytes())
    fetch("mnist", tmp_path)  # nothing is missing: no mirror is asked
    assert not has_images("fashion-mnist", tmp_path)


def test_real_mnist_as_kaggle_has_it_is_mnist(mnist, tmp_path):
    for file in FILES["test"]:
        (tmp_path / file.replace("-idx", ".idx")).symlink_to(raw_folder("mnist", DATA).resolve() / file)
    np.testing.assert_array_equal(
        load_split("mnist", "test", tmp_path, download=False).images, mnist[1].images
    )
    assert not has_images("mnist", tmp_path, "train") and not has_images("fashion-mnist", tmp_path, "test")


def test_other_content_under_such_a_name_is_named_with_its_place(small_mnist, tmp_path):
    kaggle(tmp_path)
    path = tmp_path / "train-images.idx3-ubyte"
    path.write_bytes(CONTENT["train-images-idx3-ubyte"][:-1] + b"\7")
    with pytest.raises(DataError, match=f"MNIST is not in .*: {path} is not the published file .md5"):
        load_split("mnist", "train", tmp_path, download=False)
    path.unlink()
    with pytest.raises(DataError, match="Fashion-MNIST is not in .*train-labels.idx1-ubyte is MNIST's"):
        load_split("fashion-mnist", "test", tmp_path, download=False)
    with pytest.raises(DataError, match="MNIST is not in .* as a whole: train-images-idx3-ubyte cannot be"):
        load_split("mnist", "train", tmp_path, download=False)


@pytest.mark.parametrize("file", ["mnist_train.csv", "mnist.npz", "mnist.pkl.gz", "archive/mnist_test.csv"])
def test_files_of_another_format_are_named(tmp_path, file):
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_bytes(b"1,2")
    with pytest.raises(DataError, match=f"MNIST is not in .*: {file} there is of another format"):
        load_split("mnist", "test", tmp_path, download=False)


def test_files_in_a_folder_of_another_data_set_are_not_looked_at(small_mnist, tmp_path):
    kaggle(tmp_path / "FashionMNIST")
    with pytest.raises(DataError, match=f"^MNIST is not in {tmp_path}; put"):
        load_split("mnist", "test", tmp_path, download=False)


@pytest.mark.parametrize(
    "content", [b"\x1f\x8bxxxx", b"<html>not found</html>", b""], ids=["gzip", "html", "0"]
)
@pytest.mark.parametrize("place", ["MNIST/raw", "archive"])
def test_an_archive_that_is_none_is_said_to_be_no_archive(small_mnist, tmp_path, place, content):
    packed_anew(tmp_path / place)
    path = tmp_path / place / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"{path} is not the published file, it cannot be unpacked"):
        load_split("mnist", "test", tmp_path, download=False)
    with pytest.raises(DataError, match=f"{path} is not an idx file .* and cannot be unpacked"):
        read_idx(path, 3)


def test_a_damaged_archive_is_not_taken_for_the_data_set(small_mnist, tmp_path):
    packed_anew(tmp_path)
    path = tmp_path / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(path.read_bytes()[:20])
    assert has_images("mnist", tmp_path, "train") and not has_images("mnist", tmp_path, "test")
    with pytest.raises(DataError, match=f"{path.name} is not the published file"):
        load_split("mnist", "test", tmp_path, download=False)


def test_a_data_set_without_published_checksums_is_read_from_its_own_folder_alone(tmp_path):
    arrays = lay(tmp_path / "KMNIST")
    found = load_split("kmnist", "test", tmp_path, download=False)
    np.testing.assert_array_equal(found.images[:, 0], arrays[FILES["test"][0]])
    lay(tmp_path / "other" / "data")
    assert not has_images("kmnist", tmp_path / "other" / "data")


def swap(a: Path, b: Path) -> None:
    first, second = a.read_bytes(), b.read_bytes()
    a.write_bytes(second)
    b.write_bytes(first)


def test_a_checksum_tells_sets_apart(digits):
    train = digits[0]
    other = ImageSet(train.images[::-1].copy(), train.labels, train.class_names)
    assert (
        other.checksum()
        != train.checksum()
        == ImageSet(train.images.copy(), train.labels.copy(), train.class_names).checksum()
    )
