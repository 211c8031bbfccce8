"""The command line: python -m vae (or latent-explorer) serve | train | evaluate | charts | list | card."""

from __future__ import annotations

import io
import signal
import sys
import warnings
from typing import Any

import typer

from vae.cli.models import card, charts, evaluate, list_
from vae.cli.serve import serve
from vae.cli.terminal import sentence, warn
from vae.cli.train import train
from vae.errors import VAEError
from vae.interrupts import ENDING

ABOUT = "See and touch the latent spaces of VAEs; train, measure and list them. Without a command: serve."
PLAIN: dict[str, Any] = {"add_completion": False, "pretty_exceptions_enable": False}
app = typer.Typer(help=ABOUT, **PLAIN)
page = typer.Typer(**PLAIN)  # `serve` alone, for app.py
page.command()(serve)
for command in (serve, train, evaluate, charts):
    app.command()(command)
app.command("list")(list_)
app.command()(card)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; an error is one sentence on standard error and exit code 1."""
    _run(app, (sys.argv[1:] if arguments is None else arguments) or ["serve"])


def open_page() -> None:
    """`serve` alone, whose options follow `python app.py`."""
    _run(page, sys.argv[1:], "python app.py")


def _run(commands: typer.Typer, arguments: list[str], name: str | None = None) -> None:
    for stream in (
        sys.stdout,
        sys.stderr,
    ):  # a terminal or pipe that lacks a character shows another in its place
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    warnings.filterwarnings("ignore", category=UserWarning)
    for number in ENDING:
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup asks for
            signal.signal(number, signal.default_int_handler)
    try:
        commands(arguments, prog_name=name)
    except (VAEError, OSError) as error:
        warn(sentence(error))
        sys.exit(1)


if __name__ == "__main__":
    main()
