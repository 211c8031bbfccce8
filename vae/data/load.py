"""From disk, a mirror or scikit-learn to an `ImageSet`, checked before it is believed."""

from __future__ import annotations

import functools
import gzip
import hashlib
import http.client
import os
import threading
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vae.data.idx import AGAIN, MOST_BYTES, is_packed, read_idx, unpacked
from vae.data.sets import DATASETS, DIGIT_NAMES, FILES, ImageSet
from vae.errors import DataError, UnreadableError, unreadable
from vae.reading import Refused, pieces

MOST_LOOKED_AT = 100  # files or folders of a folder that is searched: somebody's whole home may be named
TIMEOUT = 20.0  # seconds without a byte after which a download gives up


def data_dir(root: str | Path | None = None) -> Path:
    """The data folder: the argument, else the environment's VAE_DATA, else `data`, here or, where there is none, in the clone that this runs from."""
    if named := root or os.environ.get("VAE_DATA"):
        return Path(os.path.expanduser(named))
    here, clone = Path("data"), Path(__file__).parents[2]
    return clone / "data" if not here.is_dir() and (clone / "app.py").is_file() else here


def load_split(
    name: str,
    split: str,
    root: str | Path | None = None,
    *,
    download: bool = True,
    progress: Callable[[int, int], None] | None = None,
    cancel: threading.Event | None = None,
) -> ImageSet:
    """The `train` or `test` images of a data set, fetched first where they are missing and `download` allows it.

    `progress(bytes_done, bytes_total)` is called while downloading; setting `cancel` stops it. `DataError` says what is
    wrong with a file, or what was tried and where to put the files by hand.
    """
    if name not in DATASETS:
        raise DataError(f"dataset is {name!r}; the data sets are {', '.join(DATASETS)}.")
    if split not in FILES:
        raise DataError(f"split is {split!r}; it must be train or test.")
    if DATASETS[name].torchvision is None:
        return _digits(split)
    if not has_images(name, root, split):
        if not download:
            raise DataError(
                f"{DATASETS[name].title} is not in {data_dir(root)}{_found_instead(name, root)}",
                _by_hand(name, root),
            )
        fetch(name, root, progress, cancel)
    return _read_split(name, split, root)


def raw_folder(name: str, root: str | Path | None = None) -> Path:
    """Where torchvision lays a data set's idx files."""
    return data_dir(root) / str(DATASETS[name].torchvision) / "raw"


def has_images(name: str, root: str | Path | None = None, split: str | None = None) -> bool:
    """Whether the files of a split (of both, by default) are on disk; of those in torchvision's place it says nothing of what is in them."""
    if DATASETS[name].torchvision is None:
        return True
    return all(locate(name, file, root) for s in FILES if split in (None, s) for file in FILES[s])


def published_md5(name: str, file: str) -> str | None:
    """The checksum of one of a data set's four files, unpacked; None where none is published."""
    order = [file for pair in FILES.values() for file in pair]
    return dict(zip(order, DATASETS[name].md5)).get(file)


def locate(name: str, file: str, root: str | Path | None = None) -> Path | None:
    """Where one of a data set's files lies: in torchvision's place, else under another name or packed anew, if its content is the published one."""
    try:
        return _locate(name, file, root)
    except OSError as error:
        raise unreadable(raw_folder(name, root) / file, error) from error


def _locate(name: str, file: str, root: str | Path | None) -> Path | None:
    usual, md5 = raw_folder(name, root) / file, published_md5(name, file)
    if usual.is_file():
        return usual
    found = _elsewhere(name, file, root)
    if md5 is None:  # nothing tells the data sets apart: only in its own folder, and only unpacked
        own = raw_folder(name, root).parent
        return next((p for p in found if p.is_relative_to(own) and p.suffix != ".gz"), None)
    return next((path for path in found if content_md5(path) == md5), None)


def _elsewhere(name: str, file: str, root: str | Path | None) -> list[Path]:
    """Files that may be this one by their names: with a dot (as Kaggle has them), in a folder of the same name, packed."""
    names = [file, file.replace("-idx", ".idx")]
    places = [
        folder / inner / (text + packed)
        for folder in _folders(name, root)
        for text in names
        for inner in ("", text)
        for packed in ("", ".gz")
    ]
    return [path for path in places if path.is_file()]


def _folders(name: str, root: str | Path | None) -> list[Path]:
    """Where a data set's files are looked for: torchvision's folder, those above it, and what lies in these, such as an unpacked `archive`."""
    raw, top = raw_folder(name, root), data_dir(root)
    others = {text for known, of in DATASETS.items() if known != name for text in (known, of.torchvision)}
    above = [raw.parent, top / name, top]
    inside = [path for folder in above for path in _within(folder) if path.name not in others]
    return list(dict.fromkeys([raw, *above, *(path for path in inside if path.is_dir())]))


def _within(folder: Path) -> list[Path]:
    """The first files and folders of a folder, by name; none of one that cannot be read."""
    try:
        return sorted(folder.iterdir())[:MOST_LOOKED_AT]
    except OSError:
        return []


def _found_instead(name: str, root: str | Path | None) -> str:
    """What lies there under such names, and what it is; empty where there is nothing."""
    for file in (file for pair in FILES.values() for file in pair):
        for path in _elsewhere(name, file, root):
            md5 = content_md5(path)
            if md5 != published_md5(name, file):
                return f": {path} {_what(md5)}"
    missing = [file for pair in FILES.values() for file in pair if not locate(name, file, root)]
    if len(missing) < 4:
        return f" as a whole: {', '.join(missing)} cannot be found"
    others = [
        path.relative_to(data_dir(root)).as_posix()
        for folder in _folders(name, root)
        for path in _within(folder)
        if _other(path)
    ]
    return f": {', '.join(others[:3])} there is of another format, idx files are read" if others else ""


def _what(md5: str) -> str:
    """What a file with this checksum is, where it is not the one that was looked for."""
    owners = {md5: known.title for known in DATASETS.values() for md5 in known.md5}
    if md5 in owners:
        return f"is {owners[md5]}'s"
    return (
        f"is not the published file (md5 {md5})"
        if md5
        else "is not the published file, it cannot be unpacked"
    )


def _other(path: Path) -> bool:
    return path.is_file() and path.name.endswith(
        (".csv", ".npz", ".npy", ".pkl", ".pkl.gz", ".parquet", ".zip")
    )


def _by_hand(name: str, root: str | Path | None) -> str:
    files = ", ".join(file for pair in FILES.values() for file in pair)
    return f"put {files} into {raw_folder(name, root)} by hand, or use the data set digits, which needs no download"


def fetch(
    name: str,
    root: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    cancel: threading.Event | None = None,
) -> None:
    """Download those of a data set's four files that are missing, from torchvision's mirrors, held to its checksums.

    torchvision's own download has no time-out, cannot be stopped and fetches all four again when one is missing, so that step is ours.
    """
    import torchvision.datasets

    kind = getattr(torchvision.datasets, str(DATASETS[name].torchvision))
    folder = raw_folder(name, root)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for i, (file, md5) in enumerate(kind.resources):
            target = folder / file
            if locate(name, target.stem, root):
                continue
            if not (target.is_file() and _md5(target) == md5):
                _download(
                    [mirror + file for mirror in kind.mirrors],
                    target,
                    md5,
                    i,
                    len(kind.resources),
                    progress,
                    cancel,
                )
            part = target.with_suffix(".part")
            part.write_bytes(gzip.decompress(target.read_bytes()))
            part.replace(folder / target.stem)
    except (OSError, EOFError, zlib.error, http.client.HTTPException) as error:
        raise DataError(
            f"{DATASETS[name].title} could not be had from {' or '.join(kind.mirrors)} ({error}){_found_instead(name, root)}",
            _by_hand(name, root),
        ) from error


def _download(
    urls: list[str], target: Path, md5: str, done: int, files: int, progress, cancel: threading.Event | None
) -> None:
    """Fetch one file from the first address that gives it whole; progress counts in thousandths of all files."""
    part = target.with_suffix(".part")
    for url in urls:
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT) as answer, part.open("wb") as out:
                size = int(answer.headers.get("Content-Length") or 0)
                # what has come, so that a slow mirror can be cancelled too
                while chunk := answer.read1(1 << 16):
                    if cancel is not None and cancel.is_set():
                        raise DataError(
                            f"The download of {target.name} was cancelled; start it again when you like."
                        )
                    out.write(chunk)
                    if progress is not None:
                        share = out.tell() / size if size else 0.5
                        progress(int(1000 * (done + share)), 1000 * files)
            if _md5(part) != md5:  # torchvision would fetch it once more, without a time-out
                raise OSError(f"what {url} gave is not the published file (md5 {_md5(part)}, not {md5})")
            part.replace(target)
            return
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            if url == urls[-1]:
                raise
        finally:
            part.unlink(missing_ok=True)


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for piece in pieces(path, MOST_BYTES):
        digest.update(piece)
    return digest.hexdigest()


def content_md5(path: Path) -> str:
    """The checksum of a file, of a packed one unpacked; empty for one that cannot be unpacked or may not be read."""
    try:
        stat = path.stat()
        return _content_md5(path, stat.st_size, stat.st_mtime_ns)
    except (Refused, EOFError, zlib.error, gzip.BadGzipFile, FileNotFoundError, PermissionError):
        return ""
    except OSError as error:
        raise unreadable(path, error) from error


@functools.lru_cache(maxsize=64)
def _content_md5(path: Path, size: int, changed: int) -> str:
    """Read once a file as it stands: whether images are at hand is asked often."""
    if not is_packed(path):
        return _md5(path)
    return hashlib.md5(unpacked(path), usedforsecurity=False).hexdigest()


def _read_split(name: str, split: str, root: str | Path | None) -> ImageSet:
    known, folder = DATASETS[name], raw_folder(name, root)
    paths = [locate(name, file, root) or folder / file for file in FILES[split]]
    images, labels = read_idx(paths[0], 3), read_idx(paths[1], 1)
    _, height, width = known.image_shape
    if images.shape[1:] != (height, width) or not len(images):
        raise DataError(
            f"{paths[0]} holds {images.shape[0]} images of {images.shape[1:]}; {known.title} has images of {(height, width)}."
        )
    if len(images) != len(labels):
        raise DataError(
            f"{paths[1]} holds {len(labels)} labels, but {paths[0].name} holds {len(images)} images; one of them belongs to another split."
        )
    if labels.max() >= len(known.class_names):
        raise DataError(
            f"{paths[1]} holds the label {labels.max()}; {known.title} has labels from 0 to {len(known.class_names) - 1}."
        )
    for path, file in zip(paths, FILES[split]):
        md5, found = published_md5(name, file), content_md5(path)
        if not found:
            raise UnreadableError(f"{path} was changed while it was read; try again.")
        if md5 and found != md5:
            raise DataError(
                f"{path} is not {known.title}'s published file (md5 {found}, not {md5})",
                AGAIN,
            )
    return ImageSet(images[:, None], labels.astype(np.int64), known.class_names)


def _digits(split: str) -> ImageSet:
    """scikit-learn's 1,797 handwritten digits, a fixed stratified split of 1,437 and 360."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    train, test = train_test_split(
        np.arange(len(digits.target)), test_size=360, random_state=0, stratify=digits.target
    )
    rows = np.sort(train if split == "train" else test)
    images = np.round(digits.images[rows] * (255 / 16)).astype(np.uint8)  # 0..16 -> 0..255
    return ImageSet(images[:, None], digits.target[rows].astype(np.int64), DIGIT_NAMES)
