"""Map: the codes on a chart, and what is at the pointer."""

from __future__ import annotations

import gradio as gr

from vae.ui.components import Part

TITLE = "Map"


def build() -> None:
    """The map, with the inspector beside it."""
    with gr.Row():
        Part("map", waiting="Drawing the map …")
        Part("inspector")
