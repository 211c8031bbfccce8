"""The command `serve`: the page."""

import signal
from typing import Annotated

import typer

from vae.cli.terminal import DataDir, ShownDir


def serve(
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", envvar="GRADIO_SERVER_NAME", help="Address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER",
            envvar="GRADIO_SERVER_PORT",
            help="Port to listen on; the first free one from 7860 otherwise.",
        ),
    ] = None,
    data: DataDir = None,
    models: ShownDir = None,
    public: Annotated[
        bool,
        typer.Option("--public", help="Strangers can reach this page: rate limits, nothing that writes."),
    ] = False,
    share: Annotated[
        bool,
        typer.Option("--share", help="Open a public link through Gradio's relay; implies --public."),
    ] = False,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Another host name this server answers to; repeatable."),
    ] = None,
    behind_proxy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS",
            help="A reverse proxy asks from this address or network; what it says of visitors (X-Forwarded-For) counts. Repeatable.",
        ),
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser window.")] = False,
) -> None:
    """Open the page: see any VAE's latent space, on your own computer."""
    from vae.ui import launch

    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # until the page is up
    launch.serve(
        launch.Options(
            host,
            port,
            data,
            models,
            public,
            share,
            tuple(allow_host or ()),
            tuple(behind_proxy or ()),
            browser=not no_browser,
        )
    )
