"""The checks of fields that hold many numbers: places, rows of latents, pictures."""

from __future__ import annotations

import base64
from itertools import chain
from typing import Any, NoReturn

import numpy as np

from vae.checks import MOST_Z, between, in_range, refuse, short
from vae.data.sketch import PICTURE, as_picture
from vae.errors import InputError
from vae.ui.fields import NUMBERS, Check, Given

MOST_ROWS = 1024  # latents of one question
MOST_SIDE = 1024  # pixels of one side of an image


def refuse_entry(name: str, value: Any, low: float, high: float) -> NoReturn:
    """`InputError` about one number of many."""
    raise InputError(f"{name} is {short(value)}; it must be {between(low, high)}.")


def _floats(
    name: str, rows: list[list[Any]], low: float, high: float, entry: str = "{name}[{i}][{j}]", width: int = 1
) -> np.ndarray:
    """Rows (all of one length, seen before) as float32; the first entry that is no number or out of range is named."""
    if set(chain.from_iterable(map(type, row) for row in rows)) <= NUMBERS:
        try:
            array = np.array(rows, np.float64)
            if ((array >= low) & (array <= high)).all():
                return array.astype(np.float32)
        except OverflowError:  # a whole number that no float can hold
            pass
    i, j = next(
        (i, j) for i, row in enumerate(rows) for j, value in enumerate(row) if not in_range(value, low, high)
    )
    refuse_entry(entry.format(name=name, i=i, j=j, y=i // width, x=i % width), rows[i][j], low, high)


def vector(length: int | None = None) -> Check:
    """A place (Z,); of the model of this question where no length is given."""

    def is_vector(name: str, value: Any, given: Given) -> np.ndarray:
        size = length or given.config.latent_dim
        allowed = f"a list of {size} numbers" + (
            "" if length else f", one for each dimension of {given.fields['model']}"
        )
        if not isinstance(value, list) or any(isinstance(v, list) for v in value[:MOST_ROWS]):
            refuse(name, value, allowed)
        if len(value) != size:
            raise InputError(f"{name} has {len(value):,} entries; it must be {allowed}.")
        for i, v in enumerate(value):
            if not in_range(v, -MOST_Z, MOST_Z):
                refuse_entry(f"{name}[{i}]", v, -MOST_Z, MOST_Z)
        return np.array(value, np.float32)

    return is_vector


def rows(size: int | None, least: int, most: int, letter: str) -> Check:
    """Rows of numbers (`letter`, size); a model's dimensions where no size is given."""

    def are_rows(name: str, value: Any, given: Given) -> np.ndarray:
        width = size or given.config.latent_dim
        allowed = f"a list of {least:,} to {most:,} lists of {width} numbers, ({letter}, {width})"
        if not isinstance(value, list) or not value:
            refuse(name, value, allowed)
        if not least <= len(value) <= most:
            raise InputError(f"{name} has {len(value):,} rows; it must be {allowed}.")
        for i, row in enumerate(value):
            if not isinstance(row, list):
                hint = "; put a single place into a list of its own" if type(row) in NUMBERS else ""
                raise InputError(f"{name}[{i}] is {short(row)}; {name} must be {allowed}{hint}.")
            if len(row) != width:
                raise InputError(f"{name}[{i}] has {len(row):,} numbers; {name} must be {allowed}.")
        return _floats(name, value, -MOST_Z, MOST_Z)

    return are_rows


latents = rows(None, 1, MOST_ROWS, "N")


def image(name: str, value: Any, given: Given) -> np.ndarray:
    """A picture (H, W), or (H, W, 1), 3 or 4, in [0, 1]; of these shapes `Explorer` refuses all others."""
    allowed = f"{PICTURE}, with sides from 1 to {MOST_SIDE}"
    if not isinstance(value, list) or not value:
        refuse(name, value, allowed)
    if len(value) > MOST_SIDE:
        raise InputError(f"{name} has {len(value):,} rows; it must be {allowed}.")
    width = len(value[0]) if isinstance(value[0], list) else 0
    for i, row in enumerate(value):
        if not isinstance(row, list) or not row:
            raise InputError(f"{name}[{i}] is {short(row)}; {name} must be {allowed}.")
        if len(row) > MOST_SIDE or len(row) != width:
            odd = f"{name}[{i}] has {len(row):,} pixels" + (
                f", but {name}[0] has {width:,}" if len(row) != width else ""
            )
            raise InputError(f"{odd}; {name} must be {allowed}.")
    if not isinstance(value[0][0], list):
        return _floats(name, value, 0, 1)
    pixels, channels = list(chain.from_iterable(value)), len(value[0][0])
    for i, pixel in enumerate(pixels):
        if not isinstance(pixel, list) or len(pixel) != channels:
            raise InputError(
                f"{name}[{i // width}][{i % width}] is {short(pixel)}, but {name}[0][0] has {channels} numbers; {name} must be {allowed}."
            )
    return as_picture(
        _floats(name, pixels, 0, 1, "{name}[{y}][{x}][{j}]", width).reshape(len(value), width, channels)
    )


def square_bytes(side: int) -> Check:
    """A grey picture of side x side bytes in base64, as float32 (side, side) in [0, 1]."""

    def is_square(name: str, value: Any, given: Given) -> np.ndarray:
        allowed = f"{side} x {side} bytes in base64"
        if not isinstance(value, str) or len(value) > 2 * side * side:
            refuse(name, value, allowed)
        try:
            flat = np.frombuffer(base64.b64decode(value, validate=True), np.uint8)
        except ValueError:
            refuse(name, value, allowed)
        if flat.size != side * side:
            raise InputError(f"{name} holds {flat.size:,} bytes; it must be {allowed}.")
        return flat.reshape(side, side).astype(np.float32) / 255

    return is_square
