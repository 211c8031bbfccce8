"""The commands about model folders that exist: `evaluate`, `charts`, `list` and `card`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from vae.cli.terminal import SPINNER, DataDir, ModelsDir, ShownDir, console, for_each, path, warn
from vae.errors import VAEError


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
    from vae.folders.folder import METRIC_UNITS

    where = pick_device(device)

    def one(folder: Path) -> None:
        with console.status(Text(folder.name), spinner=SPINNER) as status:

            def say(text: str) -> None:
                status.update(Text(f"{folder.name}: {text}"))

            metrics = measure(folder, data, device=where, k=k, write=write, progress=say, warn=warn)
        table = Table("figure", "value", "unit", title=folder.name)
        for key in METRIC_UNITS:
            table.add_row(key, _figure(metrics[key]["value"], "g"), metrics[key]["unit"])
        console.print(table)

    for_each(folders, one)


def charts(
    folders: Annotated[
        list[Path], typer.Argument(parser=path, help="Model folders with more than two latent dimensions.")
    ],
) -> None:
    """Compute UMAP's places of the codes and store them in charts.safetensors."""
    from vae.folders.folder import read_folder
    from vae.runs import add_umap

    def one(folder: Path) -> None:
        if read_folder(folder).model.latent_dim == 2:
            raise VAEError(
                f"{folder} has two latent dimensions, which are their own map; UMAP is for larger ones."
            )
        with console.status(Text(f"{folder.name}: UMAP of the codes"), spinner=SPINNER):
            add_umap(folder)
        console.print(f"{folder.name}: charts.safetensors written", highlight=False)

    for_each(folders, one)


def list_(models: ShownDir = None) -> None:
    """Show the models, and what is wrong with those that cannot be opened."""
    from vae.catalogue import default_models_dir
    from vae.folders.dataset import fitting
    from vae.folders.folder import METRIC_UNITS, list_models
    from vae.recipes import quoted

    models = models or default_models_dir()
    listed, broken = list_models(models)
    good, odd = fitting(listed)
    broken |= {name: str(error) for name, error in odd.items()}
    if not good and not broken:
        place = ["--out", str(models)] if models != Path("models") else []
        way = quoted(["python", "-m", "vae", "train", "--dataset", "digits", *place])
        console.print(
            f"{models} holds no models yet; {way} makes one in seconds.",
            highlight=False,
            soft_wrap=True,
        )
        return
    table = Table("model", "z", "parameters", "-elbo", "recon", "kl", "log p(x)", "active", "kNN", "training")
    for folder in good:
        value = {key: folder.metrics[key]["value"] for key in METRIC_UNITS}
        elbo = None if value["elbo"] is None else -value["elbo"]
        figures = [_figure(v) for v in (elbo, value["recon"], value["kl"], value["log_likelihood"])]
        table.add_row(
            folder.name,
            str(folder.model.latent_dim),
            _figure(value["parameters"], ",.0f"),
            *figures,
            _figure(value["active_units"], ".0f"),
            _figure(value["knn_accuracy"], ".3f"),
            _figure(value["seconds"], ".0f", " s"),
        )
    console.print(table)
    for name, reason in broken.items():
        console.print(Text.assemble((name, "bold"), f" cannot be opened: {reason}"), soft_wrap=True)


def _figure(value: float | None, form: str = ".2f", unit: str = "") -> str:
    return "-" if value is None else f"{value:{form}}{unit}"


def card(models: ModelsDir = Path("models")) -> None:
    """Write models/README.md, the models' card, from their files."""
    from vae.folders.card import write_card

    console.print(f"{write_card(models)} written", highlight=False, soft_wrap=True)
