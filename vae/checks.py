"""The checks of single values, the library's and the page's: each names the field, its value and what is allowed."""

from __future__ import annotations

import contextlib
import reprlib
from typing import Any, NoReturn

import numpy as np

from vae.errors import InputError

MOST_WHOLE = 2**53 - 1  # what every JSON reader holds exactly
MOST_Z = 1e6  # a latent farther out than this says nothing and overflows deep decoders
MOST_EXTENT = 100.0  # of a grid, in units of z or in standard deviations
MOST_TEMPERATURE = 3.0
MOST_IMAGES = 100_000  # of one answer, where an endpoint or a page does not ask for fewer

_shorten = reprlib.Repr()
_shorten.maxlevel, _shorten.maxlist, _shorten.maxdict, _shorten.maxstring, _shorten.maxother = 3, 4, 3, 60, 60


def _repr_int(value: int, level: int) -> str:
    return repr(value) if value.bit_length() <= 64 else f"a whole number of {value.bit_length()} bits"


_shorten.repr_int = _repr_int  # type: ignore[method-assign,assignment]  # repr itself refuses numbers of thousands of digits


def short(value: Any) -> str:
    """A value as a sentence can hold it, in JSON's words for nothing and for truth."""
    known = {None: "null", True: "true", False: "false"}
    return known[value] if value is None or isinstance(value, bool) else _shorten.repr(value)


def spelled(value: Any) -> str:
    """A value as a sentence about a file or a Python argument can hold it, in Python's words and never long."""
    if isinstance(value, int) and value.bit_length() <= 4000:  # repr refuses numbers of thousands of digits
        text = repr(value)
        return text if len(text) <= 40 else f"{text[:20]}... of {len(text)} digits"
    return repr(value) if value is None or isinstance(value, float) else _shorten.repr(value)


def refuse(name: str, value: Any, allowed: str, advice: str = "") -> NoReturn:
    """`InputError`: the field, its value, what is allowed; `advice` is for whoever owns the folders."""
    said = f"{name} is {'missing' if value is None else short(value)}; it must be {allowed}"
    raise InputError(said if advice else f"{said}.", advice)


def between(low: float, high: float) -> str:
    """What is allowed of a number, as every refusal says it."""
    return f"a number from {low:,.10g} to {high:,.10g}"


def is_whole(value: Any) -> bool:
    """An int, Python's or numpy's, never a boolean or 3.0."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def in_range(value: Any, low: float, high: float) -> bool:
    """Whether a value is a number from `low` to `high`; NaN fails every comparison."""
    known = is_whole(value) or isinstance(value, (float, np.floating))
    return known and bool(low <= value <= high)


def whole(name: str, value: Any, low: int, high: int | None = None) -> int:
    """A whole number from `low` to `high`."""
    if not is_whole(value) or not low <= value <= (MOST_WHOLE if high is None else high):
        allowed = (
            f"a whole number from {low} to {high}" if high is not None else f"a whole number, {low} or more"
        )
        refuse(name, value, allowed)
    return int(value)


def number(name: str, value: Any, low: float, high: float) -> float:
    """A number from `low` to `high`, which are finite."""
    if not in_range(value, low, high):
        refuse(name, value, between(low, high))
    return float(value)


def listed(name: str, value: Any) -> list:
    """A list, a tuple or an array's rows."""
    if not isinstance(value, (list, tuple, np.ndarray)) or np.ndim(value) == 0:
        refuse(name, value, "a list")
    return list(value)


def latents(name: str, value: Any, size: int, takes: str, dtype: type = np.float32) -> np.ndarray:
    """Places (N, size) within reach; `takes` begins the sentence about what is allowed."""
    return _places(name, value, (None, size), f"{takes} (N, {size})", dtype)


def vector(name: str, value: Any, size: int, takes: str, dtype: type = np.float32) -> np.ndarray:
    """One place (size,) within reach."""
    return _places(name, value, (size,), f"{takes} ({size},)", dtype)


def _places(name: str, value: Any, shape: tuple[int | None, ...], allowed: str, dtype: type) -> np.ndarray:
    z: np.ndarray | None = None
    # rows of different lengths, no numbers, whole numbers that no float can hold
    with contextlib.suppress(TypeError, ValueError, OverflowError):
        given = np.asarray(value)
        z = given.astype(dtype, copy=False) if given.dtype.kind in "iufO" else None
    if z is None:
        raise InputError(f"{name} is {short(value)}, no array of numbers; {allowed}.")
    if z.ndim != len(shape) or any(want not in (None, size) for want, size in zip(shape, z.shape)):
        raise InputError(f"{name} has shape {z.shape}; {allowed}.")
    if not np.isfinite(z).all():
        raise InputError(f"{name} holds a value that is not finite; every entry must be a finite number.")
    if np.abs(z).max(initial=0) > MOST_Z:
        far = z.flat[np.abs(z).argmax()]
        raise InputError(f"{name} holds {far:g}; every entry must be from {-MOST_Z:,.0f} to {MOST_Z:,.0f}.")
    return z
