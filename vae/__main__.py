"""The command line: python -m vae (or latent-explorer) serve | train | evaluate | charts | list | card."""

from __future__ import annotations

import io
import os
import signal
import sys
import warnings
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from vae.errors import VAEError

ABOUT = "See and touch the latent spaces of VAEs; train, measure and list them. Without a command: serve."
PLAIN: dict[str, Any] = {"add_completion": False, "pretty_exceptions_enable": False}
app = typer.Typer(help=ABOUT, **PLAIN)
page = typer.Typer(**PLAIN)  # `serve` alone, for app.py
console = Console(width=None if sys.stdout.isatty() else 140)
errors = Console(stderr=True, soft_wrap=True)
SPINNER = "dots" if console.encoding.startswith("utf") else "line"


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


@page.command()
@app.command()
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
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser window.")] = False,
) -> None:
    """Open the page: see any VAE's latent space, on your own computer."""
    from vae.ui import launch

    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    launch.serve(
        launch.Options(
            host, port, data, models, public, share, tuple(allow_host or ()), browser=not no_browser
        )
    )


@app.command()
def train(
    dataset: Annotated[str, typer.Option(help="mnist, fashion-mnist, kmnist or digits.")] = "mnist",
    recipe: Annotated[
        str, typer.Option(help="default, tutorial, conv, fashion-mse or beta-mse.")
    ] = "default",
    latent_dims: Annotated[str, typer.Option(help="Sizes of z, such as 2,5,10,20,40: one model each.")] = "2",
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the training set; the recipe's own number otherwise.")
    ] = None,
    beta: Annotated[
        float | None, typer.Option(help="Weight of the KL (of the total correlation with --objective tc).")
    ] = None,
    no_variational: Annotated[bool, typer.Option("--no-variational", help="A plain autoencoder.")] = False,
    conditional: Annotated[
        bool, typer.Option("--conditional", help="A CVAE: the label goes in beside x and z.")
    ] = False,
    objective: Annotated[str | None, typer.Option(help="elbo or tc.")] = None,
    likelihood: Annotated[
        str | None, typer.Option(help="bernoulli, gaussian, gaussian-mean or gaussian-learned.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of weights, batches and noise.")] = None,
    no_umap: Annotated[
        bool, typer.Option("--no-umap", help="Do not compute UMAP's places of the codes.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    out: Annotated[Path, typer.Option(parser=path, metavar="DIR", help="Where the model folders go.")] = Path(
        "models"
    ),
    name: Annotated[str | None, typer.Option(help="Another folder name; with one latent size only.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a folder that exists.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Continue an interrupted training.")] = False,
    data: DataDir = None,
) -> None:
    """Train one model per latent size into its own folder. Ctrl-C keeps the last finished epoch; --resume goes on from there."""
    from vae.runs import Run

    given: dict[str, Any] = {
        "epochs": epochs,
        "beta": beta,
        "objective": objective,
        "likelihood": likelihood,
        "seed": seed,
    }
    flags = {k: v for k, v in given.items() if v is not None}
    flags |= {"variational": False} if no_variational else {}
    flags |= {"conditional": True} if conditional else {}
    try:
        sizes = [int(size) for size in latent_dims.split(",")]
    except ValueError:
        raise VAEError(
            f"--latent-dims is {latent_dims!r}; write whole numbers from 2 to 256 with commas, such as 2,5,10."
        ) from None
    if name and len(sizes) > 1:
        raise VAEError(f"--name {name} would name {len(sizes)} models alike; give it with one latent size.")
    if force and resume:
        raise VAEError("--force starts anew and --resume goes on; give one of them.")
    if twice := sorted({size for size in sizes if sizes.count(size) > 1}):
        raise VAEError(
            f"--latent-dims is {latent_dims!r}, which asks twice for {', '.join(map(str, twice))}; write each size once."
        )
    runs = [Run(dataset, recipe, size, flags, name) for size in sizes]
    for run in runs:  # every size is checked before the first is trained
        run.configs()
        run.folder_in(out, overwrite=force or resume)
    summary = Table("model", "epochs", "-elbo", "recon", "kl", "images/s", "training", title=None)
    for run in runs:
        summary.add_row(
            *_train_one(
                run, out=out, data_dir=data, device=device, force=force, resume=resume, umap=not no_umap
            )
        )
    console.print(summary)


def _train_one(run, **options) -> list[str]:
    """Train with a live bar; the row of the summary."""
    from vae.runs import Finished, train_model

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[figures]}"),
        TimeRemainingColumn(),
    )
    total, last, seconds = run.configs()[1].epochs, None, 0.0
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task(run.folder_name(), total=total, figures="starting")
        epoch = 0

        def on_step(step: int, steps: int) -> None:
            progress.update(bar, completed=epoch + step / steps)

        def say(text: str) -> None:
            progress.update(bar, figures=text)

        try:
            with closing(train_model(run, **options, on_step=on_step, say=say, warn=_warn)) as records:
                for last in records:
                    epoch, seconds = last.epoch, seconds + last.seconds
                    kl = "" if last.test_kl is None else f" kl {last.test_kl:.1f}"
                    text = f"epoch {epoch}/{total} recon {last.test_recon:.1f}{kl} {last.images_per_second:,.0f} images/s"
                    progress.update(bar, completed=epoch, figures=text)
                    if not console.is_terminal:
                        console.print(f"{run.folder_name()}  {text}", highlight=False, soft_wrap=True)
        except Finished as finished:
            progress.update(bar, completed=total, figures="finished")
            console.print(str(finished), highlight=False, soft_wrap=True)
            return [run.folder_name(), "finished", "", "", "", "", ""]
        except KeyboardInterrupt:
            if last is None:
                raise VAEError("Stopped: no further epoch was finished, the folder is as it was.") from None
            raise VAEError(
                f"Stopped: epoch {last.epoch} of {run.folder_name()} is kept; --resume goes on from there."
            ) from None
    if last is None:  # a resume that had only the measuring left to do
        return [run.folder_name(), "finished", "", "", "", "", ""]
    elbo = "" if last.test_kl is None else f"{last.test_recon + last.test_kl:.2f}"
    kl = "" if last.test_kl is None else f"{last.test_kl:.2f}"
    return [
        run.folder_name(),
        str(last.epoch),
        elbo,
        f"{last.test_recon:.2f}",
        kl,
        f"{last.images_per_second:,.0f}",
        f"{seconds:.1f} s",
    ]


def _warn(sentence: str) -> None:
    errors.print(sentence, highlight=False, markup=False)


@app.command()
def evaluate(
    folders: Annotated[
        list[Path], typer.Argument(parser=path, help="Model folders, such as models/mnist-default-z2.")
    ],
    write: Annotated[bool, typer.Option("--write", help="Store the figures in metrics.json.")] = False,
    k: Annotated[
        int, typer.Option(help="Importance samples an image for the log-likelihood.", min=1, max=10000)
    ] = 200,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    data: DataDir = None,
) -> None:
    """Compute every figure of metrics.json anew on the test set."""
    from vae.device import pick_device
    from vae.evaluate import evaluate as measure

    where = pick_device(device)
    for folder in folders:
        with console.status(folder.name, spinner=SPINNER) as status:

            def say(text: str, folder: Path = folder, status=status) -> None:
                status.update(f"{folder.name}: {text}")

            metrics = measure(folder, data, device=where, k=k, write=write, progress=say)
        table = Table("figure", "value", "unit", title=folder.name)
        for key, entry in metrics.items():
            table.add_row(key, "" if entry["value"] is None else f"{entry['value']:g}", entry["unit"])
        console.print(table)


@app.command()
def charts(
    folders: Annotated[
        list[Path], typer.Argument(parser=path, help="Model folders with more than two latent dimensions.")
    ],
) -> None:
    """Compute UMAP's places of the codes and store them in charts.safetensors."""
    from vae.folders.folder import read_folder
    from vae.runs import add_umap

    for folder in folders:
        if read_folder(folder).model.latent_dim == 2:
            raise VAEError(
                f"{folder} has two latent dimensions, which are their own map; UMAP is for larger ones."
            )
        with console.status(f"{folder.name}: UMAP of the codes", spinner=SPINNER):
            add_umap(folder)
        console.print(f"{folder.name}: charts.safetensors written", highlight=False)


@app.command("list")
def list_(models: ShownDir = None) -> None:
    """Show the models, and what is wrong with those that cannot be opened."""
    from vae.catalogue import default_models_dir
    from vae.folders.folder import list_models

    models = models or default_models_dir()
    good, broken = list_models(models)
    if not good and not broken:
        console.print(
            f"{models} holds no models yet; python -m vae train --dataset digits makes one in seconds.",
            highlight=False,
        )
        return
    table = Table("model", "z", "parameters", "-elbo", "recon", "kl", "log p(x)", "active", "kNN", "training")
    for folder in good:
        value = {key: entry["value"] for key, entry in folder.metrics.items()}
        elbo = None if value["elbo"] is None else -value["elbo"]
        figures = [_figure(v) for v in (elbo, value["recon"], value["kl"], value["log_likelihood"])]
        table.add_row(
            folder.name,
            str(folder.model.latent_dim),
            f"{value['parameters']:,}",
            *figures,
            _figure(value["active_units"], ".0f"),
            _figure(value["knn_accuracy"], ".3f"),
            _figure(value["seconds"], ".0f", " s"),
        )
    console.print(table)
    for name, reason in broken.items():
        console.print(
            f"[bold]{escape(name)}[/bold] cannot be opened: {escape(reason)}", highlight=False, soft_wrap=True
        )


def _figure(value: float | None, form: str = ".2f", unit: str = "") -> str:
    return "" if value is None else f"{value:{form}}{unit}"


@app.command()
def card(models: ModelsDir = Path("models")) -> None:
    """Write models/README.md, the models' card, from their files."""
    from vae.folders.card import write_card

    console.print(f"{write_card(models)} written", highlight=False)


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
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        commands(arguments, prog_name=name)
    except VAEError as error:
        _warn(str(error))
        sys.exit(1)
    except OSError as error:
        _warn(
            f"{error.filename or 'A file'} cannot be used ({error.strerror or error}); check the path and its permissions."
        )
        sys.exit(1)


if __name__ == "__main__":
    main()
