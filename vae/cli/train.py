"""The command `train`: models trained one after another, with a bar while each is at it and a table at the end."""

from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from vae.cli.terminal import DataDir, console, path, warn
from vae.errors import TrainingError, VAEError
from vae.interrupts import ObeyedOnce

if TYPE_CHECKING:
    from vae.folders.locks import Reservation
    from vae.running import Priority
    from vae.runs import Run
    from vae.train import EpochRecord


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
    nice: Annotated[
        int | None,
        typer.Option(
            help="How far this training's priority is lowered; otherwise 10 while a server of Latent Explorer runs, else not.",
            min=0,
            max=19,
        ),
    ] = None,
    data: DataDir = None,
) -> None:
    """Train one model per latent size into its own folder. Ctrl-C keeps the last finished epoch; --resume goes on from there."""
    from vae.room import check_rooms
    from vae.running import Priority
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
    if force and resume:
        raise VAEError("--force starts anew and --resume goes on; give one of them.")
    runs = [Run(dataset, recipe, size, flags, name) for size in _sizes(latent_dims, name)]
    # every size is checked, and has its place, before the first is trained
    check_rooms([(run.folder_in(out), *run.configs()) for run in runs])
    options = {"data_dir": data, "device": device, "force": force, "resume": resume, "umap": not no_umap}
    with ObeyedOnce(for_good=True), ExitStack() as stack:
        places = [stack.enter_context(run.reserve(out, overwrite=force or resume)) for run in runs]
        _train_each(runs, places, Priority(nice, _tell), out=out, **options)


def _tell(sentence: str) -> None:
    console.print(sentence, highlight=False, soft_wrap=True)


def _train_each(runs: "list[Run]", places: "list[Reservation]", priority: "Priority", **options: Any) -> None:
    """One after another, with a table at the end; exit code 1 where one of several failed."""
    summary = Table("model", "epochs", "-elbo", "recon", "kl", "images/s", "training", title=None)
    failed = False
    for run, place in zip(runs, places):
        try:
            summary.add_row(*_train_one(run, priority, place=place, **options))
        except TrainingError as error:  # of this size: the others still have their turn
            if len(runs) == 1:
                raise
            warn(f"{run.folder_name()}: {error}")
            failed = True
    console.print(summary)
    if failed:
        raise typer.Exit(1)


def _sizes(latent_dims: str, name: str | None) -> list[int]:
    """The latent sizes that were asked for, each once; a name goes with one alone."""
    try:
        sizes = [int(size) for size in latent_dims.split(",")]
    except ValueError:
        raise VAEError(
            f"--latent-dims is {latent_dims!r}; write whole numbers from 2 to 256 with commas, such as 2,5,10."
        ) from None
    if name and len(sizes) > 1:
        raise VAEError(f"--name {name} would name {len(sizes)} models alike; give it with one latent size.")
    if twice := sorted({size for size in sizes if sizes.count(size) > 1}):
        raise VAEError(
            f"--latent-dims is {latent_dims!r}, which asks twice for {', '.join(map(str, twice))}; write each size once."
        )
    return sizes


def _train_one(run: "Run", priority: "Priority", **options: Any) -> list[str]:
    """Train with a live bar; the row of the summary."""
    from vae.runs import Finished, train_model

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[figures]}", markup=False),
        TimeRemainingColumn(),
    )
    total, last, seconds = run.configs()[1].epochs, None, 0.0
    kept: list[str] = []
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task(run.folder_name(), total=total, figures="starting")
        epoch = 0

        def on_step(step: int, steps: int) -> None:
            progress.update(bar, completed=epoch + step / steps)

        def say(text: str) -> None:
            progress.update(bar, figures=text)

        try:
            told: dict[str, Any] = {"on_step": on_step, "say": say, "warn": warn, "kept": kept.append}
            priority.look()
            with closing(train_model(run, **options, **told)) as records:
                for last in records:
                    priority.look()
                    epoch, seconds = last.epoch, seconds + last.seconds
                    kl = "" if last.test_kl is None else f" kl {last.test_kl:.1f}"
                    text = f"epoch {epoch}/{total} recon {last.test_recon:.1f}{kl} {last.images_per_second:,.0f} images/s"
                    progress.update(bar, completed=epoch, figures=text)
                    if not console.is_terminal:
                        _tell(f"{run.folder_name()}  {text}")
        except Finished as finished:
            progress.update(bar, completed=total, figures="finished")
            _tell(str(finished))
            return _row(run.folder_name(), None, seconds)
        except KeyboardInterrupt:
            left = kept or ["no further epoch was finished, the folder is as it was."]
            raise VAEError(f"Stopped: {left[-1]}") from None
        except Exception:
            if kept:
                warn(f"The training has ended early: {kept[-1]}")
            raise
    return _row(run.folder_name(), last, seconds)


def _row(name: str, last: "EpochRecord | None", seconds: float) -> list[str]:
    """A trained model in the table; the last epoch is None where a resume had only the measuring left to do."""
    if last is None:
        return [name, "finished", "", "", "", "", ""]
    elbo = "" if last.test_kl is None else f"{last.test_recon + last.test_kl:.2f}"
    kl = "" if last.test_kl is None else f"{last.test_kl:.2f}"
    return [
        name,
        str(last.epoch),
        elbo,
        f"{last.test_recon:.2f}",
        kl,
        f"{last.images_per_second:,.0f}",
        f"{seconds:.1f} s",
    ]
