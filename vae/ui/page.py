"""The page: the header above the tabs, in their order."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING

import gradio as gr

from vae.checks import refuse
from vae.data.sets import DATASETS
from vae.errors import InputError
from vae.texts import text
from vae.ui.doors import Doors
from vae.ui.parts import Part
from vae.ui.tasks import Report, Tasks, Work
from vae.ui.web import assets
from vae.ui.web.gradio_patches import event_fields

if TYPE_CHECKING:
    from vae.explorer import Explorer

TABS = {  # a tab's parts, side by side; the first says that they are waited for
    "map": ("map", "inspector"),
    "manifold": ("manifold",),
    "compare": ("compare",),
    "draw": ("draw",),
    "about": ("about",),
}


class Downloads:
    """The images of a data set, fetched as a task of the visitor who asks; on a public page nobody starts one."""

    def __init__(self, explorer: Explorer, public: bool = False):
        self.explorer, self.public, self.tasks = explorer, public, Tasks()

    def fetch(self, event: gr.EventData, request: gr.Request) -> Iterator[str]:
        """News of the download as JSON, twice a second, until it has ended; cancelled when its visitor goes."""
        fields, turns = event_fields(event), itertools.count()
        asked = fields.get("dataset") if isinstance(fields, dict) else None
        dataset = asked if isinstance(asked, str) and asked in DATASETS else ""
        try:
            if self.public:
                raise InputError(text("page", "download", "public"))
            if not dataset:
                refuse("dataset", asked, f"one of {', '.join(DATASETS)}")
            task = self.tasks.submit("download", owner_of(request), self._work(dataset))
        except InputError as error:
            yield json.dumps({"dataset": dataset, "error": str(error), "turn": time.time()})
            return
        try:
            # the turn: news must differ from what the browser holds, or it is not told
            for news in task.watch():
                yield json.dumps(
                    {**news, "dataset": dataset, "done": news["state"] == "done", "turn": next(turns)}
                )
        finally:
            task.cancel()

    def _work(self, dataset: str) -> Work:
        def work(report: Report, cancel: threading.Event) -> None:
            report(0.0, text("common", "asking"))
            self.explorer.catalogue.fetch_images(
                dataset,
                lambda had, total: report(
                    had / total, text("page", "download", "share", done=f"{had / total:.0%}")
                ),
                cancel,
            )

        return work

    def stop(self, request: gr.Request) -> None:
        """Cancels the visitor's own download; one that nobody owns cannot be there."""
        with suppress(InputError):
            self.tasks.cancel(owner_of(request), "download")


def owner_of(request: gr.Request) -> str:
    """Whose task it is: the page that asks, until it is closed, at the address it asks from; `InputError` where it has no session."""
    session = request.session_hash
    if not isinstance(session, str) or not session:
        raise InputError(text("page", "download", "nobody"))
    return f"{session} {getattr(request.client, 'host', '')}"


def build_page(explorer: Explorer, public: bool = False) -> tuple[gr.Blocks, Doors]:
    """The whole page over one explorer, and the doors it asks through; `public` where strangers come: nothing that writes."""
    doors, downloads = Doors(explorer, public), Downloads(explorer, public)
    with gr.Blocks(
        title=assets.TITLE, fill_width=True, analytics_enabled=False, delete_cache=(3600, 3600)
    ) as demo:
        header = Part("header", doors=doors.functions(), waiting=assets.TITLE)
        with gr.Tabs():
            for tab, (first, *others) in TABS.items():
                title = text("page", "tabs", tab)
                with gr.Tab(title, id=tab), gr.Row() if others else nullcontext():
                    Part(first, waiting=text("page", "waiting", tab))
                    for module in others:
                        Part(module)
        header.fetch_images(
            downloads.fetch,
            outputs=header,
            trigger_mode="once",
            concurrency_id="fetch",
            concurrency_limit=8,
            api_visibility="private",
            show_progress="hidden",
        )
        header.cancel_fetch(
            downloads.stop,
            trigger_mode="once",
            concurrency_id="cancel",
            queue=False,
            api_visibility="private",
            show_progress="hidden",
        )
    return demo, doors
