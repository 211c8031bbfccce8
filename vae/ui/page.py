"""The page: the header above the tabs, in their order."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import gradio as gr

from vae.errors import VAEError
from vae.ui.doors import Doors
from vae.ui.parts import Part
from vae.ui.web import assets
from vae.ui.web.gradio_patches import event_fields

TABS: tuple[tuple[str, dict[str, str]], ...] = (  # title, {part: what it says while it waits}, side by side
    ("Map", {"map": "Drawing the map …", "inspector": ""}),
    ("Manifold", {"manifold": "Decoding the sheet …"}),
    ("Compare", {"wall": "Fetching the images …"}),
    ("Draw", {"draw": "Laying out the paper …"}),
    ("About", {"about": "Reading the card …"}),
)
PUBLIC = "This page is public, so its visitors cannot start downloads; whoever runs it can put the images into its data folder. Everything else works."


class Fetching:
    """The one download at a time that the page may start: a queued event with progress and cancel; on a public page nobody starts one."""

    def __init__(self, explorer: Any, public: bool = False):
        self.explorer, self.public, self.cancel = explorer, public, threading.Event()

    def fetch(self, event: gr.EventData) -> Iterator[str]:
        """News of the download as JSON, twice a second, until it is done, cancelled or refused."""
        dataset = str(event_fields(event).get("dataset", ""))
        if self.public:
            yield json.dumps({"dataset": dataset, "error": PUBLIC, "turn": time.time()})
            return
        self.cancel = cancel = threading.Event()
        state: dict[str, Any] = {"dataset": dataset, "share": 0.0, "text": "asking for the files", "turn": 0}
        done = threading.Event()

        def progress(had: int, total: int) -> None:
            state["share"] = had / total
            state["text"] = f"{had / total:.0%} of the files"

        def work() -> None:
            try:
                self.explorer.fetch_images(dataset, progress, cancel)
                state["done"] = True
            except VAEError as error:
                state["error"] = str(error)
            except Exception as error:
                state["error"] = (
                    f"The download stopped: {error}. Try again, or put the files into the data folder by hand."
                )
            finally:
                done.set()

        threading.Thread(target=work, daemon=True).start()
        try:
            while not done.wait(0.4):
                state["turn"] += 1  # news must differ from what the browser holds, or it is not told
                yield json.dumps(state)
            yield json.dumps(state)
        finally:
            cancel.set()

    def stop(self) -> None:
        """Cancels the download."""
        self.cancel.set()


def build_page(explorer: Any, public: bool = False) -> tuple[gr.Blocks, Doors]:
    """The whole page over one explorer, and the doors it asks through; `public` where strangers come: nothing that writes."""
    doors, fetching = Doors(explorer, public), Fetching(explorer, public)
    with gr.Blocks(
        title=assets.TITLE, fill_width=True, analytics_enabled=False, delete_cache=(3600, 3600)
    ) as demo:
        header = Part("header", doors=doors.functions(), waiting=assets.TITLE)
        with gr.Tabs():
            for title, parts in TABS:
                with gr.Tab(title, id=title.lower()), gr.Row() if len(parts) > 1 else nullcontext():
                    for module, waiting in parts.items():
                        Part(module, waiting=waiting)
        header.fetch_images(
            fetching.fetch,
            outputs=header,
            trigger_mode="once",
            concurrency_id="fetch",
            concurrency_limit=1,
            api_visibility="private",
            show_progress="hidden",
        )
        header.cancel_fetch(
            fetching.stop,
            trigger_mode="once",
            concurrency_id="cancel",
            queue=False,
            api_visibility="private",
            show_progress="hidden",
        )
    return demo, doors
