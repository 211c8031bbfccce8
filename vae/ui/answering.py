"""How a question of the page is answered: its fields checked, on the server's loop or in a thread, a fault as {"error": sentence}."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse

from vae.errors import VAEError
from vae.ui import fields as checks
from vae.ui.packing import Fields
from vae.ui.pools import AGAIN, READING, SMALL, Busy, Pool
from vae.ui.revisions import Revisions
from vae.ui.web.costs import counted
from vae.ui.web.guard import strangers

if TYPE_CHECKING:
    from vae.explorer import Explorer

log = logging.getLogger("vae.ui")


def door(
    pool: Pool = SMALL,
    *,
    quick: bool = False,
    first: bool = False,
    network: bool = True,
    **wanted: checks.Check,
) -> Callable[[Callable[..., Fields]], Callable[..., Fields]]:
    """A method that the page may ask, with the check of each of its fields, and the threads that answer it.

    `quick` ones take milliseconds once their model is in memory and are then answered without a thread's round trip;
    `first` ones are all that a page needs to draw its map; `network` is False where codes and small files are enough.
    """

    def wrap(method: Callable[..., Fields]) -> Callable[..., Fields]:
        method.door = {  # type: ignore[attr-defined]
            "pool": pool,
            "quick": quick,
            "first": first,
            "network": network,
            "checks": wanted,
        }
        return method

    return wrap


class Answering:
    """Hands out the doors of a class as the plain functions that Gradio wants."""

    def __init__(self, explorer: Explorer, public: bool = False):
        self.explorer, self.public = explorer, public
        self.strangers = strangers(public)  # ask, so that texts do not tell what only the owner needs
        self.beyond = threading.Event()  # set once a page asks for more than its first map
        self._ready: set[tuple] = set()  # keys of folders whose models have answered once
        self._importing: asyncio.Future | None = None
        self._reading: dict[str, asyncio.Future] = {}  # models that are being read, for all who wait for them

    def functions(self) -> list[Callable[..., Any]]:
        """One plain async function for each method that is a door."""
        names = [name for name, method in vars(type(self)).items() if hasattr(method, "door")]
        return [self._function(name) for name in names]

    def told(self, content: Any) -> Any:
        """Texts and errors for whoever asks: to strangers they do not tell where folders lie, nor what only their owner can do."""
        if isinstance(content, VAEError):
            return self.explorer.catalogue.shown(content) if self.strangers else str(content)
        if not self.strangers:
            return content
        if isinstance(content, dict):
            return {key: self.told(value) for key, value in content.items()}
        if isinstance(content, list):
            return [self.told(value) for value in content]
        return self.explorer.catalogue.shown(content) if isinstance(content, str) else content

    def read(self, model: str) -> None:
        """Read a model and let it answer once: the first answer also builds what later ones use. `VAEError` where it cannot be read."""
        folder = self.explorer.catalogue.folder(model)
        config = folder.model
        with counted():
            # what needs no network is done beside the import of torch
            self.explorer.support(model, np.zeros((1, config.latent_dim), np.float32))
            z, label = np.zeros(config.latent_dim, np.float32), 0 if config.conditional else None
            self.explorer.place(model, z, label)
        self._ready.add(folder.key)

    def _function(self, name: str) -> Callable[..., Any]:
        method = getattr(self, name)
        known, wanted = method.door, method.door["checks"]

        def answer(fields: Any) -> Fields:
            try:
                with counted():
                    revisions, asked = Revisions.of(fields, self.explorer)
                    return revisions.of_one_moment(
                        lambda: method(**checks.check(name, wanted, asked, self.explorer))
                    )
            except VAEError as error:
                return {"error": self.told(error)}
            except Exception:
                log.exception("the door %s failed", name)
                text = f"The server could not answer this question ({name}); its log says why."
                return {"error": f"{text} Try another model or reload the page."}

        async def ask(fields, request: Request | None = None):
            if not known["first"]:
                self.beyond.set()
            gone = None if request is None else request.is_disconnected
            try:
                models = self._models(fields)
                if known["network"]:
                    for model in models:
                        await self._in_memory(model)
                if known["quick"] and models and all(map(self._is_ready, models)):
                    return answer(fields)
                return await known["pool"].run(partial(answer, fields), gone)
            except Busy as busy:
                told = {"error": str(busy), "busy": True}
                return JSONResponse(told, 503, {"retry-after": str(AGAIN)})
            except VAEError as error:  # the visitor left, or the models folder cannot be read
                return {"error": self.told(error)}

        ask.__name__ = ask.__qualname__ = name
        ask.__doc__ = method.__doc__
        return ask

    def _models(self, fields: Any) -> list[str]:
        """The models that a question names, as far as they exist; it is checked only later."""
        if not isinstance(fields, dict):
            return []
        named, several = fields.get("model"), fields.get("models")
        names = [named, *(several[:64] if isinstance(several, list) else ())]
        known = self.explorer.catalogue.folders()
        return list(dict.fromkeys(n for n in names if isinstance(n, str) and n in known))

    def _is_ready(self, model: str) -> bool:
        """Whether a question about a model takes milliseconds: it is in memory and has answered before."""
        catalogue = self.explorer.catalogue
        return catalogue.in_memory(model) and catalogue.folder(model).key in self._ready

    async def _in_memory(self, model: str) -> None:
        """Wait until a model is ready, together with all who wait for the same; one that cannot be read says so when it is asked."""
        if self._is_ready(model):
            return
        if self._importing is None:
            self._importing = asyncio.ensure_future(READING.run(self.explorer.device_name))  # imports torch
            self._importing.add_done_callback(lambda done: done.cancelled() or done.exception())
        reading = self._reading.get(model)
        if reading is None or reading.done():
            reading = self._reading[model] = asyncio.ensure_future(READING.run(partial(self.read, model)))
            reading.add_done_callback(lambda _: self._reading.pop(model, None))
        await asyncio.wait({reading})
        if isinstance(reading.exception(), Busy):
            raise Busy
