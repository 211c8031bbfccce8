"""Training runs: from a recipe and its flags to a folder, across every kind of interruption."""

from __future__ import annotations

import gc
import itertools
import shlex
import shutil
import types
from pathlib import Path

import numpy as np
import pytest
import torch

import vae.checkpoint
import vae.folders.files
import vae.recipes
import vae.runs
from vae.errors import CheckpointError, ConfigError, DataError, TrainingError
from vae.folders.files import write_folder
from vae.folders.folder import load_model, read_charts, read_codes, read_folder, read_history, read_state
from vae.runs import Finished, Run, add_umap, train_model

QUICK = {"epochs": 3}


def train(run: Run, out: Path, **options) -> list:
    return list(train_model(run, out, device="cpu", **{"umap": False, **options}))


def interrupt(run: Run, out: Path, epochs: int, **options) -> None:
    """Stop asking after so many epochs, as a closed page does."""
    records = train_model(run, out, device="cpu", umap=False, **options)
    for _ in itertools.islice(records, epochs):
        pass
    records.close()


def contents(path: Path) -> dict[str, object]:
    """A folder's files, without what a clock says."""
    found: dict[str, object] = {p.name: p.read_bytes() for p in path.iterdir() if p.suffix == ".safetensors"}
    history = read_history(path)
    found["history"] = (
        [{k: v for k, v in e.items() if "second" not in k} for e in history["epochs"]],
        history["steps"],
    )
    found["metrics"] = {k: v["value"] for k, v in read_folder(path).metrics.items() if k != "seconds"}
    return found


@pytest.mark.parametrize(
    "flags",
    [
        {},
        {"conditional": True, "likelihood": "gaussian-learned"},
        {"objective": "tc", "beta": 4.0},
        {"variational": False},
    ],
    ids=str,
)
@pytest.mark.parametrize("stop_after", [1, 2, 3])
def test_an_interrupted_and_resumed_run_is_the_uninterrupted_one(tmp_path, flags, stop_after):
    run = Run("digits", "tutorial", 3, QUICK | flags)
    train(run, tmp_path / "whole")
    interrupt(run, tmp_path / "parts", stop_after)
    path = tmp_path / "parts" / run.folder_name()
    assert len(read_history(path)["epochs"]) == stop_after
    assert read_state(read_folder(path)) is not None
    load_model(path)
    train(run, tmp_path / "parts", resume=True)
    assert read_state(read_folder(path)) is None
    assert contents(path) == contents(tmp_path / "whole" / run.folder_name())


def test_recipes_with_schedule_warmup_and_binarizing_resume_too(tmp_path, monkeypatch):
    original = vae.runs.recipe_configs

    def recipe(*arguments, **options):
        model, config = original(*arguments, **options)
        return model.replace(hidden=(20, 20)), config.replace(
            kl_warmup=0.8, binarize=True, schedule="one-cycle", clip_norm=3.0
        )

    monkeypatch.setattr(vae.runs, "recipe_configs", recipe)
    run = Run("digits", "default", 2, QUICK)
    train(run, tmp_path / "whole")
    interrupt(run, tmp_path / "parts", 1)
    interrupt(run, tmp_path / "parts", 1, resume=True)
    train(run, tmp_path / "parts", resume=True)
    assert contents(tmp_path / "parts" / run.folder_name()) == contents(
        tmp_path / "whole" / run.folder_name()
    )


@pytest.mark.parametrize("moment", ["in an epoch", "while measuring", "in a save"])
def test_ctrl_c_keeps_the_last_finished_epoch(tmp_path, monkeypatch, moment):
    run = Run("digits", "tutorial", 2, QUICK)
    train(run, tmp_path / "whole")
    stopped = KeyboardInterrupt()

    def stop(*arguments, **options):
        raise stopped

    def on_step(step: int, steps: int) -> None:
        if moment == "in an epoch" and len(done) == 2 and step > 5:
            stop()

    done: list = []
    with monkeypatch.context() as patch:
        if moment == "while measuring":
            patch.setattr(vae.checkpoint, "first_metrics", stop)
        if moment == "in a save":
            calls = iter([stop])
            patch.setattr(vae.runs, "SAVE_EVERY", -1.0)
            patch.setattr(vae.checkpoint, "write_folder", lambda *a, **k: next(calls, write_folder)(*a, **k))
        with pytest.raises(KeyboardInterrupt):
            for record in train_model(run, tmp_path / "parts", device="cpu", on_step=on_step):
                done.append(record)
    path = tmp_path / "parts" / run.folder_name()
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert (
        len(read_history(path)["epochs"]) == {"in an epoch": 2, "while measuring": 3, "in a save": 1}[moment]
    )
    load_model(path)
    train(run, tmp_path / "parts", resume=True)
    assert contents(path) == contents(tmp_path / "whole" / run.folder_name())


def test_ctrl_c_before_the_first_epoch_leaves_nothing(tmp_path):
    def stop(step: int, steps: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(train_model(Run("digits", "tutorial", 2, QUICK), tmp_path / "out", device="cpu", on_step=stop))
    assert not (tmp_path / "out").exists()


def test_a_run_saves_itself_now_and_then(tmp_path, monkeypatch):
    monkeypatch.setattr(vae.runs, "SAVE_EVERY", -1.0)
    run = Run("digits", "tutorial", 2, QUICK)
    for record in train_model(run, tmp_path, device="cpu"):
        path = tmp_path / run.folder_name()
        if record.epoch < 3:
            assert len(read_history(path)["epochs"]) == record.epoch
            load_model(path)
            assert read_folder(path).metrics["elbo"]["value"] is None
    assert not (path / "training_state.safetensors").exists()
    assert read_folder(path).metrics["elbo"]["value"] is not None


def test_divergence_leaves_nothing_half_written_and_an_old_model_as_it_was(tmp_path, monkeypatch):
    run = Run("digits", "tutorial", 2, QUICK)
    train(run, tmp_path)
    before = contents(tmp_path / run.folder_name())
    original = vae.runs.recipe_configs

    def reckless(*arguments, **options):
        model, config = original(*arguments, **options)
        return model.replace(hidden=(64,) * 8), config.replace(learning_rate=1.0)

    monkeypatch.setattr(vae.runs, "recipe_configs", reckless)
    for options in ({}, {"force": True}):
        out = tmp_path if options else tmp_path / "new"
        with pytest.raises(TrainingError, match=r"diverged .*epoch \d+ at latent size 2"):
            train(run, out, **options)
    assert not (tmp_path / "new").exists()
    assert [p.name for p in tmp_path.iterdir()] == [run.folder_name()] and contents(
        tmp_path / run.folder_name()
    ) == before


def test_weights_that_float16_cannot_hold_are_a_training_error(tmp_path, monkeypatch):
    run = Run("digits", "tutorial", 2, {"epochs": 1})
    original = vae.runs.fit

    def swollen(*arguments, **options):
        for record in original(*arguments, **options):
            with torch.no_grad():
                record.model.decoder.out.bias.fill_(1e6)
            yield record

    monkeypatch.setattr(vae.runs, "fit", swollen)
    with pytest.raises(TrainingError, match="by epoch 1 at latent size 2 .*lower learning_rate"):
        train(run, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_finished_folder_says_so_and_an_existing_one_is_not_overwritten(tmp_path):
    run = Run("digits", "tutorial", 2, {"epochs": 1})
    train(run, tmp_path)
    with pytest.raises(Finished, match="is finished: all 1 epochs are done. --force trains it anew"):
        train(run, tmp_path, resume=True)
    with pytest.raises(
        CheckpointError, match="exists already; --force replaces it, --resume continues it, --name"
    ):
        train(run, tmp_path)
    before = (tmp_path / run.folder_name() / "model.safetensors").read_bytes()
    train(Run("digits", "tutorial", 2, {"epochs": 1, "seed": 5}, run.folder_name()), tmp_path, force=True)
    assert (tmp_path / run.folder_name() / "model.safetensors").read_bytes() != before
    assert read_folder(tmp_path / run.folder_name()).provenance["seed"] == 5


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        (Run("digits", "tutorial", 2, {"epochs": 4}, "m"), "started with epochs 3, not 4"),
        (Run("digits", "tutorial", 3, QUICK, "m"), "started with latent_dim 2, not 3"),
        (
            Run("digits", "tutorial", 2, QUICK | {"conditional": True}, "m"),
            "started with conditional False, not True",
        ),
        (Run("digits", "tutorial", 2, QUICK | {"seed": 1}, "m"), "started with seed 0, not 1"),
        (Run("digits", "beta-mse", 2, QUICK, "m"), "started as tutorial on digits, not beta-mse"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_a_resume_with_other_flags_is_refused_by_name(tmp_path, changed, fault):
    interrupt(Run("digits", "tutorial", 2, QUICK, "m"), tmp_path, 1)
    with pytest.raises(TrainingError, match=fault):
        train(changed, tmp_path, resume=True)
    # what is not said again stays as it was
    train(Run("digits", "tutorial", 2, {}, "m"), tmp_path, resume=True)


def test_a_resume_on_other_images_is_refused(tmp_path, monkeypatch, digits):
    run = Run("digits", "tutorial", 2, QUICK)
    interrupt(run, tmp_path, 1)
    monkeypatch.setattr(vae.runs, "load_split", lambda *a: digits[1])
    with pytest.raises(TrainingError, match="started on other images of digits"):
        train(run, tmp_path, resume=True)


@pytest.mark.parametrize("name", ["../up", "a/b", "/tmp/x", ".hidden", "ä"])
def test_a_name_cannot_leave_the_out_folder(tmp_path, name):
    with pytest.raises(CheckpointError, match="cannot be a model's"):
        train(Run("digits", "tutorial", 2, QUICK, name), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_unknown_data_sets_recipes_and_sizes_are_refused_by_name(tmp_path):
    with pytest.raises(
        DataError, match="dataset is 'cifar'; the data sets are mnist, fashion-mnist, kmnist, digits"
    ):
        train(Run("cifar", "default", 2), tmp_path)
    with pytest.raises(ConfigError, match="recipe is 'best'; the recipes are default"):
        train(Run("digits", "best", 2), tmp_path)
    with pytest.raises(ConfigError, match="latent_dim is 1"):
        train(Run("digits", "default", 1), tmp_path)


def test_the_folder_keeps_a_command_that_makes_it_again(tmp_path):
    from typer.testing import CliRunner

    from vae.__main__ import app

    run = Run(
        "digits",
        "tutorial",
        3,
        {"epochs": 1, "beta": 2.0, "objective": "tc", "seed": 3, "conditional": True},
        "my-model",
    )
    train(run, tmp_path / "my models")
    command = read_folder(tmp_path / "my models" / "my-model").provenance["command"]
    words = shlex.split(command)
    assert words[:4] == ["python", "-m", "vae", "train"]
    again = [*words[3:], "--force"]
    assert CliRunner().invoke(app, again).exit_code == 0
    folder = read_folder(tmp_path / "my models" / "my-model")
    assert (folder.model, folder.train) == run.configs()
    assert shlex.split(folder.provenance["command"]) == words


@pytest.mark.parametrize(("system", "shown"), [("posix", "--out 'my models'"), ("nt", '--out "my models"')])
def test_a_shown_command_is_quoted_as_the_systems_shell_takes_it(monkeypatch, system, shown):
    monkeypatch.setattr(vae.recipes, "os", types.SimpleNamespace(name=system))
    assert shown in Run("digits", "tutorial", 2).command("my models", umap=True)


def test_metrics_of_a_finished_run_name_the_train_command_for_their_seconds(trained):
    folder = read_folder(trained / "digits-tutorial-z2")
    assert folder.metrics["seconds"]["command"].startswith(
        "python -m vae train --dataset digits --recipe tutorial --latent-dims 2"
    )
    assert folder.metrics["seconds"]["value"] == pytest.approx(
        sum(e["seconds"] for e in read_history(folder.path)["epochs"]), abs=1e-2
    )
    assert folder.metrics["elbo"]["command"] == f"python -m vae evaluate {folder.path}"


def test_umap_places_are_added_to_the_folder_once_they_are_wanted(tmp_path, monkeypatch):
    # the places themselves are test_chart's matter
    monkeypatch.setattr(vae.runs, "fit_umap", lambda mu: np.ascontiguousarray(mu[:, :2]))
    run = Run("digits", "tutorial", 3, {"epochs": 1})
    train(run, tmp_path)
    path = tmp_path / run.folder_name()
    assert "umap" not in read_charts(read_folder(path))
    with pytest.raises(Finished):
        train(run, tmp_path, resume=True)
    assert "umap" not in read_charts(read_folder(path))
    with pytest.raises(Finished):
        train(run, tmp_path, resume=True, umap=True)
    folder = read_folder(path)
    np.testing.assert_array_equal(read_charts(folder)["umap"], read_codes(folder)["mu"][:, :2])
    train(run, tmp_path / "at once", umap=True)
    assert "umap" in read_charts(read_folder(tmp_path / "at once" / run.folder_name()))
    train(Run("digits", "tutorial", 2, {"epochs": 1}), tmp_path, umap=True)
    # two dimensions are their own map
    assert "umap" not in read_charts(read_folder(tmp_path / "digits-tutorial-z2"))
    before = {p.name: p.read_bytes() for p in path.iterdir()}
    add_umap(path)
    assert {p.name: p.read_bytes() for p in path.iterdir()} == before


NO_CACHE = "cannot cache function 'rdist': no locator available for file '/usr/lib/umap/layouts.py'"


@pytest.mark.parametrize(
    ("error", "way"),
    [
        (RuntimeError(NO_CACHE), "set NUMBA_CACHE_DIR to a folder that can be written"),
        (ImportError(), "repair"),
    ],
)
def test_a_run_whose_umap_fails_is_finished_and_says_how_to_add_it(tmp_path, monkeypatch, error, way):
    def fail(mu):
        raise error

    monkeypatch.setattr(vae.runs, "fit_umap", fail)
    run, said = Run("digits", "tutorial", 3, {"epochs": 1}), []
    assert len(train(run, tmp_path, umap=True, warn=said.append)) == 1
    path = tmp_path / run.folder_name()
    load_model(path)
    assert read_state(read_folder(path)) is None and "umap" not in read_charts(read_folder(path))
    assert len(said) == 1 and said[0].startswith("digits-tutorial-z3 is finished without UMAP's places: ")
    assert way in said[0] and f"python -m vae charts {path}." in said[0]
    with pytest.raises(Finished):
        train(run, tmp_path, umap=True, resume=True, warn=said.append)
    assert len(said) == 2
    with pytest.raises(TrainingError, match="UMAP failed"):
        add_umap(path)
    with pytest.warns(UserWarning, match="is finished without UMAP's places"):
        train(run, tmp_path, umap=True, force=True)


STEPS = ["read_folder", "read_charts", "read_codes", "fit_umap", "write_charts"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    "error",
    [OSError(28, "No space left on device"), CheckpointError("A sentence."), MemoryError()],
    ids=lambda e: type(e).__name__,
)
def test_no_step_of_the_umap_places_brings_a_run_down(tmp_path, monkeypatch, step, error):
    def fail(*_, **__):
        raise error

    if step != "fit_umap":
        monkeypatch.setattr(vae.runs, "fit_umap", lambda mu: np.ascontiguousarray(mu[:, :2]))
    monkeypatch.setattr(vae.runs, step, fail)
    run, said = Run("digits", "tutorial", 3, {"epochs": 1}), []
    assert len(train(run, tmp_path, umap=True, warn=said.append)) == 1
    path = tmp_path / run.folder_name()
    load_model(path)
    assert len(said) == 1 and said[0].endswith(f"run python -m vae charts {path}.")


def test_a_damaged_folder_is_named_once_when_it_is_resumed(tmp_path):
    run, said = Run("digits", "tutorial", 3, {"epochs": 1}), []
    train(run, tmp_path)
    (tmp_path / run.folder_name() / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match="config.json: is not readable JSON"):
        train(run, tmp_path, umap=True, resume=True, warn=said.append)
    assert said == []


def test_places_that_are_not_finite_are_not_stored(tmp_path, monkeypatch):
    monkeypatch.setattr(vae.runs, "fit_umap", lambda mu: np.full((len(mu), 2), np.nan, np.float32))
    said = []
    train(Run("digits", "tutorial", 3, {"epochs": 1}), tmp_path, umap=True, warn=said.append)
    assert "some places are not finite" in said[0]
    load_model(tmp_path / "digits-tutorial-z3")


def test_a_run_whose_figures_cannot_be_computed_is_finished_without_them(tmp_path, monkeypatch):
    def fail(*_):
        raise MemoryError("out of memory")

    monkeypatch.setattr(vae.checkpoint, "first_metrics", fail)
    said = []
    train(Run("digits", "tutorial", 2, {"epochs": 1}), tmp_path, warn=said.append)
    folder = read_folder(tmp_path / "digits-tutorial-z2")
    assert read_state(folder) is None and folder.metrics["elbo"]["value"] is None
    assert folder.metrics["parameters"]["value"] > 0
    assert len(said) == 1 and said[0].endswith(f"run python -m vae evaluate {folder.path} --write.")


@pytest.mark.parametrize("name", ["judges", "traps"])
@pytest.mark.parametrize("options", [{}, {"force": True}, {"resume": True}], ids=str)
def test_a_name_that_is_kept_is_refused_before_the_training(tmp_path, name, options):
    (tmp_path / name).mkdir()
    with pytest.raises(CheckpointError, match=f"The name '{name}' is kept .*--name chooses another"):
        next(train_model(Run("digits", "tutorial", 2, QUICK, name), tmp_path, device="cpu", **options))


def test_a_place_that_cannot_be_written_is_said_before_the_training(tmp_path):
    run = Run("digits", "tutorial", 2, {"epochs": 1})
    (tmp_path / "file").write_text("a")
    for out in (tmp_path / "file", tmp_path / "file" / "deeper"):
        with pytest.raises(CheckpointError, match="file is a file; choose another --out"):
            next(train_model(run, out, device="cpu", umap=False))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_second_training_of_a_name_is_refused_at_its_start_even_with_force(tmp_path):
    run = Run("digits", "tutorial", 2, QUICK)
    first = train_model(run, tmp_path, device="cpu", umap=False)
    next(first)
    for options in ({}, {"force": True}, {"resume": True}):
        with pytest.raises(CheckpointError, match="digits-tutorial-z2 is being trained or changed by this"):
            next(train_model(run, tmp_path, device="cpu", umap=False, **options))
    train(Run("digits", "tutorial", 2, QUICK | {"seed": 1}), tmp_path)  # of another name
    assert [record.epoch for record in first] == [2, 3]
    assert {p.name for p in tmp_path.iterdir()} == {run.folder_name(), "digits-tutorial-seed1-z2"}


def test_sizes_that_were_reserved_before_are_trained_in_their_places(tmp_path):
    run = Run("digits", "tutorial", 2, QUICK)
    place = run.reserve(tmp_path)
    train(run, tmp_path, place=place)
    assert [p.name for p in tmp_path.iterdir()] == [run.folder_name()]


@pytest.mark.parametrize("before", [{}, {"force": True}, {"resume": True}], ids=str)
@pytest.mark.parametrize("moment", [1, 3])
def test_a_folder_that_is_put_there_meanwhile_stays_and_the_training_takes_another_name(
    tmp_path, trained, before, moment
):
    run, said, told = Run("digits", "tutorial", 2, QUICK, "m"), [], []
    train(run, tmp_path / "whole")
    out = tmp_path / "out"
    if before:
        interrupt(run, out, 1)
    (out / "m-2").mkdir(parents=True)  # a name that is taken
    records = train_model(run, out, device="cpu", umap=False, warn=said.append, kept=told.append, **before)
    for record in records:
        if record.epoch == max(moment, 2 if "resume" in before else 1):
            shutil.rmtree(out / "m", ignore_errors=True)
            shutil.copytree(trained / "digits-tutorial-z5", out / "m")
            if moment == 1:
                records.close()
    assert contents(out / "m") == contents(trained / "digits-tutorial-z5")
    assert len(said) == 1 and "m was put there while m was trained, and is left as it is" in said[0]
    assert said[0].endswith(f"this training is kept as {out / 'm-3'}.")
    if moment == 1:
        epoch = 2 if "resume" in before else 1
        assert told == [f"epoch {epoch} of m-3 is kept; --name m-3 --resume goes on from there."]
        train(Run("digits", "tutorial", 2, QUICK, "m-3"), out, resume=True)
    assert contents(out / "m-3") == contents(tmp_path / "whole" / "m")
    assert f"evaluate {out / 'm-3'}" in read_folder(out / "m-3").metrics["elbo"]["command"]
    assert sorted(p.name for p in out.iterdir()) == ["m", "m-2", "m-3"]


def test_a_folder_that_is_put_there_while_the_files_are_written_stays_too(tmp_path, monkeypatch):
    original = vae.folders.files._write

    def late(file, content):
        if not (tmp_path / "m").exists():
            (tmp_path / "m").mkdir()
            (tmp_path / "m" / "a").write_bytes(b"theirs")
        original(file, content)

    monkeypatch.setattr(vae.folders.files, "_write", late)
    said = []
    train(Run("digits", "tutorial", 2, QUICK, "m"), tmp_path, warn=said.append)
    assert [file.read_bytes() for file in (tmp_path / "m").iterdir()] == [b"theirs"]
    load_model(tmp_path / "m-2")
    assert len(said) == 1


def test_a_folder_that_is_removed_while_it_is_trained_is_written_again(tmp_path, monkeypatch):
    monkeypatch.setattr(vae.runs, "SAVE_EVERY", -1.0)
    for record in train_model(Run("digits", "tutorial", 2, QUICK, "m"), tmp_path, device="cpu"):
        if record.epoch == 2:
            shutil.rmtree(tmp_path / "m")
    load_model(tmp_path / "m")
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


ENDINGS = [
    SystemExit(3),
    MemoryError(),
    OSError(5, "Input/output error"),
    RuntimeError("CUDA"),
    KeyboardInterrupt(),
]


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("where", ["on_step", "loop", "measuring"])
def test_whatever_ends_a_training_its_last_epoch_is_kept(tmp_path, monkeypatch, ending, where):
    run, told, done = Run("digits", "tutorial", 2, QUICK, "m"), [], []

    def end(*_) -> None:
        raise ending

    def on_step(step: int, steps: int) -> None:
        if where == "on_step" and len(done) == 2:
            end()

    if where == "measuring":  # of which only a fault of the figures themselves is no reason to end
        monkeypatch.setattr(vae.checkpoint.Checkpoint, "finish", end)
    with pytest.raises(type(ending)):
        for record in train_model(run, tmp_path, device="cpu", umap=False, on_step=on_step, kept=told.append):
            done.append(record)
            if where == "loop" and len(done) == 2:
                end()
    monkeypatch.undo()
    del record
    gc.collect()
    epochs = 3 if where == "measuring" else 2
    assert told == [f"epoch {epochs} of m is kept; --resume goes on from there."]
    assert len(read_history(tmp_path / "m")["epochs"]) == epochs
    train(run, tmp_path, resume=True)
    train(run, tmp_path / "whole")
    assert contents(tmp_path / "m") == contents(tmp_path / "whole" / "m")


def test_a_disk_that_is_full_for_a_while_does_not_end_a_training(tmp_path, monkeypatch):
    monkeypatch.setattr(vae.runs, "SAVE_EVERY", -1.0)

    def full(*_, **__):
        raise CheckpointError("There is no space.")

    run, said = Run("digits", "tutorial", 2, {"epochs": 4}, "m"), []
    for record in train_model(run, tmp_path, device="cpu", umap=False, warn=said.append):
        monkeypatch.setattr(vae.checkpoint, "write_folder", write_folder if record.epoch > 2 else full)
    assert said == ["The training goes on, its last epoch is not saved yet: There is no space."]
    assert read_state(read_folder(tmp_path / "m")) is None


def test_what_could_not_be_kept_is_not_said_to_be(tmp_path, monkeypatch):
    monkeypatch.setattr(vae.runs, "SAVE_EVERY", -1.0)

    def full(*_, **__):
        raise CheckpointError("There is no space.")

    told, warned = [], []
    with pytest.raises(CheckpointError, match="There is no space."):
        for _ in train_model(
            Run("digits", "tutorial", 2, QUICK, "m"),
            tmp_path,
            device="cpu",
            warn=warned.append,
            kept=told.append,
        ):
            monkeypatch.setattr(vae.checkpoint, "write_folder", full)
    assert len(warned) == 1
    assert told == ["epoch 1 of m is kept; --resume goes on from there."]
