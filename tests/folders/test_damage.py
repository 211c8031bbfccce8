"""What is damaged is named, and never run: every file of a model folder, cut, forged, mixed up or missing."""

from __future__ import annotations

import json
import os
import pickle
import random
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from vae.catalogue import Catalogue
from vae.errors import CheckpointError
from vae.evaluate import metrics_table
from vae.folders.folder import (
    list_models,
    load_model,
    read_charts,
    read_folder,
    read_state,
)
from vae.model import VAE


def refused(path: Path, file: str, fault: str) -> None:
    """Loading names the file and the fault."""
    with pytest.raises(CheckpointError, match=fault) as caught:
        load_model(path)
    assert file in str(caught.value)


TENSOR_FILES = ("model.safetensors", "codes.safetensors", "charts.safetensors", "training_state.safetensors")


JSON_FILES = ("config.json", "metrics.json", "history.json")


def safetensors(header: object, body: bytes) -> bytes:
    """A safetensors file with any header at all."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def parts(path: Path) -> tuple[dict, bytes]:
    raw = path.read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    return json.loads(raw[8 : 8 + length]), raw[8 + length :]


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
        5,
        [],
        {"value": "5", "unit": "s", "command": ""},
        {"value": True, "unit": "s", "command": ""},
        {"value": 10**400, "unit": "s", "command": ""},
        {"value": 1.0, "unit": 3, "command": ""},
        {"value": 1.0, "unit": "s", "command": ["evaluate"]},
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


@pytest.mark.parametrize(
    "entry", [None, {}, {"value": -10.0}, {"value": -10.0, "unit": None, "command": None}], ids=str
)
def test_a_metric_of_which_parts_are_missing_is_filled_in(folder, entry):
    metrics = json.loads((folder / "metrics.json").read_text())
    (folder / "metrics.json").write_text(json.dumps(metrics | {"elbo": entry}))
    load_model(folder)
    assert read_folder(folder).metrics["elbo"] == {
        "value": (entry or {}).get("value"),
        "unit": "nats/image",
        "command": f"python -m vae evaluate {folder.as_posix()}",
    }


def test_evaluating_keeps_the_metrics_of_another_release(folder):
    other = {"value": 7.5, "unit": "share", "command": "python -m vae judge"}
    metrics = json.loads((folder / "metrics.json").read_text())
    (folder / "metrics.json").write_text(json.dumps(metrics | {"judged_right": other}))
    table = metrics_table({"elbo": -10.0}, read_folder(folder))
    assert table["judged_right"] == other and table["elbo"]["value"] == -10.0


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


@pytest.mark.parametrize(
    "change", [{"recipe": "tutorial\ud800"}, {"dataset": "\udce8"}, {"provenance": {"date": ["\udfff"]}}]
)
def test_half_a_character_in_a_json_file_is_refused(folder, change):
    config = json.loads((folder / "config.json").read_text()) | change
    (folder / "config.json").write_text(json.dumps(config))  # writes it as \\ud800
    refused(folder, "config.json", "is not readable JSON")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in folders")
@pytest.mark.parametrize("file", JSON_FILES + TENSOR_FILES)
def test_a_pipe_in_the_place_of_a_file_is_refused_and_never_waited_for(folder, file):
    (folder / file).unlink()
    os.mkfifo(folder / file)
    refused(folder, file, "cannot be read, it is not a file")
