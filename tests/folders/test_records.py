"""The JSON files of a model folder hold known fields of known types and lengths, and nothing that goes deep."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import MODELS, needs_model

from vae.catalogue import Catalogue
from vae.errors import CheckpointError
from vae.explorer import Explorer
from vae.folders.dataset import check_dataset, check_test_set
from vae.folders.files import json_bytes, write_folder
from vae.folders.folder import list_models, load_model, read_codes, read_folder, read_history
from vae.folders.parsing import MOST_DEPTH, depth, parse, read_json
from vae.ui.page_data import page_data

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=25,
)


def deep(value: object) -> int:
    if isinstance(value, (list, dict)):
        return 1 + max(map(deep, value.values() if isinstance(value, dict) else value), default=0)
    return 0


@given(values)
def test_the_depth_of_any_json_is_counted_outside_of_its_texts(value):
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
        assert depth(text.encode("utf-8", "surrogatepass")) == deep(value)


@given(values)
def test_what_is_written_is_read_as_it_was_but_for_what_breaks_a_line(value):
    kept = parse(json_bytes({"value": value}))["value"]
    if isinstance(value, str):
        assert len(kept) == len(value) and not any(ord(c) < 32 or "\ud800" <= c <= "\udfff" for c in kept)
    if not isinstance(value, (str, list, dict)):
        assert kept == value


@given(st.binary(max_size=60) | st.text('[]{}":,\\ 019eE-ntf', max_size=60).map(str.encode))
def test_any_bytes_are_json_or_a_value_error(raw):
    try:
        assert parse(raw) == json.loads(raw)
    except ValueError:
        pass


@pytest.mark.parametrize("opened", [b"[", b'{"a":', b'[{"a":'])
@pytest.mark.parametrize("times", [17, 900, 500_000])
def test_json_that_goes_deep_is_refused_before_python_meets_it(tmp_path, opened, times):
    (tmp_path / "config.json").write_bytes(b'{"provenance": ' + opened * times)
    with pytest.raises(CheckpointError, match="config.json: is not readable JSON .*more than 16 deep"):
        read_json(tmp_path / "config.json")
    assert deep(parse(b"[" * MOST_DEPTH + b"]" * MOST_DEPTH)) == MOST_DEPTH


def test_a_key_that_stands_twice_among_very_many_is_found_at_once(tmp_path):
    many = ", ".join(f'"k{i}": 0' for i in range(300_000))
    (tmp_path / "history.json").write_text("{" + many + ', "k299999": 1}')
    with pytest.raises(CheckpointError, match="the key 'k299999' stands there twice"):
        read_json(tmp_path / "history.json")  # looking for each among all others would take hours


def written(folder: Path, file: str, *place: str, value: object) -> None:
    """Put a value into a JSON file of a folder."""
    content = inner = json.loads((folder / file).read_text())
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    (folder / file).write_text(json.dumps(content))


LONG, LINES = "x" * 30_000, "two\nlines"
CONFIG = [
    (("format",), True, "format True"),
    (("format",), 1.0, "format 1.0"),
    (("format",), 2, "format 2, this program reads 1 (update the program)"),
    (("format",), 10**999, "format 10000000000000000000... of 1000 digits"),
    (("dataset",), LONG, "dataset is 'xxx"),
    (("dataset",), LINES, "dataset is 'two"),
    (("dataset",), "", None),
    (("recipe",), "\x1b[31m", "recipe is"),
    (("recipe",), "\u202edeper", "recipe is"),
    (("recipe",), [], "recipe is []"),
    (("model", "hidden"), [400] * 5000, "hidden is"),
    (("model", "hidden"), [[400]], "hidden is"),
    (("model", "latent_dim"), 2.0, "latent_dim is 2.0"),
    (("model", "likelihood"), LONG, "likelihood is 'xxx"),
    (("model", LONG), 1, "no field 'xxx"),
    (("train", "beta"), "1", "beta is '1'"),
    (("train", "epochs"), True, "epochs is True"),
    (("provenance", "command"), LONG, "provenance.command is 'xxx"),
    (("provenance", "command"), ["python"], "provenance.command is ['python']"),
    (("provenance", "seed"), "0", "provenance.seed is '0'"),
    (("provenance", "seed"), True, "provenance.seed is True"),
    (("provenance", "seed"), -1, "provenance.seed is -1"),
    (("provenance", "date"), LINES, "provenance.date is"),
    (("provenance", "seconds"), "long", "provenance.seconds is 'long'"),
    (("provenance", "torch_version"), {}, "provenance.torch_version is {}"),
    (("provenance", "notes"), [[1]], "provenance.notes is [[1]]"),
    (("provenance", "notes"), LONG, "provenance.notes is longer than 4000 characters"),
    (("provenance", "notes"), "y" * 300, "provenance.notes is 'yyy"),
    (("provenance", LINES), 1, "provenance has the key 'two"),
    (("classes",), ["a"] * 257, "classes holds 257 names; 256 are the most"),
    (("classes",), ["a", LINES], "classes[1] is 'two"),
    (("classes",), ["a" * 201], "classes[0] is 'aaa"),
    (("x" * 5000,), 1, "unknown field: 'xxx"),
]


@pytest.mark.parametrize(
    ("place", "value", "said"), CONFIG, ids=[f"{'.'.join(p)[:30]}-{v!s:.12}" for p, v, _ in CONFIG]
)
def test_a_field_of_the_config_that_cannot_be_is_named_in_a_short_sentence(folder, place, value, said):
    written(folder, "config.json", *place, value=value)
    if said is None:
        assert read_folder(folder).dataset == value
        return
    reason = list_models(folder.parent)[1][folder.name]
    assert f"{folder.name}/config.json: " in reason and said in reason
    assert reason.endswith("train the model again or restore the folder.")
    assert len(reason) < 1200 and "\n" not in reason


METRICS = [
    (("elbo", "unit"), LONG, "elbo.unit is 'xxx"),
    (("elbo", "unit"), LINES, "elbo.unit is 'two"),
    (("elbo", "command"), LONG, "elbo.command is 'xxx"),
    (("log_likelihood", "k"), [[[1]]], "log_likelihood.k is [[[1]]]"),
    (("log_likelihood", "k"), "200", "log_likelihood.k is '200'"),
    (("log_likelihood", "k"), 1.5, "log_likelihood.k is 1.5"),
    (("log_likelihood", "k"), True, "log_likelihood.k is True"),
    (("elbo", "from"), [1], "elbo.from is [1]"),
    (("elbo", "from"), LONG, "elbo.from is longer than 4000"),
    (("fid",), [LONG], "metrics.json.fid is longer than 4000"),
    ((LINES,), 1, "metrics.json has the key 'two"),
]


@pytest.mark.parametrize(
    ("place", "value", "said"), METRICS, ids=[f"{'.'.join(p)[:20]}-{v!s:.12}" for p, v, _ in METRICS]
)
def test_a_part_of_the_figures_that_cannot_be_is_named_in_a_short_sentence(folder, place, value, said):
    written(folder, "metrics.json", *place, value=value)
    reason = list_models(folder.parent)[1][folder.name]
    assert f"{folder.name}/metrics.json: " in reason and said in reason
    assert len(reason) < 1200 and "\n" not in reason


def test_very_many_unknown_keys_are_refused(folder):
    written(folder, "metrics.json", "elbo", value={f"k{i}": i for i in range(65)})
    with pytest.raises(CheckpointError, match="elbo has 65 unknown keys; 64 are the most"):
        read_folder(folder)


def test_what_another_release_wrote_is_kept_and_shown_to_nobody(folder):
    config, metrics = (json.loads((folder / f).read_text()) for f in ("config.json", "metrics.json"))
    config["provenance"] |= {"torch_threads": 2, "nice": True, "host": "a word", "ratio": 0.5, "none": None}
    metrics["elbo"] |= {"spread": 0.25}
    metrics["fid"] = {"value": [1, 2], "from": "another release"}
    for file, content in (("config.json", config), ("metrics.json", metrics)):
        (folder / file).write_text(json.dumps(content))
    found = read_folder(folder)
    assert found.config()["provenance"] == config["provenance"]
    assert found.metrics["fid"] == metrics["fid"] and found.metrics["elbo"]["spread"] == 0.25
    explorer = Explorer(folder.parent)
    shown = json.dumps(
        [explorer.card(folder.name), explorer.metrics(folder.name), page_data(explorer.catalogue, False)]
    )
    assert not [
        word for word in ("torch_threads", "another release", "spread", "a word", "fid") if word in shown
    ]


def test_a_history_of_more_epochs_than_can_be_or_of_half_epochs_is_refused(folder):
    history = json.loads((folder / "history.json").read_text())
    epoch = history["epochs"][0]
    for epochs, said in (([epoch] * 10_001, "has 10001 epochs"), ([epoch | {"epoch": 1.5}], "has an epoch")):
        (folder / "history.json").write_text(json.dumps({"epochs": epochs, "steps": []}))
        with pytest.raises(CheckpointError, match=said):
            read_history(folder)


def test_a_path_that_breaks_a_line_or_is_no_utf_8_does_not_spoil_the_folder_that_names_it(folder):
    config = json.loads((folder / "config.json").read_text())
    config["provenance"]["command"] = "python -m vae train --out 'two\nlines \udce8'"
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    write_folder(folder, files | {"config.json": json_bytes(config)}, force=True)
    assert read_folder(folder).provenance["command"].endswith("--out 'two\ufffdlines \ufffd'")


def test_every_shipped_model_opens_and_is_of_its_data_set():
    needs_model("mnist-default-z2", "fashion-mnist-default-z2", "digits-default-z2")
    good, broken = list_models(MODELS)
    assert len(good) >= 24 and not broken
    for folder in good:
        check_dataset(folder)
        check_test_set(folder, read_codes(folder)["labels"])
        read_history(folder.path)
        assert folder.origin == folder.provenance and folder.figures == folder.metrics
    load_model(good[0].path)


# ---- models that contradict their data set ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (
            ("model", "image_shape"),
            [1, 28, 28],
            "image_shape is (1, 28, 28), but images of digits are (1, 8, 8)",
        ),
        (("model", "num_classes"), 12, "num_classes is 12, but digits has 10 classes"),
        (("provenance", "data_checksum"), "0" * 16, "but that of the training images of digits is 'cf52"),
        (("dataset",), "mnist", "image_shape is (1, 8, 8), but images of mnist are (1, 28, 28)"),
    ],
    ids=lambda v: str(v)[:24],
)
def test_a_model_that_contradicts_its_data_set_is_broken_with_a_sentence(copied, place, value, said):
    path = copied / "digits-tutorial-z2"
    written(path, "config.json", *place, value=value)
    catalogue = Catalogue(copied)
    assert len(catalogue.folders()) == 3 and said in catalogue.broken()[path.name]


def test_codes_of_another_number_or_with_other_labels_than_the_test_set_are_broken(copied):
    from safetensors.numpy import load_file, save_file

    for name, change, said in (
        ("digits-tutorial-z2", lambda v: v[:200], "holds 200 codes, but digits has 360 test images"),
        ("digits-tutorial-z5", lambda v: v * 0 + 3 if v.ndim == 1 else v, "labels are not those of the test"),
    ):
        file = copied / name / "codes.safetensors"
        save_file({k: change(v).copy() for k, v in load_file(file).items()}, file)
        explorer = Explorer(copied)
        with pytest.raises(CheckpointError, match=said):
            explorer.codes(name)
        assert said in explorer.catalogue.broken()[name]


def test_weights_of_a_deep_net_whose_answers_no_float_holds_are_refused(copied):
    from vae.config import ModelConfig
    from vae.folders.files import tensor_bytes
    from vae.model import weight_shapes

    path = copied / "digits-tutorial-z2"
    config = ModelConfig(image_shape=(1, 8, 8), hidden=(4,) * 12)
    written(path, "config.json", "model", value=config.to_dict())
    weights = {name: np.full(shape, 60_000, np.float16) for name, shape in weight_shapes(config).items()}
    (path / "model.safetensors").write_bytes(tensor_bytes(weights))
    explorer = Explorer(copied)
    with pytest.raises(CheckpointError, match="model.safetensors: has weights with which"):
        explorer.decode("digits-tutorial-z2", np.zeros((1, 2)))
    assert "is not finite" in explorer.catalogue.broken()["digits-tutorial-z2"]


def test_a_data_set_of_ones_own_has_any_shape_and_number_of_codes(copied):
    from safetensors.numpy import load_file, save_file

    path = Path(shutil.copytree(copied / "digits-tutorial-z2", copied / "mine"))
    written(path, "config.json", "dataset", value="my own")
    codes = {k: v[:50].copy() for k, v in load_file(path / "codes.safetensors").items()}
    save_file(codes, path / "codes.safetensors")
    assert Explorer(copied).codes("mine")["mu"].shape == (50, 2)
