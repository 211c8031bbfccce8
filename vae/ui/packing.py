"""Arrays and numbers as the page receives them."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

Fields = dict[str, Any]


def pack(array: Any) -> Fields | None:
    """An array as {"b64", "dtype", "shape"}, little-endian; None stays None."""
    if array is None:
        return None
    array = np.ascontiguousarray(array)
    array = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return {
        "b64": base64.b64encode(array.tobytes()).decode("ascii"),
        "dtype": array.dtype.name,
        "shape": list(array.shape),
    }


def pack_images(images: Any) -> Fields | None:
    """Images in [0, 1] as uint8."""
    if images is None:
        return None
    images = np.asarray(images)
    return pack(images if images.dtype == np.uint8 else np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8))


def pack_signed(error: Any) -> Fields | None:
    """Differences in [-1, 1] as uint8 around 128."""
    return (
        None
        if error is None
        else pack(np.rint(np.clip(np.asarray(error), -1, 1) * 127 + 128).astype(np.uint8))
    )


def plain(value: Any) -> Any:
    """Numpy scalars and arrays as what JSON knows."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.item() if isinstance(value, np.generic) else value
