"""Draw: an own drawing through every size of z."""

from __future__ import annotations

from vae.ui.components import Part

TITLE = "Draw"


def build() -> None:
    """The canvas, the answers of every size, and the map of size 2."""
    Part("draw", waiting="Laying out the paper …")
