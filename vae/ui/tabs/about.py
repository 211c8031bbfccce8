"""About: the model's card, the recipes, and every model there is."""

from __future__ import annotations

from vae.ui.components import Part

TITLE = "About"


def build() -> None:
    """The card and the tables."""
    Part("about", waiting="Reading the card …")
