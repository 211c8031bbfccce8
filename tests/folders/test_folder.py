"""Model folders: what is written comes back, charts can be had in parts, and a list says what is wrong with each."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from vae.config import ModelConfig
from vae.errors import CheckpointError
from vae.folders.files import json_bytes, tensor_bytes, write_folder
from vae.folders.folder import (
    list_models,
    load_model,
    read_charts,
    read_folder,
    read_history,
    read_state,
    write_charts,
)
from vae.model import VAE, weight_shapes

# ---- what is written comes back ------------------------------------------------------------------------------------
from vae.runs import Run, train_model


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


def test_what_is_no_folder_is_refused_with_a_way_out(tmp_path):
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "none", tmp_path / "file"):
        with pytest.raises(CheckpointError, match="is not a model folder; python -m vae list"):
            load_model(path)


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
    with pytest.raises(CheckpointError, match=fault) as caught:
        load_model(folder)
    assert "charts.safetensors" in str(caught.value)


# ---- what a list of models says


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
        ("models.tar.zst", "is an archive"),
        ("vae.pt.bak", "is a PyTorch checkpoint"),
        ("vae.pth~", "is a PyTorch checkpoint"),
        ("model.safetensors.old.part", "is one file of a model"),
        ("vae.gguf", "is a model of another library"),
        ("vae.msgpack", "is a model of another library"),
        ("vae.t7", "is a model of another library"),
        ("vae.pdparams", "is a model of another library"),
        ("yolo.weights", "is a model of another library"),
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


@pytest.mark.parametrize("name", ["x.pt", "mnist-default-z2", "README"])
def test_a_link_that_leads_nowhere_is_said(tmp_path, name):
    (tmp_path / name).symlink_to("gone" if name != "README" else name)
    good, broken = list_models(tmp_path)
    assert not good and list(broken) == [name] and f"{name} is a link that leads nowhere" in broken[name]


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


def test_the_command_of_a_figure_that_a_folder_lacks_takes_any_path_as_one_word(folder):
    moved = folder.rename(folder.with_name("it's my model; rm -r ~"))
    (moved / "metrics.json").write_text("{}")
    command = read_folder(moved).metrics["elbo"]["command"]
    assert shlex.split(command) == ["python", "-m", "vae", "evaluate", str(moved)]


@pytest.mark.parametrize("classes", [["a", "bé"], []])
def test_the_names_of_classes_are_read_and_kept_when_training_goes_on(folder, classes):
    config = json.loads((folder / "config.json").read_text()) | {"classes": classes}
    (folder / "config.json").write_text(json.dumps(config))
    load_model(folder)
    assert read_folder(folder).classes == tuple(classes)
    run = Run("digits", "tutorial", 2, {"epochs": 3})
    for _ in train_model(run, folder.parent, device="cpu", umap=False, resume=True):
        pass
    assert len(json.loads((folder / "history.json").read_text())["epochs"]) == 3
    assert json.loads((folder / "config.json").read_text())["classes"] == classes


@pytest.mark.parametrize("classes", ["ab", {"a": 1}, [1], [["a"]]])
def test_classes_that_are_no_names_are_refused(folder, classes):
    config = json.loads((folder / "config.json").read_text()) | {"classes": classes}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="config.json: classes is .*, not a list of names"):
        load_model(folder)
