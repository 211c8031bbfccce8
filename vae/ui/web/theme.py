"""Gradio's own theme, set from tokens.json as far as its variables reach."""

from __future__ import annotations

import gradio as gr

from vae.ui.web.assets import tokens


def build_theme() -> gr.themes.Base:
    """A theme whose colours, sizes and font are the page's."""
    shared = tokens()
    light, dark = shared["light"], shared["dark"]
    theme = gr.themes.Base(font=[shared["font"]], font_mono=["ui-monospace", "monospace"])
    pairs = {
        "body_background_fill": "ground",
        "body_text_color": "ink",
        "body_text_color_subdued": "quiet",
        "background_fill_primary": "ground",
        "background_fill_secondary": "raised",
        "block_background_fill": "ground",
        "border_color_primary": "hairline",
        "block_border_color": "hairline",
        "color_accent": "accent",
        "link_text_color": "accent",
        "link_text_color_hover": "accent",
        "link_text_color_visited": "accent",
        "button_primary_background_fill": "accent",
        "button_primary_text_color": "on-accent",
        "error_text_color": "warn",
        "border_color_accent": "accent",
        "input_background_fill": "raised",
        "input_border_color": "line",
    }
    values = {name: light[key] for name, key in pairs.items()} | {
        f"{name}_dark": dark[key] for name, key in pairs.items()
    }
    # some of Gradio's variables have no dark twin
    known = {name: value for name, value in values.items() if hasattr(theme, name)}
    return theme.set(
        **known,
        body_text_size=f"{shared['text']['small']}px",
        block_border_width="0px",
        block_radius=f"{shared['radius']}px",
        layout_gap="0px",
    )
