"""The images of the data sets on disk: whether they can be shown, and why not; those that were asked for are kept."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
from cachetools import LRUCache, cachedmethod

from vae.data.load import has_images, load_split, locate
from vae.data.sets import DATASETS, FILES, ImageSet
from vae.errors import DataError, UnreadableError, VAEError, unreadable
from vae.folders.stamps import FileStamp, file_stamp

SPLIT_BYTES = 70_000_000  # of images kept: one training set and some test sets of 28 x 28


class Images:
    """The data sets of one folder. Reading only; safe to ask from several threads."""

    def __init__(self, data_dir: str | Path | None = None):
        self.data_dir = data_dir
        self._splits: LRUCache = LRUCache(SPLIT_BYTES, getsizeof=lambda images: images.images.nbytes)
        self._image_faults: dict[str, tuple[tuple, DataError | None]] = {}
        self._reading = threading.Condition()

    def images_at_hand(self, dataset: str) -> bool:
        """Whether the data set's test images are on disk and can be shown."""
        try:
            found = dataset in DATASETS and has_images(dataset, self.data_dir, "test")
        except UnreadableError:  # the next question may find them
            return False
        return found and self.images_fault(dataset) is None

    def images_fault(self, dataset: str) -> VAEError | None:
        """What is wrong with the test images that lie there, as an error that nobody has met yet; None where they are sound or absent."""
        try:
            stamp = self.images_stamp(dataset, "test")
            if not stamp:
                return None
            known, fault = self._image_faults.get(dataset, ((), None))
            if known != stamp:
                fault = self._test_fault(dataset)
                self._image_faults[dataset] = stamp, fault
            return fault
        except UnreadableError as error:  # the next question may find them
            return error

    def _test_fault(self, dataset: str) -> DataError | None:
        try:
            self.images(dataset, "test")
        except UnreadableError:
            raise
        except DataError as error:
            return error
        return None

    def images_stamp(self, dataset: str, split: str) -> tuple[FileStamp, ...]:
        """What a cache of anything computed from these images has in its key: the files can be replaced."""
        if dataset not in DATASETS or DATASETS[dataset].torchvision is None:
            return ()  # scikit-learn's own do not change
        try:
            found = [locate(dataset, file, self.data_dir) for file in FILES.get(split, ())]
            return () if None in found else tuple(file_stamp(path.stat()) for path in found if path)
        except FileNotFoundError:  # removed a moment ago
            return ()
        except OSError as error:
            raise unreadable(f"The images of {dataset}", error) from error

    @cachedmethod(
        lambda self: self._splits,
        lambda self, dataset, split: (dataset, split, self.images_stamp(dataset, split)),
        condition=lambda self: self._reading,
    )
    def images(self, dataset: str, split: str) -> ImageSet:
        """The `train` or `test` images, from disk only; `DataError` says where to put them."""
        try:
            return load_split(dataset, split, self.data_dir, download=False)
        except (OSError, MemoryError) as error:
            raise unreadable(f"The images of {dataset}", error) from error

    def original(self, dataset: str, index: int) -> np.ndarray | None:
        """x (C, H, W) of one test image, None where the data set cannot be had."""
        try:
            images = self.images(dataset, "test").images
        except VAEError:
            return None
        return images[index].astype(np.float32) / 255 if index < len(images) else None
