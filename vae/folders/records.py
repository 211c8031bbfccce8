"""What `config.json`, `metrics.json` and `history.json` may hold: fields, types and lengths."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vae.checks import short, spelled
from vae.errors import CheckpointError
from vae.folders.parsing import fault, is_figure, is_text, read_json

FORMAT = 1
MAX_RECORD = 1 << 18  # bytes of config.json and of metrics.json
CONFIG_FIELDS = {"format", "model", "train", "dataset", "recipe", "provenance"}  # and `classes`
METRIC_UNITS = {
    "elbo": "nats/image",
    "recon": "nats/image",
    "kl": "nats/image",
    "bce": "nats/image",
    "mse": "squared error/image",
    "log_likelihood": "nats/image",
    "active_units": "dimensions",
    "knn_accuracy": "share",
    "trustworthiness": "share",
    "continuity": "share",
    "parameters": "weights",
    "seconds": "s",
}
EPOCH_KEYS = ("epoch", "seconds", "images_per_second", "train_recon", "train_kl", "test_recon", "test_kl")
WORD, COMMAND = 200, 20_000  # characters of a name and of a command, which holds the longest path in quotes
MOST_CLASSES, MOST_UNKNOWN = 256, 64
MOST_OTHER = 4_000  # characters of what another release wrote under a key of its own
MOST_EPOCHS, MOST_STEPS = 10_000, 1_000_000

Kind = tuple[Callable[[Any], bool], str]  # a check and what it asks for


def _text(most: int) -> Kind:
    return (lambda value: is_text(value, most)), f"a text of one line and up to {most} characters"


def _is_whole(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63


WHOLE: Kind = (_is_whole, "a whole number from 0 on")
NUMBER: Kind = (is_figure, "a number")
PROVENANCE: dict[str, Kind] = {
    "command": _text(COMMAND),
    "seed": WHOLE,
    "device": _text(WORD),
    "precision": _text(WORD),
    "torch_version": _text(WORD),
    "data_checksum": _text(64),
    "date": _text(64),
    "seconds": NUMBER,
}
ENTRY: dict[str, Kind] = {"value": NUMBER, "unit": _text(WORD), "command": _text(COMMAND), "k": WHOLE}


def read_config(path: Path) -> dict[str, Any]:
    """`config.json`, all but the two configs of it checked; they check themselves when built."""
    config = read_json(path, MAX_RECORD)
    written = config.get("format")
    if type(written) is not int or written != FORMAT:  # true and 1.0 equal 1
        newer = " (update the program)" if type(written) is int and written > FORMAT else ""
        raise fault(path, f"has format {spelled(written)}, this program reads {FORMAT}{newer}")
    if wrong := (set(config) - {"classes"}) ^ CONFIG_FIELDS:
        named = ", ".join(name if is_text(name, 40) else short(name) for name in sorted(wrong)[:5])
        raise fault(path, f"has a missing or unknown field: {named}")
    for key in ("dataset", "recipe"):
        if not isinstance(config[key], str):
            raise fault(path, f"{key} is {spelled(config[key])}, which is not a text")
        _demand(path, key, config[key], _text(WORD))
    if not isinstance(config["provenance"], dict):
        raise fault(path, f"provenance is {spelled(config['provenance'])}, which is not a table")
    _check_table(path, "provenance", config["provenance"], PROVENANCE)
    _check_classes(path, config.get("classes"))
    return config


def read_metrics(path: Path, command: str) -> dict[str, dict[str, Any]]:
    """Every key this program knows, null where the file lacks it and filled in where it is incomplete; those of other releases as they are."""
    metrics = read_json(path, MAX_RECORD)
    _check_unknown(path, "metrics.json", {k: v for k, v in metrics.items() if k not in METRIC_UNITS})
    for key, unit in METRIC_UNITS.items():
        given = metrics.get(key)
        if not isinstance(given, (dict, type(None))):
            raise fault(path, f"{key} is {spelled(given)}, not a value with its unit and command")
        present = {part: value for part, value in (given or {}).items() if value is not None}
        try:
            _check_table(path, key, present, ENTRY)
        except CheckpointError as error:
            raise fault(path, f"{key} is {spelled(given)}: {_inner(path, error)}") from None
        metrics[key] = metric(None, unit, command) | present
    return metrics


def metric(value: float | None, unit: str, command: str) -> dict[str, Any]:
    """One entry of `metrics.json`."""
    return {"value": value, "unit": unit, "command": command}


def read_history_file(path: Path) -> dict[str, list]:
    """The checked `history.json`."""
    history = read_json(path)
    epochs, steps = history.get("epochs"), history.get("steps")
    if set(history) != {"epochs", "steps"} or not isinstance(epochs, list) or not isinstance(steps, list):
        raise fault(path, "must hold the lists epochs and steps")
    if len(epochs) > MOST_EPOCHS or len(steps) > MOST_STEPS:
        raise fault(
            path,
            f"has {len(epochs)} epochs and {len(steps)} steps; {MOST_EPOCHS} and {MOST_STEPS} are the most",
        )
    if not all(map(_is_epoch, epochs)):
        raise fault(path, f"has an epoch that is not exactly the numbers {', '.join(EPOCH_KEYS)}")
    if not all(
        isinstance(s, list) and len(s) == 2 and None not in s and all(map(is_figure, s)) for s in steps
    ):
        raise fault(path, "has a step that is not [step, loss]")
    return history


def _is_epoch(epoch: Any) -> bool:
    whole = isinstance(epoch, dict) and set(epoch) == set(EPOCH_KEYS)
    return whole and all(map(is_figure, epoch.values())) and _is_whole(epoch["epoch"])


def _demand(path: Path, name: str, value: Any, kind: Kind) -> None:
    check, asked = kind
    if not check(value):
        raise fault(path, f"{name} is {spelled(value)}, not {asked}")


def _check_classes(path: Path, classes: Any) -> None:
    if classes is None:
        return
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise fault(path, f"classes is {spelled(classes)}, not a list of names")
    if len(classes) > MOST_CLASSES:
        raise fault(path, f"classes holds {len(classes)} names; {MOST_CLASSES} are the most")
    for place, name in enumerate(classes):
        _demand(path, f"classes[{place}]", name, _text(WORD))


def _check_table(path: Path, name: str, table: dict[str, Any], kinds: dict[str, Kind]) -> None:
    """Known fields of their kinds, where they are there; others, of another release, as long as each is one short value."""
    for key, kind in kinds.items():
        if table.get(key) is not None:
            _demand(path, f"{name}.{key}", table[key], kind)
    others = {key: value for key, value in table.items() if key not in kinds}
    _check_unknown(path, name, others)
    for key, value in others.items():
        if not (isinstance(value, bool) or is_figure(value) or is_text(value, WORD)):
            raise fault(path, f"{name}.{key} is {spelled(value)}, not one number, truth value or short text")


def _check_unknown(path: Path, name: str, others: dict[str, Any]) -> None:
    """What another release wrote is kept, as long as it is not much."""
    if len(others) > MOST_UNKNOWN:
        raise fault(path, f"{name} has {len(others)} unknown keys; {MOST_UNKNOWN} are the most")
    for key, value in others.items():
        if not is_text(key, WORD):
            raise fault(
                path, f"{name} has the key {short(key)}, not one of one line and up to {WORD} characters"
            )
        if len(json.dumps(value)) > MOST_OTHER:
            raise fault(path, f"{name}.{key} is longer than {MOST_OTHER} characters")


def _inner(path: Path, error: CheckpointError) -> str:
    return error.public.removeprefix(f"{path}: ").rstrip(".")
