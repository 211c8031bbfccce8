"""Where what comes from outside is checked: every field of every endpoint and door of the page; arrays in `arrays.py`.

A check takes (name, value, given) and returns the value in the form that `Explorer` takes, or raises `InputError` with a
sentence that names the field, the value and what is allowed. `given` knows the explorer and the fields checked before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vae import checks
from vae.checks import refuse, short
from vae.errors import InputError

if TYPE_CHECKING:
    from vae.config import ModelConfig
    from vae.explorer import Explorer

MOST_NAME = 255  # characters of a folder's name, on any disk
MAKES_ONE = "python -m vae train makes one"
NUMBERS = {int, float}  # exactly these: a boolean is no number here


class Given:
    """The fields of one question as far as they are checked, and the explorer they are checked against."""

    __slots__ = ("explorer", "fields")

    def __init__(self, explorer: Explorer):
        self.explorer = explorer
        self.fields: dict[str, Any] = {}

    @property
    def config(self) -> ModelConfig:
        """What the model of this question is."""
        return self.explorer.catalogue.folder(self.fields["model"]).model


Check = Callable[[str, Any, Given], Any]


def check(question: str, wanted: dict[str, Check], fields: Any, explorer: Explorer) -> dict[str, Any]:
    """Every field of a question, checked in the order of `wanted`; a field it does not know is refused by name."""
    if not isinstance(fields, dict):
        raise InputError(f"{question} takes one object of named fields, not {short(fields)}.")
    for name in fields:
        if name not in wanted:
            takes = f"its fields are {', '.join(wanted)}" if wanted else "it takes none"
            raise InputError(f"{question} has no field {short(name)}; {takes}.")
    given = Given(explorer)
    for name, one in wanted.items():
        given.fields[name] = one(name, fields.get(name), given)
    return given.fields


# ---- single values -------------------------------------------------------------------------------------------------


def optional(one: Check, default: Any = None) -> Check:
    """The same check for a field that may be missing or null."""

    def allowing(name: str, value: Any, given: Given) -> Any:
        return default if value is None else one(name, value, given)

    return allowing


def whole(low: int, high: int | None = None) -> Check:
    """An int, never a boolean or 3.0."""
    return lambda name, value, given: checks.whole(name, value, low, high)


def number(low: float, high: float) -> Check:
    """An int or a float that is finite."""
    return lambda name, value, given: checks.number(name, value, low, high)


def choice(*values: str) -> Check:
    """One of a few words."""

    def is_choice(name: str, value: Any, given: Given) -> str:
        if not isinstance(value, str) or value not in values:
            refuse(name, value, " or ".join(values))
        return value

    return is_choice


def flag(name: str, value: Any, given: Given) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        refuse(name, value, "true or false")
    return value


def model(name: str, value: Any, given: Given) -> str:
    """The name of a model that can be opened."""
    if not isinstance(value, str) or len(value) > MOST_NAME:
        names = ", ".join(given.explorer.catalogue.folders())
        refuse(name, value, f"a model's name, one of: {names or 'none yet'}", "" if names else MAKES_ONE)
    given.explorer.catalogue.folder(value)
    return value


def models(name: str, value: Any, given: Given) -> list[str]:
    """A short list of models."""
    if not isinstance(value, list) or not 1 <= len(value) <= 64:
        refuse(name, value, "a list of 1 to 64 model names")
    return [model(f"{name}[{i}]", one, given) for i, one in enumerate(value)]


def dataset(name: str, value: Any, given: Given) -> str:
    """The name of a data set that models were trained on."""
    known = sorted({folder.dataset for folder in given.explorer.catalogue.folders().values()})
    if not isinstance(value, str) or value not in known:
        wanted = f"a data set with models: {', '.join(known) or 'there is none yet'}"
        refuse(name, value, wanted, "" if known else MAKES_ONE)
    return value


def label(name: str, value: Any, given: Given) -> int | None:
    """A class: needed by a conditional model, refused by any other."""
    config = given.config
    if not config.conditional:
        if value is not None:
            raise InputError(
                f"{name} is {short(value)}, but {given.fields['model']} is not conditional; leave {name} out."
            )
        return None
    if type(value) is not int or not 0 <= value < config.num_classes:
        refuse(
            name,
            value,
            f"a whole number from 0 to {config.num_classes - 1}, because {given.fields['model']} is conditional",
        )
    return value


def dim(name: str, value: Any, given: Given) -> int:
    """One dimension of z."""
    return whole(0, given.config.latent_dim - 1)(name, value, given)


def chart(name: str, value: Any, given: Given) -> str:
    """A chart's name; `Explorer` knows which of them a model has."""
    if not isinstance(value, str) or not 1 <= len(value) <= 40:
        refuse(name, value, "axes:i,j, pca, plane:a,b,c or umap")
    return value


seed = whole(0)


def index(name: str, value: Any, given: Given) -> int:
    """A test image, of every model that this question names before it; where it names none, `Explorer` knows how many there are."""
    whole(0)(name, value, given)
    for one in [given.fields["model"]] if "model" in given.fields else given.fields.get("models") or []:
        size = len(given.explorer.codes(one)["labels"])
        if value >= size:
            refuse(
                name,
                value,
                f"a whole number from 0 to {size - 1}, a test image of {given.explorer.catalogue.folder(one).dataset}",
            )
    return value


def indices(most: int) -> Check:
    """A short list of test images."""

    def are_indices(name: str, value: Any, given: Given) -> list[int]:
        if not isinstance(value, list) or not 1 <= len(value) <= most:
            refuse(name, value, f"a list of 1 to {most} whole numbers")
        return [index(f"{name}[{i}]", one, given) for i, one in enumerate(value)]

    return are_indices
