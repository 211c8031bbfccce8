"""The sentences that page, card and README share, from one table; numbers are filled in where they are known."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parent / "ui" / "static" / "texts" / "en.json"


@functools.cache
def texts() -> dict[str, Any]:
    """The whole table: {group: {key: sentence, or a table of sentences}}."""
    return json.loads(TABLE.read_text(encoding="utf-8"))


def text(*keys: str, **numbers: Any) -> str:
    """One sentence, `text("recipes", "tutorial", "net", width=400)`, with its numbers in their places."""
    found: Any = texts()
    for key in keys:
        found = found[key]
    return found.format(**numbers)
