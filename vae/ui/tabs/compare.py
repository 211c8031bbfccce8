"""Compare: the same test images through every size of z, and the sizes' losses."""

from __future__ import annotations

from vae.ui.components import Part

TITLE = "Compare"


def build() -> None:
    """The wall of images and the figures below it."""
    Part("wall", waiting="Fetching the images …")
