"""Thin gr.HTML components over the static files: the shell is static, the module fills it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from vae.ui.web import assets


class Part(gr.HTML):
    """One part of the page: an empty shell that its module in `static/js` fills; `js/page/boot.js` says which."""

    def __init__(
        self, module: str, *, doors: list[Callable[..., Any]] | None = None, waiting: str = "", **props: Any
    ):
        self.module = module
        self.doors = None
        self.waiting = waiting
        super().__init__(
            html_template=f'<div class="part part--{module}" data-part="{module}"><p class="part__waiting">{waiting}</p></div>',
            js_on_load=(assets.STATIC / "js/page/onload.js").read_text(encoding="utf-8"),
            apply_default_css=False,
            elem_classes=[f"shell--{module}"],
            server_functions=doors,
            boot=assets.url("js/page/boot.js"),
            **props,
        )
