"""What the commands share: how they print, and the options that several of them take."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from vae.errors import VAEError

TEXT: dict[str, Any] = {"markup": False, "emoji": False}  # names and paths are shown as they are
console = Console(width=None if sys.stdout.isatty() else 140, **TEXT)
errors = Console(stderr=True, soft_wrap=True, **TEXT)
SPINNER = "dots" if console.encoding.startswith("utf") else "line"


def warn(sentence: str) -> None:
    """One sentence on standard error."""
    errors.print(sentence, highlight=False)


def sentence(error: VAEError | OSError) -> str:
    """An error as a person reads it."""
    if isinstance(error, VAEError):
        return str(error)
    return f"{error.filename or 'A file'} cannot be used ({error.strerror or error}); check the path and its permissions."


def for_each(folders: list[Path], do: Callable[[Path], None]) -> None:
    """Do it for every folder; one that fails is named and the others still have their turn, with exit code 1 at the end."""
    failed = False
    for folder in folders:
        try:
            do(folder)
        except (VAEError, OSError) as error:
            if len(folders) == 1:
                raise
            text, failed = sentence(error), True
            warn(text if str(folder) in text else f"{folder}: {text}")
    if failed:
        raise typer.Exit(1)


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
