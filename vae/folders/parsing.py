"""JSON that is believed only after checks: its size, its depth, its numbers, its keys and its texts."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from vae.checks import short
from vae.errors import CheckpointError, readable, unreadable
from vae.reading import Refused, open_file, read_whole

MAX_JSON = 8 << 20  # bytes of a JSON file that are read at all
MOST_DEPTH = 16  # lists and objects inside one another; no file of ours has more than three
MOST_DIGITS = 1000  # of a whole number: no float holds as large a one
RESTORE = "train the model again or restore the folder"
# control characters, line ends and what turns the direction of writing: no name or sentence of ours holds one
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
BRACKETS = np.zeros(256, np.int8)
BRACKETS[list(b"[{")], BRACKETS[list(b"]}")] = 1, -1


def fault(path: Path, what: str, advice: str = RESTORE) -> CheckpointError:
    """What is wrong with a file or folder, and what its owner can do."""
    return CheckpointError(f"{path}: {what}", advice)


def read(path: Path, most: int) -> bytes:
    """The bytes of a file of a model folder; `CheckpointError` where it is missing, too large or no file in that folder."""
    try:
        return read_whole(path, most, path.parent)
    except Refused as error:
        raise fault(path, str(error)) from None


def check_file(path: Path) -> None:
    """`CheckpointError` where `read` would refuse a file, whatever is in it: it is opened and closed."""
    try:
        open_file(path, path.parent).close()
    except Refused as error:
        raise fault(path, str(error)) from None


def is_there(path: Path) -> bool:
    """Whether a file that may be missing is there; a link counts, wherever it leads."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise unreadable(path, error) from error
    return True


def read_json(path: Path, most: int = MAX_JSON) -> dict[str, Any]:
    """A JSON object of finite numbers in which no key stands twice; `CheckpointError` names the file and its fault."""
    try:
        content = parse(read(path, most))
    except (ValueError, RecursionError) as error:
        raise fault(path, f"is not readable JSON ({error})") from error
    if not isinstance(content, dict):
        raise fault(path, "does not hold a JSON object")
    return content


def parse(raw: bytes) -> Any:
    """What JSON text says; `ValueError` where it goes too deep, a key stands twice or a number is none."""
    if depth(raw) > MOST_DEPTH:  # before Python's own reader meets it
        raise ValueError(f"lists and objects stand more than {MOST_DEPTH} deep in one another")
    content = json.loads(
        raw.decode("utf-8"),
        object_pairs_hook=_unique,
        parse_constant=_no_constant,
        parse_float=_finite,
        parse_int=_whole,
    )
    json.dumps(content, ensure_ascii=False).encode(
        "utf-8"
    )  # half a character, written "\\ud800", is an error
    return content


def depth(raw: bytes) -> int:
    """How many lists and objects of a JSON text stand in one another; what stands in its texts does not count."""
    text = np.frombuffer(raw.replace(b"\\\\", b"").replace(b'\\"', b""), np.uint8)
    inside = np.cumsum(text == ord('"'), dtype=np.uint8) & 1  # of a text
    steps = np.where(inside, np.int8(0), BRACKETS[text])
    return int(np.cumsum(steps, dtype=np.int32).max(initial=0))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {short(key)} stands there twice")
        found[key] = value
    return found


def _no_constant(text: str):
    raise ValueError(f"{text} is not a number that JSON knows")


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"{text:.30} is too large")
    return value


def _whole(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError(f"{text:.30} and so on is too large, with {len(text)} digits")
    return int(text)


def is_figure(value: Any) -> bool:
    """A number that a float can hold, or null."""
    return value is None or (
        isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300
    )


def is_text(value: Any, most: int) -> bool:
    """A text of one line and at most `most` characters."""
    return isinstance(value, str) and len(value) <= most and not CONTROL.search(value)


def in_one_line(content: Any) -> Any:
    """The same content with U+FFFD in its texts for what `is_text` and UTF-8 refuse: a path may hold it, and a command names paths."""
    if isinstance(content, str):
        return CONTROL.sub("\ufffd", readable(content))
    if isinstance(content, dict):
        return {key: in_one_line(value) for key, value in content.items()}
    return [in_one_line(value) for value in content] if isinstance(content, (list, tuple)) else content
