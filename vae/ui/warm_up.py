"""Loading ahead: torch and the models that the page opens with, while the browser draws."""

from __future__ import annotations

import contextlib
import gc
import logging
from typing import TYPE_CHECKING

from vae.data.sets import DATASETS
from vae.errors import VAEError

if TYPE_CHECKING:
    from vae.explorer import Explorer
    from vae.ui.doors import Doors

log = logging.getLogger("vae.ui")
PATIENCE = 10  # seconds without a visitor after which the networks are loaded anyway


def hash_weights(explorer: Explorer) -> None:
    """Know every model's revision, and whether test images are sound, before the page's first question wants it all: while the page is built."""
    with contextlib.suppress(VAEError):  # that question says what is wrong
        explorer.catalogue.revisions()  # kept by the files' stamps
        for dataset in DATASETS:
            explorer.catalogue.images_at_hand(dataset)


def warm_up(explorer: Explorer, doors: Doors) -> None:
    """Load torch and the model that the page opens with, so that the first click finds them ready; then its other sizes.

    Only once a page asks for more than its first map, which needs neither: loading them would share the processor with its drawing.
    """
    doors.beyond.wait(PATIENCE)
    try:
        for name in explorer.catalogue.opens_with():
            try:
                doors.read(name)
                explorer.map(name)
            except VAEError as error:
                log.warning("%s", error)
        explorer.device_name()
    except Exception:
        log.exception("the first model could not be loaded ahead")
    finally:
        # gradio, torch and the first models stay: a collection over them would hold up an answer by 0.25 s
        gc.freeze()
        gc.enable()
