"""Manifold: a grid of places, decoded into one sheet."""

from __future__ import annotations

from vae.ui.components import Part

TITLE = "Manifold"


def build() -> None:
    """The sheet and its controls."""
    Part("manifold", waiting="Decoding the sheet …")
