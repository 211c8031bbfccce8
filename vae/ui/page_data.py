"""What the page must know before anything is drawn: models, data sets, recipes, limits, commands."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from vae.checks import MOST_Z
from vae.errors import readable
from vae.ui.packing import Fields, plain
from vae.ui.web.assets import tokens
from vae.ui.web.guard import strangers

if TYPE_CHECKING:
    from vae.catalogue import Catalogue
    from vae.folders.folder import ModelFolder

SIZES = "{latent_dims}"  # what the page fills in
ALWAYS = ("mnist", "fashion-mnist", "digits")  # data sets that the page names also without a model of theirs


def page_data(catalogue: Catalogue, public: bool) -> Fields:
    """All the page must know before anything is drawn; of the weights it takes the hashes, which are kept."""
    from vae.explorer import PATH_SAMPLES
    from vae.folders.folder import METRIC_UNITS
    from vae.recipes import RECIPES, facts

    space, known = _space(), catalogue.revisions()
    folders = [folder for folder, _ in known]
    strange = strangers(public)  # visitors need not know where folders lie, nor what only their owner can do
    place = "models" if strange else readable(catalogue.models_dir.as_posix())
    return {
        "models": plain([_model(folder, revision) for folder, revision in known]),
        "broken": catalogue.broken(strange),
        "datasets": _datasets(catalogue, folders, strange),
        "recipes": {name: facts(name) for name in RECIPES},
        "metrics": METRIC_UNITS,
        "limits": {"z": MOST_Z, "path_samples": PATH_SAMPLES},
        "commands": _commands(folders, place),
        "opens": next(iter(catalogue.opens_with()), None),
        "revision": catalogue.revision(),
        "space": space,
        "public": public,
        "folder": place,
    }


def _model(folder: ModelFolder, revision: str) -> Fields:
    from vae.space.chart import default_chart

    train = folder.train
    date = folder.provenance.get("date")
    return {
        **folder.summary(),
        "variant": "-".join((folder.recipe, *folder.variant)),
        "config": folder.model.to_dict(),
        "rev": revision,
        "chart": default_chart(folder.model.latent_dim),
        "traits": {"seed": train.seed, "epochs": train.epochs, "beta": train.beta, "date": date},
    }


def _commands(folders: list[ModelFolder], out: str) -> Fields:
    """{data set: {variant: the command that trains it into the folder shown, with all its flags}}; {latent_dims} stands for the sizes."""
    from vae.data.sets import DATASETS
    from vae.recipes import departures, quoted, train_command

    commands = {name: {"default": train_command(name, "default", SIZES, {})} for name in DATASETS}
    for folder in folders:
        flags = departures(folder.recipe, folder.dataset, folder.model, folder.train)
        words = train_command(folder.dataset, folder.recipe, SIZES, flags)
        commands.setdefault(folder.dataset, {})["-".join((folder.recipe, *folder.variant))] = words
    place = ["--out", out] if _must_be_named(Path(out)) else []
    return {
        dataset: {
            variant: quoted(words + place).replace(quoted([SIZES]), SIZES) for variant, words in known.items()
        }
        for dataset, known in commands.items()
    }


def _must_be_named(folder: Path) -> bool:
    """Whether a training must be told to write there: not where it does so by itself, nor into an installed package."""
    unsaid = (Path("models"), Path(__file__).parents[1] / "models")
    return folder.resolve() not in [other.resolve() for other in unsaid]


def _datasets(catalogue: Catalogue, folders: list[ModelFolder], public: bool) -> list[Fields]:
    from vae.data.sets import DATASETS

    sizes: dict[str, set[int]] = {}
    for folder in folders:
        sizes.setdefault(folder.dataset, set()).add(folder.model.latent_dim)
    return [
        {
            "name": name,
            "title": known.title,
            "classes": list(known.class_names),
            "shape": list(known.image_shape),
            "images": catalogue.images_at_hand(name),
            "fault": _fault(catalogue, name, public),
            "sizes": sorted(set(tokens()["sizes"].get(name, [2])) | sizes.get(name, set())),
        }
        for name, known in DATASETS.items()
        if name in sizes or name in ALWAYS
    ]


def _fault(catalogue: Catalogue, dataset: str, public: bool) -> str | None:
    """Why the test images that lie there cannot be shown."""
    fault = catalogue.images_fault(dataset)
    if fault is None:
        return None
    return catalogue.shown(fault) if public else str(fault)


def _space() -> str | None:
    """The host that links to this page begin with, where it is a Space."""
    return os.environ.get("SPACE_HOST", "").split(",")[0] or None
