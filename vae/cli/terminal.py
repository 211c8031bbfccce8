"""What the commands share: how they print, and the options that several of them take."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

console = Console(width=None if sys.stdout.isatty() else 140)
errors = Console(stderr=True, soft_wrap=True)
SPINNER = "dots" if console.encoding.startswith("utf") else "line"


def warn(sentence: str) -> None:
    """One sentence on standard error."""
    errors.print(sentence, highlight=False, markup=False)


def path(text: str) -> Path:
    """A path from outside, `~` expanded: not every shell does it, and none does in --out=~/models."""
    return Path(os.path.expanduser(text))


DataDir = Annotated[
    Path | None,
    typer.Option("--data", parser=path, metavar="DIR", help="Data folder; else VAE_DATA, else data/."),
]
ModelsDir = Annotated[
    Path, typer.Option("--models", parser=path, metavar="DIR", help="The folder of model folders.")
]
ShownDir = Annotated[
    Path | None,
    typer.Option(
        "--models",
        parser=path,
        metavar="DIR",
        help="The folder of model folders; else models, if it holds any, else the shipped ones.",
    ),
]
