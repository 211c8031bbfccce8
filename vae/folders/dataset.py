"""Whether a model is one of the data set that it names: images of that shape, those classes, those training and test images."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from vae.data.sets import DATASETS
from vae.errors import CheckpointError
from vae.folders.model_folder import ModelFolder
from vae.folders.parsing import fault


def fitting(folders: Iterable[ModelFolder]) -> tuple[list[ModelFolder], dict[str, CheckpointError]]:
    """Those of listed folders that are of the data set they name, and {name: why not} of the others."""
    good, odd = [], {}
    for folder in folders:
        try:
            check_dataset(folder)
            good.append(folder)
        except CheckpointError as error:
            odd[folder.name] = error
    return good, odd


def check_dataset(folder: ModelFolder) -> None:
    """`CheckpointError` where `config.json` says something else than what is known of the data set; any other name is somebody's own."""
    known, path = DATASETS.get(folder.dataset), folder.path / "config.json"
    if known is None:
        return
    model, checksum = folder.model, folder.provenance.get("data_checksum")
    if model.image_shape != known.image_shape:
        raise fault(
            path,
            f"image_shape is {model.image_shape}, but images of {folder.dataset} are {known.image_shape}",
        )
    if model.num_classes != len(known.class_names):
        raise fault(
            path,
            f"num_classes is {model.num_classes}, but {folder.dataset} has {len(known.class_names)} classes",
        )
    if checksum is not None and known.train_checksum not in (None, checksum):
        raise fault(
            path,
            f"data_checksum is {checksum!r}, but that of the training images of {folder.dataset} is {known.train_checksum!r}",
        )


def check_test_set(folder: ModelFolder, labels: np.ndarray) -> None:
    """`CheckpointError` where the codes are not as many as the data set's test images, or have other labels."""
    known, path = DATASETS.get(folder.dataset), folder.path / "codes.safetensors"
    if known is None or known.test_labels is None:
        return
    if len(labels) != known.test_size:
        raise fault(
            path, f"holds {len(labels)} codes, but {folder.dataset} has {known.test_size} test images"
        )
    if hashlib.sha256(labels.astype(np.uint8).tobytes()).hexdigest()[:16] != known.test_labels:
        raise fault(path, f"labels are not those of the test images of {folder.dataset}")
