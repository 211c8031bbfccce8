"""Which training of its models a page asks about: answers are of the weights that the page has, or it is told that they changed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vae.checks import refuse
from vae.errors import InputError, VAEError
from vae.texts import text
from vae.ui.fields import MOST_NAME
from vae.ui.packing import Fields

if TYPE_CHECKING:
    from vae.explorer import Explorer

FIELD = "revs"  # of every question: {model: its revision when the page was opened}
MOST = 64  # models of one question
ATTEMPTS = 3  # answers to one question whose model changes meanwhile


class Revisions:
    """The revisions that a page knows of the models it asks about."""

    def __init__(self, known: dict[str, str], explorer: Explorer):
        self.known, self.explorer = known, explorer

    @classmethod
    def of(cls, fields: Any, explorer: Explorer) -> tuple[Revisions, Any]:
        """Those that a question names, and the question without them."""
        if not isinstance(fields, dict) or fields.get(FIELD) is None:
            rest = {k: v for k, v in fields.items() if k != FIELD} if isinstance(fields, dict) else fields
            return cls({}, explorer), rest
        known = fields[FIELD]
        right = isinstance(known, dict) and len(known) <= MOST
        if not right or not all(_is_revision(name, value) for name, value in known.items()):
            refuse(FIELD, known, f"an object of at most {MOST} model names, each with 8 hexadecimal digits")
        return cls(known, explorer), {k: v for k, v in fields.items() if k != FIELD}

    def of_one_moment(self, answer: Callable[[], Fields]) -> Fields:
        """An answer during which no model changed, and all were those that the page knows; else which are not."""
        for _ in range(ATTEMPTS):
            before = self._keys()
            changed = [name for name in before if self._revision(name) not in (None, self.known[name])]
            if changed:
                return {"error": _said(changed), "changed": changed}
            found = answer()
            if self._keys() == before:
                return found
        raise InputError(text("page", "doors", "changing", models=", ".join(self.known)))

    def _keys(self) -> dict[str, tuple]:
        """What tells one state of a model folder from another; models that are gone are left to the question itself."""
        folders = self.explorer.catalogue.folders()
        return {name: folders[name].key for name in self.known if name in folders}

    def _revision(self, name: str) -> str | None:
        try:
            return self.explorer.catalogue.folder(name).revision
        except VAEError:  # the answer says so
            return None


def _said(changed: list[str]) -> str:
    if len(changed) == 1:
        return text("page", "doors", "changed", models=changed[0])
    return text("page", "doors", "several_changed", models=", ".join(changed))


def _is_revision(name: Any, value: Any) -> bool:
    return (
        len(name) <= MOST_NAME and isinstance(value, str) and re.fullmatch("[0-9a-f]{8}", value) is not None
    )
