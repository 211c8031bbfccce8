"""Model folders: what is written comes back, a damaged one is named with its fault, a killed writer leaves a whole one."""

from __future__ import annotations

import ctypes
import json
import os
import pickle
import random
import re
import shutil
import signal
import stat
import struct
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from support import ROOT

from vae.catalogue import Catalogue
from vae.config import ModelConfig
from vae.errors import CheckpointError
from vae.evaluate import metrics_table
from vae.folders import files
from vae.folders.files import json_bytes, read_tensors, tensor_bytes, update_folder, write_folder
from vae.folders.folder import (
    list_models,
    load_model,
    read_charts,
    read_codes,
    read_folder,
    read_history,
    read_state,
    write_charts,
)
from vae.model import VAE, weight_shapes
from vae.runs import Run, train_model


@pytest.fixture(scope="session")
def sound(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every file there can be: unfinished, so with a training state, and with UMAP places (any places will do). Read only."""
    out = tmp_path_factory.mktemp("sound")
    run = Run("digits", "tutorial", 2, {"epochs": 3})
    records = train_model(run, out, device="cpu")
    next(records)
    records.close()
    path = out / run.folder_name()
    rows = len(read_codes(read_folder(path))["labels"])
    update_folder(path, {"charts.safetensors": tensor_bytes({"umap": np.zeros((rows, 2), np.float32)})})
    return path


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    """A copy of the sound folder to be damaged."""
    return Path(shutil.copytree(sound, tmp_path / sound.name))


TENSOR_FILES = ("model.safetensors", "codes.safetensors", "charts.safetensors", "training_state.safetensors")
JSON_FILES = ("config.json", "metrics.json", "history.json")


def refused(path: Path, file: str, fault: str) -> None:
    """Loading names the file and the fault."""
    with pytest.raises(CheckpointError, match=fault) as caught:
        load_model(path)
    assert file in str(caught.value)


def safetensors(header: object, body: bytes) -> bytes:
    """A safetensors file with any header at all."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def parts(path: Path) -> tuple[dict, bytes]:
    raw = path.read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    return json.loads(raw[8 : 8 + length]), raw[8 + length :]


# ---- what is written comes back ------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 7)])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"architecture": "conv", "hidden": (3, 4, 5)},
        {"architecture": "conv3", "hidden": (3, 4, 5), "conditional": True},
        {"conditional": True, "likelihood": "gaussian-learned"},
        {"variational": False},
    ],
)
def test_weights_come_back_as_the_nearest_float16(trained, tmp_path, options, shape):
    config = ModelConfig(latent_dim=2, image_shape=shape, **{"hidden": (9,), **options})
    vae = VAE(config, torch.Generator().manual_seed(5))
    template = trained / "digits-tutorial-z2"
    files = {p.name: p.read_bytes() for p in template.iterdir()}
    files["config.json"] = json_bytes(json.loads(files["config.json"]) | {"model": config.to_dict()})
    files["model.safetensors"] = tensor_bytes(
        {k: v.numpy().astype(np.float16) for k, v in vae.state_dict().items()}
    )
    write_folder(tmp_path / "any", files)
    back = load_model(tmp_path / "any")
    assert back.config == config and not back.training
    for name, value in vae.state_dict().items():
        assert back.state_dict()[name].dtype == torch.float32
        assert torch.equal(back.state_dict()[name], value.half().float())
    with safe_open(
        tmp_path / "any" / "model.safetensors", "numpy"
    ) as file:  # the library's own reader agrees on what is in there
        assert set(file.keys()) == set(vae.state_dict()) == set(weight_shapes(config))


def test_a_trained_folder_holds_exactly_the_files_of_the_format(trained, sound):
    finished = {p.name for p in (trained / "digits-tutorial-z2").iterdir()}
    assert finished == {
        "config.json",
        "model.safetensors",
        "codes.safetensors",
        "metrics.json",
        "history.json",
    }
    assert {p.name for p in sound.iterdir()} == finished | {
        "charts.safetensors",
        "training_state.safetensors",
    }
    config = json.loads((sound / "config.json").read_text())
    assert (
        set(config) == {"format", "model", "train", "dataset", "recipe", "provenance"}
        and config["format"] == 1
    )
    assert {"command", "seed", "device", "seconds", "torch_version", "data_checksum", "date"} <= set(
        config["provenance"]
    )


def test_codes_are_the_loaded_models_means_in_test_set_order(trained, digits):
    path = trained / "digits-tutorial-z5"
    codes, test_set = load_file(path / "codes.safetensors"), digits[1]
    mu, logvar = load_model(path).encode(torch.tensor(test_set.images).float() / 255)
    assert codes["mu"].dtype == codes["logvar"].dtype == np.float16 and codes["labels"].dtype == np.uint8
    np.testing.assert_allclose(codes["mu"], mu.numpy(), rtol=2e-3, atol=1e-3)
    np.testing.assert_allclose(codes["logvar"], logvar.numpy(), rtol=2e-3, atol=1e-3)
    np.testing.assert_array_equal(codes["labels"], test_set.labels)


def test_an_unfinished_folder_loads(sound):
    assert isinstance(load_model(sound), VAE)
    state = read_state(read_folder(sound))
    assert state is not None and int(state["step"]) == 14  # one epoch of 1,437 images in batches of 100
    assert len(read_history(sound)["epochs"]) == 1


# ---- what is damaged is named --------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", TENSOR_FILES)
def test_a_file_cut_anywhere_is_named_as_truncated(folder, file):
    raw = (folder / file).read_bytes()
    header = 8 + struct.unpack("<Q", raw[:8])[0]
    places = {
        0,
        1,
        7,
        8,
        9,
        header - 1,
        header,
        header + 1,
        len(raw) - 1,
        *random.Random(0).sample(range(len(raw)), 20),
    }
    for place in sorted(places):
        (folder / file).write_bytes(raw[:place])
        refused(folder, file, "truncated")


@pytest.mark.parametrize("file", JSON_FILES)
def test_a_json_file_cut_anywhere_is_refused(folder, file):
    raw = (folder / file).read_bytes().rstrip()
    for place in {0, 1, len(raw) - 1, *random.Random(0).sample(range(len(raw)), 10)}:
        (folder / file).write_bytes(raw[:place])
        refused(folder, file, "not readable JSON")


@pytest.mark.parametrize("file", TENSOR_FILES)
def test_a_file_longer_than_its_tensors_is_refused(folder, file):
    with (folder / file).open("ab") as end:
        end.write(b"\0")
    refused(folder, file, "truncated or damaged")


@pytest.mark.parametrize("file", TENSOR_FILES)
def test_a_missing_and_an_extra_tensor_are_named(folder, file):
    tensors = load_file(folder / file)
    name = sorted(tensors)[0]
    if file != "charts.safetensors":  # any part of which may be missing
        save_file({k: v for k, v in tensors.items() if k != name}, folder / file)
        refused(folder, file, f"lacks the tensor {name}")
    save_file(tensors | {"backdoor": tensors[name]}, folder / file)
    refused(folder, file, "unknown tensor 'backdoor'")


@pytest.mark.parametrize("file", TENSOR_FILES)
def test_a_wrong_shape_or_dtype_is_named(folder, file):
    tensors = load_file(folder / file)
    name = next(k for k, v in tensors.items() if v.ndim == 2 or k == "umap")
    for wrong in (tensors[name][:, :1].copy(), tensors[name].reshape(-1), tensors[name][None]):
        save_file(tensors | {name: wrong}, folder / file)
        refused(folder, file, f"{name} has the shape")
    for dtype in (np.float64, np.int8, np.float32 if tensors[name].dtype == np.float16 else np.float16):
        save_file(tensors | {name: tensors[name].astype(dtype)}, folder / file)
        refused(folder, file, f"{name} has the dtype")


def test_codes_of_unequal_length_or_with_impossible_labels_are_refused(folder):
    codes = load_file(folder / "codes.safetensors")
    for wrong, fault in (
        ({"labels": codes["labels"][:-1]}, "equally many"),
        ({k: v[:1] for k, v in codes.items()}, "two at least"),
        ({k: v[:0] for k, v in codes.items()}, "two at least"),
        ({"labels": codes["labels"] + 10}, "labels below 10"),
        (
            {"labels": np.where(np.arange(len(codes["labels"])) == 7, 10, codes["labels"]).astype(np.uint8)},
            "labels below 10",
        ),
    ):
        save_file(
            codes | {k: np.ascontiguousarray(v) for k, v in wrong.items()}, folder / "codes.safetensors"
        )
        refused(folder, "codes.safetensors", fault)


def test_places_of_another_number_than_the_codes_are_refused(folder):
    save_file({"umap": np.zeros((7, 2), np.float32)}, folder / "charts.safetensors")
    refused(folder, "charts.safetensors", r"umap has the shape \[7, 2\]")


@pytest.mark.parametrize("file", TENSOR_FILES)
@pytest.mark.parametrize("poison", [float("nan"), float("inf"), float("-inf")])
def test_one_value_that_is_not_finite_is_enough(folder, file, poison):
    tensors = load_file(folder / file)
    name = next(k for k, v in tensors.items() if v.dtype in (np.float16, np.float32) and v.ndim)
    tensors[name] = tensors[name].copy()
    tensors[name].flat[-1] = poison
    save_file(tensors, folder / file)
    refused(folder, file, f"{name} holds values that are not finite")


@pytest.mark.parametrize("file", TENSOR_FILES)
def test_a_tensor_named_twice_is_refused(folder, file):
    header, body = parts(folder / file)
    name = next(k for k in header if k != "__metadata__")
    text = json.dumps(header)
    twice = (text[:-1] + ", " + json.dumps(name) + ": " + json.dumps(header[name]) + "}").encode()
    (folder / file).write_bytes(safetensors(twice, body))
    refused(folder, file, "twice")


@pytest.mark.parametrize(
    "offsets",
    [
        None,
        0,
        "0",
        [],
        [0],
        [0, 1, 2],
        ["0", "8"],
        [None, 8],
        [0, 8.0],
        {"0": 8},
        [-8, 0],
        [8, 0],
        [0, 10**30],
        [[0], [8]],
    ],
    ids=str,
)
def test_offsets_that_make_no_sense_are_refused(folder, offsets):
    header, body = parts(folder / "model.safetensors")
    name = next(k for k in header if k != "__metadata__")
    header[name]["data_offsets"] = offsets
    (folder / "model.safetensors").write_bytes(safetensors(header, body))
    refused(folder, "model.safetensors", "truncated or damaged")


def test_tensors_that_overlap_are_refused(folder):
    header, body = parts(folder / "model.safetensors")
    header["encoder.mu.weight"]["data_offsets"] = header["encoder.logvar.weight"]["data_offsets"]
    (folder / "model.safetensors").write_bytes(safetensors(header, body))
    refused(folder, "model.safetensors", "truncated or damaged")


HEADERS = [
    b"",
    b"{}",
    b"[]",
    b"null",
    b"{",
    b'{"a": 1}',
    b'{"a": []}',
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"a": NaN}',
    b"9" * 5000,
]


@pytest.mark.parametrize("header", HEADERS, ids=lambda h: h[:12].decode("latin1"))
def test_a_header_that_is_no_table_of_tensors_is_refused(folder, header):
    (folder / "model.safetensors").write_bytes(safetensors(header, b"\0" * 64))
    refused(folder, "model.safetensors", "not a safetensors file|lacks the tensor")


def test_a_header_that_promises_more_than_there_is_is_refused(folder):
    for length in (2**63, 2**64 - 1, 10**9):
        (folder / "model.safetensors").write_bytes(struct.pack("<Q", length) + b"{}" * 50)
        refused(folder, "model.safetensors", "truncated")
    header, body = parts(folder / "codes.safetensors")
    for entry in header.values():
        entry["shape"] = [2**40, *entry["shape"][1:]]
    (folder / "codes.safetensors").write_bytes(safetensors(header, body))
    refused(folder, "codes.safetensors", "truncated")


class Canary:
    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("file", TENSOR_FILES + JSON_FILES)
def test_a_pickle_in_disguise_is_refused_and_never_runs(folder, tmp_path, file):
    mark = tmp_path / "it-ran"
    (folder / file).write_bytes(pickle.dumps(Canary(mark)))
    refused(folder, file, "not a safetensors file|not readable JSON")
    torch.save({"canary": Canary(mark)}, folder / file)
    refused(folder, file, "not a safetensors file|not readable JSON")
    list_models(folder.parent)
    assert not mark.exists()
    pickle.loads(pickle.dumps(Canary(mark)))
    assert mark.exists()  # the canary does sing when it is unpickled


@pytest.mark.parametrize(
    "file", ["config.json", "model.safetensors", "codes.safetensors", "metrics.json", "history.json"]
)
def test_a_missing_file_is_named_by_load_and_by_list(folder, file):
    (folder / file).unlink()
    refused(folder, file, "is missing")
    good, broken = list_models(folder.parent)
    assert (
        good == []
        and list(broken) == [folder.name]
        and file in broken[folder.name]
        and "is missing" in broken[folder.name]
    )


@pytest.mark.parametrize("file", ["charts.safetensors", "training_state.safetensors"])
def test_an_optional_file_may_be_missing_but_not_be_a_folder(folder, file):
    (folder / file).unlink()
    load_model(folder)
    assert not (read_charts if file.startswith("charts") else read_state)(read_folder(folder))
    (folder / file).mkdir()
    refused(folder, file, "cannot be read")


CONFIG_FAULTS = [
    (["model", "latent_dim"], 1, "latent_dim is 1"),
    (["model", "latent_dim"], "2", "latent_dim is '2'"),
    (["model", "latent_dim"], True, "latent_dim is True"),
    (["model", "latent_dim"], 3, "has the shape|lacks"),
    (["model", "colour"], 1, "no field 'colour'"),
    (["model", "hidden"], [400] * 17, "hidden is"),
    (["model", "hidden"], [[400]], "hidden is"),
    (["model", "image_shape"], {"C": 1}, "image_shape is"),
    (["model", "likelihood"], ["bernoulli"], "likelihood is"),
    (["train", "beta"], -1, "beta is -1"),
    (["train", "beta"], 10**400, "beta is 1000"),
    (["train", "epochs"], 1e9, "epochs is"),
    (["train", "lr"], 1, "no field 'lr'"),
    (["model"], None, "object of named fields"),
    (["train"], [], "object of named fields"),
    (["format"], 2, "format 2.*update the program"),
    (["format"], "1", "format '1'"),
    (["format"], None, "format None"),
    (["dataset"], 5, "dataset is 5"),
    (["recipe"], None, "recipe is None"),
    (["provenance"], [], "provenance is"),
    (["surprise"], 1, "unknown field: surprise"),
]


@pytest.mark.parametrize(("place", "value", "fault"), CONFIG_FAULTS, ids=lambda v: str(v)[:24])
def test_a_config_field_that_cannot_be_is_named(folder, place, value, fault):
    config = json.loads((folder / "config.json").read_text())
    inner = config
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=fault):
        load_model(folder)


@pytest.mark.parametrize("key", ["format", "model", "train", "dataset", "recipe", "provenance"])
def test_a_config_without_one_of_its_parts_is_refused(folder, key):
    config = json.loads((folder / "config.json").read_text())
    del config[key]
    (folder / "config.json").write_text(json.dumps(config))
    refused(folder, "config.json", key)


def test_a_huge_net_in_the_config_is_refused_before_memory_is_given_to_it(folder):
    import tracemalloc

    config = json.loads((folder / "config.json").read_text())
    config["model"] |= {"hidden": [8192] * 16, "image_shape": [3, 256, 256]}  # 20 GB of weights
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "training_state.safetensors").unlink()
    tracemalloc.start()
    refused(folder, "model.safetensors", "lacks the tensor|has the shape")
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()


@pytest.mark.parametrize("file", JSON_FILES)
@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"format": 1, "format": 1}', "twice"),
        ('{"format": NaN}', "NaN"),
        ('{"format": -Infinity}', "Infinity"),
        ('{"format": 1e999}', "too large"),
        ("[1]", "object"),
        ("[" * 100_000, "JSON"),
        ('{"a":' * 50_000, "JSON"),
        ("1" * 6000, "JSON"),
        ("\ufeff{}", "JSON"),
        ("", "JSON"),
    ],
    ids=lambda v: v[:12],
)
def test_json_that_is_no_json_is_refused(folder, file, text, fault):
    (folder / file).write_text(text, encoding="utf-8")
    refused(folder, file, fault)


def test_json_of_an_absurd_size_is_refused_unread(folder):
    with (folder / "history.json").open("wb") as file:
        file.truncate(20 << 20)
    refused(folder, "history.json", "20971520 bytes")


@pytest.mark.parametrize(
    "entry",
    [
        None,
        5,
        {},
        {"value": "5", "unit": "s", "command": ""},
        {"value": True, "unit": "s", "command": ""},
        {"value": 10**400, "unit": "s", "command": ""},
        {"value": 1.0, "unit": 3, "command": ""},
        {"value": 1.0, "unit": "s"},
    ],
    ids=lambda v: str(v)[:30],
)
def test_a_metric_that_is_no_figure_with_unit_and_command_is_refused(folder, entry):
    metrics = json.loads((folder / "metrics.json").read_text())
    (folder / "metrics.json").write_text(json.dumps(metrics | {"elbo": entry}))
    refused(folder, "metrics.json", "elbo is")
    assert list(list_models(folder.parent)[1]) == [folder.name]


def test_a_metric_that_is_missing_reads_as_null_and_one_of_another_release_is_kept(folder):
    metrics = json.loads((folder / "metrics.json").read_text())
    other = {"value": [1, 2], "from": "another release"}
    kept = {key: entry for key, entry in metrics.items() if key != "kl"} | {"fid": other}
    (folder / "metrics.json").write_text(json.dumps(kept))
    found = read_folder(folder).metrics
    assert found["kl"]["value"] is None and found["kl"]["unit"] == "nats/image"
    assert found["kl"]["command"] == f"python -m vae evaluate {folder.as_posix()}"
    assert found["fid"] == other
    load_model(folder)
    assert [m["metrics"]["kl"] for m in Catalogue(folder.parent).models()] == [None]
    assert "fid" not in Catalogue(folder.parent).models()[0]["metrics"], "kept, but not shown"


def test_evaluating_keeps_the_metrics_of_another_release(folder):
    other = {"value": 7.5, "unit": "share", "command": "python -m vae judge"}
    metrics = json.loads((folder / "metrics.json").read_text())
    (folder / "metrics.json").write_text(json.dumps(metrics | {"judged_right": other}))
    table = metrics_table({"elbo": -10.0}, read_folder(folder))
    assert table["judged_right"] == other and table["elbo"]["value"] == -10.0


# ---- charts.safetensors: any of its parts ----------------------------------------------------------------------------


def charts(rows: int, z: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    return {
        "draws": generator.normal(size=(rows, z)).astype(np.float16),
        "spacing": generator.random(rows).astype(np.float32),
        "umap": generator.normal(size=(rows, 2)).astype(np.float32),
    }


@pytest.mark.parametrize(
    "names", [(), ("draws",), ("spacing", "umap"), ("draws", "spacing"), ("draws", "spacing", "umap")]
)
def test_any_part_of_the_charts_may_be_there(folder, names):
    known = read_folder(folder)
    parts = {name: values for name, values in charts(360, 2).items() if name in names}
    save_file(parts, folder / "charts.safetensors")
    found = read_charts(known, 360)
    assert set(found) == set(names) and all(values.dtype == np.float32 for values in found.values())
    for name, values in parts.items():
        np.testing.assert_array_equal(found[name], values.astype(np.float32))
    load_model(folder)


def test_whoever_writes_a_chart_keeps_the_others(folder):
    parts = charts(360, 2)
    save_file({"draws": parts["draws"], "umap": parts["umap"]}, folder / "charts.safetensors")
    write_charts(read_folder(folder), umap=parts["umap"] + 1, spacing=parts["spacing"])
    found = load_file(folder / "charts.safetensors")
    assert {name: values.dtype for name, values in found.items()} == {
        "draws": np.float16,
        "spacing": np.float32,
        "umap": np.float32,
    }
    np.testing.assert_array_equal(found["draws"], parts["draws"])
    np.testing.assert_array_equal(found["umap"], parts["umap"] + 1)


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"colours": np.zeros((360, 2), np.float32)}, "unknown tensor 'colours'"),
        ({"draws": np.zeros((360, 3), np.float16)}, "draws has the shape"),
        ({"draws": np.zeros((360, 2), np.float32)}, "draws has the dtype"),
        ({"spacing": np.zeros((360, 1), np.float32)}, "spacing has the shape"),
        ({"spacing": np.zeros(359, np.float32)}, "spacing has the shape"),
    ],
)
def test_a_chart_of_another_name_size_or_dtype_is_refused(folder, wrong, fault):
    save_file(charts(360, 2) | wrong, folder / "charts.safetensors")
    refused(folder, "charts.safetensors", fault)


EPOCH = {
    "epoch": 1,
    "seconds": 1,
    "images_per_second": 1,
    "train_recon": 1,
    "train_kl": None,
    "test_recon": 1,
    "test_kl": 1,
}


@pytest.mark.parametrize(
    "history",
    [
        {},
        {"epochs": []},
        {"epochs": [], "steps": [], "more": 1},
        {"epochs": {}, "steps": []},
        {"epochs": [{"epoch": 1}], "steps": []},
        {"epochs": [], "steps": [[1]]},
        {"epochs": [EPOCH | {"seconds": "long"}], "steps": []},
        {"epochs": [EPOCH], "steps": [[50, None]]},
        {"epochs": [EPOCH], "steps": [[50, "1"]]},
        {"epochs": [[]], "steps": []},
    ],
    ids=lambda v: str(v)[:40],
)
def test_a_history_that_is_no_history_is_refused(folder, history):
    (folder / "history.json").write_text(json.dumps({"epochs": [EPOCH], "steps": [[50, 1.5]]}))
    load_model(folder)
    (folder / "history.json").write_text(json.dumps(history))
    refused(folder, "history.json", "history.json: ")


def test_what_is_no_folder_is_refused_with_a_way_out(tmp_path):
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "none", tmp_path / "file"):
        with pytest.raises(CheckpointError, match="is not a model folder; python -m vae list"):
            load_model(path)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_random_damage_is_either_harmless_or_a_checkpoint_error(sound, tmp_path_factory, data):
    root = sound.parent.with_name("damaged")
    path = root / "m"
    if not path.exists():
        shutil.copytree(sound, path)
    file = path / data.draw(st.sampled_from(TENSOR_FILES + JSON_FILES))
    original = file.read_bytes()
    raw = bytearray(original)
    near_start = st.integers(0, min(len(raw), 1500) - 1) | st.integers(0, len(raw) - 1)
    for place, byte in data.draw(st.lists(st.tuples(near_start, st.integers(0, 255)), max_size=6)):
        raw[place] = byte
    cut = data.draw(st.none() | st.tuples(near_start, st.integers(0, 40)))
    if cut:
        del raw[cut[0] : cut[0] + cut[1]]
    try:
        file.write_bytes(raw)
        try:
            assert isinstance(load_model(path), VAE)
        except CheckpointError as error:
            assert path.name in str(error)
        list_models(root)
    finally:
        file.write_bytes(original)


# ---- writing -------------------------------------------------------------------------------------------------------


def test_an_existing_folder_is_replaced_only_by_force_and_then_wholly(folder):
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    with pytest.raises(CheckpointError, match="exists already; --force replaces it, --name"):
        write_folder(folder, {"a": b"1"})
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    write_folder(folder, {"a": b"1"}, force=True)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {"a": b"1"}
    update_folder(folder, {"b": b"2"})
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {"a": b"1", "b": b"2"}
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]


@pytest.mark.parametrize("name", ["..", ".hidden", "a b", "a/../b c", "-z2", "ä", "a" * 101, "a\nb", "a:b"])
def test_a_name_that_could_leave_the_folder_or_hide_is_refused(tmp_path, name):
    with pytest.raises(CheckpointError, match="cannot be a model's"):
        write_folder(tmp_path / "models" / name, {"a": b"1"})
    assert not list(tmp_path.rglob("a"))


def test_a_disk_that_refuses_is_a_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    write_folder(tmp_path / "m", {"a": b"old"})
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CheckpointError, match="cannot be written .*No space left.*--out"):
        write_folder(tmp_path / "m", {"a": b"new"}, force=True)
    assert [p.name for p in tmp_path.iterdir()] == ["m"] and (tmp_path / "m" / "a").read_bytes() == b"old"


@pytest.mark.parametrize("atomic", [True, False])
def test_ctrl_c_within_a_save_leaves_the_old_folder_and_no_rest(tmp_path, monkeypatch, atomic):
    def interrupt(handle):
        raise KeyboardInterrupt

    write_folder(tmp_path / "m", {"a": b"old"})
    monkeypatch.setattr("vae.folders.files._sync", interrupt)
    if not atomic:
        monkeypatch.setattr("vae.folders.files.RENAME_EXCHANGE", 1 << 20)
    with pytest.raises(KeyboardInterrupt):
        write_folder(tmp_path / "m", {"a": b"new"}, force=True)
    assert [p.name for p in tmp_path.iterdir()] == ["m"] and (tmp_path / "m" / "a").read_bytes() == b"old"


def test_reading_and_writing_finish_an_exchange_that_was_cut_short(sound, tmp_path):
    shutil.copytree(sound, tmp_path / f".{sound.name}.old")
    good, broken = list_models(tmp_path)
    assert [f.name for f in good] == [sound.name] and not broken
    (tmp_path / sound.name).rename(tmp_path / f".{sound.name}.old")
    load_model(tmp_path / sound.name)
    (tmp_path / sound.name).rename(tmp_path / f".{sound.name}.old")
    with pytest.raises(CheckpointError, match="exists already"):
        write_folder(tmp_path / sound.name, {"a": b"1"})


def test_rests_of_dead_writers_are_swept_and_those_of_living_ones_left(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for pid in (dead.pid, os.getppid()):
        (tmp_path / f".m.{pid}.tmp").mkdir()
    write_folder(tmp_path / "m", {"a": b"1"})
    assert {p.name for p in tmp_path.iterdir()} == {"m", f".m.{os.getppid()}.tmp"}


def no_library(name, **_):
    """`ctypes.CDLL(None)` on Windows."""
    raise TypeError("argument of type 'NoneType' is not iterable")


def old_library(name, **_):
    """A C library without renameat2."""
    return types.SimpleNamespace()


def refusing_library(name, **_):
    """One on a disk that cannot exchange."""
    return types.SimpleNamespace(renameat2=lambda *_: -1)


@pytest.mark.parametrize("library", [no_library, old_library, refusing_library])
def test_an_existing_folder_is_replaced_where_the_system_cannot_exchange_two(tmp_path, monkeypatch, library):
    monkeypatch.setattr(ctypes, "CDLL", library)
    for content in (b"1", b"2"):
        write_folder(tmp_path / "m", {"a": content}, force=True)
        assert {p.name: p.read_bytes() for p in (tmp_path / "m").iterdir()} == {"a": content}
    update_folder(tmp_path / "m", {"b": b"3"})
    assert {p.name for p in (tmp_path / "m").iterdir()} == {"a", "b"}
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_a_new_folder_that_cannot_take_its_place_leaves_the_old_one_there(tmp_path, monkeypatch):
    write_folder(tmp_path / "m", {"a": b"old"})
    monkeypatch.setattr(ctypes, "CDLL", no_library)
    rename = Path.rename

    def held_open(self, target):
        if self.suffix == ".tmp":
            raise PermissionError(13, "The process cannot access the file because it is being used")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", held_open)
    with pytest.raises(CheckpointError, match="m cannot be written .*being used"):
        write_folder(tmp_path / "m", {"a": b"new"}, force=True)
    assert [p.name for p in tmp_path.iterdir()] == ["m"] and (tmp_path / "m" / "a").read_bytes() == b"old"


def test_a_folder_is_saved_where_folders_cannot_be_opened_or_synchronised(tmp_path, monkeypatch):
    opened, synchronised = os.open, os.fsync
    refused = []

    def windows(path, flags, *more, **options):
        if Path(path).is_dir():
            refused.append(path)
            raise PermissionError(13, "Permission denied")
        return opened(path, flags, *more, **options)

    monkeypatch.setattr(os, "open", windows)
    write_folder(tmp_path / "m", {"a": b"1"})
    monkeypatch.undo()

    def network_disk(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            refused.append(handle)
            raise OSError(22, "Invalid argument")
        synchronised(handle)

    monkeypatch.setattr(os, "fsync", network_disk)
    write_folder(tmp_path / "m", {"a": b"2"}, force=True)
    assert len(refused) == 4 and (tmp_path / "m" / "a").read_bytes() == b"2"


def test_a_writer_of_another_user_is_left_alone_and_a_number_beyond_all_processes_is_swept(
    tmp_path, monkeypatch
):
    for pid in (4321, 10**30):
        (tmp_path / f".m.{pid}.tmp").mkdir()

    def kill(pid, number):
        assert number == 0
        if pid == 4321:
            raise PermissionError(1, "Operation not permitted")
        raise OverflowError("signed integer is greater than maximum")

    monkeypatch.setattr(os, "kill", kill)
    write_folder(tmp_path / "m", {"a": b"1"})
    assert {p.name for p in tmp_path.iterdir()} == {"m", ".m.4321.tmp"}


def test_where_processes_cannot_be_asked_about_only_old_rests_are_swept_and_no_process_is_ended(
    tmp_path, monkeypatch
):
    fresh, old = tmp_path / ".m.4321.tmp", tmp_path / ".m.4322.tmp"
    fresh.mkdir()
    old.mkdir()
    os.utime(old, (0, 0))

    def kill(pid, number):
        raise AssertionError(f"on Windows this ends process {pid}")

    monkeypatch.setattr(os, "kill", kill)
    monkeypatch.setattr(files, "os", types.SimpleNamespace(**vars(os) | {"name": "nt"}))
    write_folder(tmp_path / "m", {"a": b"1"})
    assert {p.name for p in tmp_path.iterdir()} == {"m", fresh.name}


def test_list_sorts_by_data_set_recipe_name_and_size_and_passes_over_dot_folders(sound, tmp_path):
    assert list_models(tmp_path / "nowhere") == ([], {})
    for name, dataset, recipe in [
        ("b-z10", "mnist", "default"),
        ("b-z2", "mnist", "default"),
        ("a-z5", "mnist", "tutorial"),
        ("c", "digits", "tutorial"),
    ]:
        shutil.copytree(sound, tmp_path / name)
        config = json.loads((tmp_path / name / "config.json").read_text()) | {
            "dataset": dataset,
            "recipe": recipe,
        }
        config["model"]["latent_dim"] = int(name.split("z")[1]) if "z" in name else 2
        (tmp_path / name / "config.json").write_text(json.dumps(config))
    shutil.copytree(sound, tmp_path / ".b-z2.123.tmp")
    (tmp_path / "README.md").write_text("a file")
    (tmp_path / "empty").mkdir()
    good, broken = list_models(tmp_path)
    assert [f.name for f in good] == ["c", "b-z2", "b-z10", "a-z5"]
    assert list(broken) == ["empty"] and "config.json" in broken["empty"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("vae.pt", "is a PyTorch checkpoint, not a model folder .config.json, model.safetensors"),
        ("VAE.PTH", "is a PyTorch checkpoint"),
        ("last.ckpt", "train the model with python -m vae train"),
        ("decoder.h5", "is a Keras file"),
        ("vae.onnx", "is an ONNX file"),
        ("vae.pkl", "is a pickle, which is never opened"),
        ("mnist-default-z2.zip", "is an archive, .*; unpack it"),
        ("models.tar.gz", "is an archive"),
    ],
)
@pytest.mark.parametrize("inside", [False, True], ids=["file", "folder"])
def test_a_foreign_model_is_named_with_what_it_is_and_what_to_do(sound, tmp_path, name, says, inside):
    place = tmp_path / "theirs" if inside else tmp_path
    place.mkdir(exist_ok=True)
    (place / name).write_bytes(b"\x80\x04")
    good, broken = list_models(tmp_path)
    assert not good and list(broken) == ["theirs" if inside else name]
    (reason,) = broken.values()
    assert re.search(says, reason) and str(place / name) in reason and reason.endswith(".")


def test_a_models_file_outside_its_folder_is_told_where_it_belongs(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"1")
    _, broken = list_models(tmp_path)
    assert "is one file of a model" in broken["model.safetensors"]
    assert broken["model.safetensors"].endswith(
        "put it into a folder of its own with the others of that model."
    )


def test_what_lies_beside_models_and_is_none_is_passed_over(sound, tmp_path):
    shutil.copytree(sound, tmp_path / "m")
    for name in ("README.md", "notes.txt", ".DS_Store", ".hidden.pt", "map.png"):
        (tmp_path / name).write_text("a")
    for name in ("judges", "traps"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mnist.safetensors").write_text("a")
        with pytest.raises(CheckpointError, match=f"The name '{name}' is kept"):
            write_folder(tmp_path / name, {"a": b"1"}, force=True)
    (tmp_path / "m" / "export.onnx").write_text("a")
    good, broken = list_models(tmp_path)
    assert [folder.name for folder in good] == ["m"] and not broken


def test_a_folder_one_level_off_is_told_which_one_to_name(sound, tmp_path):
    shutil.copytree(sound, tmp_path / "models" / "m")
    good, broken = list_models(tmp_path / "models" / "m")
    assert not good and broken["m"].endswith(f"name the folder that it lies in: {tmp_path / 'models'}.")
    good, broken = list_models(tmp_path)
    assert not good and "holds model folders; move them up" in broken["models"]


def test_models_that_are_a_file_or_may_not_be_read_are_a_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("a")
    with pytest.raises(CheckpointError, match="file cannot be read as a folder of models .Not a directory."):
        list_models(tmp_path / "file")

    def refuse(self):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "models" / "m").mkdir(parents=True)
    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(
        CheckpointError, match="models cannot be read as .*Permission denied.; name another by"
    ):
        list_models(tmp_path / "models")


WRITER = """
import os, signal, sys
from pathlib import Path
import vae.folders.files as c
from vae.folders.folder import read_folder
path, atomic, versions = Path(sys.argv[1]), sys.argv[2] == "atomic", [Path(v) for v in sys.argv[3:5]]
if not atomic:
    c.RENAME_EXCHANGE = 1 << 20  # no such flag: the system refuses, as one without renameat2 does
files = [{p.name: p.read_bytes() for p in v.iterdir()} for v in versions]
"""
LOOP = """
turn = 0
while True:
    turn += 1
    c.write_folder(path, files[turn % 2], force=True)
    if turn == 1:
        print("ready", flush=True)
"""
STEPS = """
def killed_at(place):
    seen = 0
    def watch(event, arguments):
        nonlocal seen
        if event == "open" or event.split(".")[0] in ("os", "shutil", "ctypes"):
            seen += 1
            if seen == place:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(watch)
    c.write_folder(path, files[place % 2], force=True)
    os._exit(0)

place, outcomes = 0, []
while True:
    place += 1
    child = os.fork()
    if child == 0:
        killed_at(place)
    status = os.waitpid(child, 0)[1]
    folder = read_folder(path)
    found = {p.name: p.read_bytes() for p in path.iterdir()}
    assert found in files, (place, sorted(found))
    if os.waitstatus_to_exitcode(status) == 0:
        break
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, status
    outcomes.append(files.index(found) == place % 2)
assert True in outcomes and False in outcomes and place > 15, (place, outcomes)
print(place)
"""


@pytest.fixture
def versions(sound, trained, tmp_path) -> list[str]:
    """Two folders of one shape, of which a writer writes one over the other."""
    return [str(sound), str(trained / "digits-tutorial-z2")]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


@pytest.mark.parametrize("way", ["atomic", "fallback"])
def test_a_writer_killed_before_any_of_its_steps_leaves_one_version_whole(tmp_path, versions, way):
    target = tmp_path / "m"
    shutil.copytree(versions[0], target)
    done = subprocess.run(
        [sys.executable, "-c", WRITER + STEPS, str(target), way, *versions],
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    load_model(target)


@pytest.mark.parametrize("way", ["atomic", "fallback"])
def test_a_writer_killed_at_any_time_leaves_a_folder_that_loads(tmp_path, versions, way):
    target, chance = tmp_path / "m", random.Random(way)
    contents = [{p.name: p.read_bytes() for p in Path(v).iterdir()} for v in versions]
    for _ in range(10):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER + LOOP, str(target), way, *versions],
            env=environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert writer.stdout is not None and writer.stdout.readline() == "ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            writer.wait(timeout=chance.uniform(0, 0.05))
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        load_model(target)
        assert [f.name for f in list_models(tmp_path)[0]] == ["m"]
        assert {p.name: p.read_bytes() for p in target.iterdir()} in contents
    write_folder(target, contents[0], force=True)
    assert [p.name for p in tmp_path.iterdir()] == ["m"]  # the next writer swept up after the killed ones


def test_json_with_a_number_that_is_not_finite_is_not_written():
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_bytes({"value": float("nan")})


def test_read_tensors_agrees_with_the_safetensors_library(tmp_path):
    rng = np.random.default_rng(0)
    tensors = {
        "a": rng.normal(size=(3, 4)).astype(np.float16),
        "b": rng.normal(size=5).astype(np.float32),
        "c": np.array([7]),
        "d": np.zeros((0, 2), np.float32),
    }
    save_file(tensors, tmp_path / "t", metadata={"who": "a test"})
    found = read_tensors(
        tmp_path / "t",
        {"a": ("F16", (3, 4)), "b": ("F32", (None,)), "c": ("I64", (1,)), "d": ("F32", (None, 2))},
    )
    for name, value in tensors.items():
        assert found[name].dtype == value.dtype
        np.testing.assert_array_equal(found[name], value)
