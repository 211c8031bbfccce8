"""How a question of the page is answered: its fields checked, on the server's loop or in a thread, a fault as {"error": sentence}."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vae.errors import VAEError
from vae.ui import fields as checks
from vae.ui.packing import Fields

if TYPE_CHECKING:
    from vae.explorer import Explorer

log = logging.getLogger("vae.ui")


def door(
    *, quick: bool = False, first: bool = False, **wanted: checks.Check
) -> Callable[[Callable[..., Fields]], Callable[..., Fields]]:
    """A method that the page may ask, with the check of each of its fields.

    `quick` ones take milliseconds once their model is in memory and are then answered without a thread's round trip;
    `first` ones are all that a page needs to draw its map.
    """

    def wrap(method: Callable[..., Fields]) -> Callable[..., Fields]:
        method.door = {"quick": quick, "first": first, "checks": wanted}  # type: ignore[attr-defined]
        return method

    return wrap


class Answering:
    """Hands out the doors of a class as the plain functions that Gradio wants."""

    def __init__(self, explorer: Explorer, public: bool = False):
        self.explorer, self.public = explorer, public
        self.beyond = threading.Event()  # set once a page asks for more than its first map
        self.warm = threading.Event()  # set once torch is loaded: before that no answer may hold up the loop

    def functions(self) -> list[Callable[..., Any]]:
        """One plain async function for each method that is a door."""
        names = [name for name, method in vars(type(self)).items() if hasattr(method, "door")]
        return [self._function(name) for name in names]

    def told(self, content: Any) -> Any:
        """Texts for whoever asks: on a public page they do not tell where folders lie."""
        if not self.public:
            return content
        if isinstance(content, dict):
            return {key: self.told(value) for key, value in content.items()}
        if isinstance(content, list):
            return [self.told(value) for value in content]
        return self.explorer.catalogue.shown(content) if isinstance(content, str) else content

    def _function(self, name: str) -> Callable[..., Any]:
        method = getattr(self, name)
        quick, first, wanted = (method.door[key] for key in ("quick", "first", "checks"))

        def answer(fields: Any) -> Fields:
            try:
                return method(**checks.check(name, wanted, fields, self.explorer))
            except VAEError as error:
                return {"error": self.told(str(error))}
            except Exception:
                log.exception("the door %s failed", name)
                text = f"The server could not answer this question ({name}); its log says why."
                return {"error": f"{text} Try another model or reload the page."}

        async def ask(fields):
            if not first:
                self.beyond.set()
            if quick and self.warm.is_set() and self._in_memory(fields):
                return answer(fields)
            return await asyncio.to_thread(answer, fields)

        ask.__name__ = ask.__qualname__ = name
        ask.__doc__ = method.__doc__
        return ask

    def _in_memory(self, fields: Any) -> bool:
        """Whether a question is about a model that need not be read first."""
        model = fields.get("model") if isinstance(fields, dict) else None
        return isinstance(model, str) and self.explorer.catalogue.in_memory(model)
