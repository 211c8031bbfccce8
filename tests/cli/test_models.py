"""The commands about existing models: what they print, and what they write."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from command_line import within
from safetensors.numpy import load_file

from vae.folders.folder import load_model, read_folder


def test_list_shows_every_model_and_what_is_wrong_with_the_broken(trained, tmp_path):
    models = Path(shutil.copytree(trained, tmp_path / "models"))
    (models / "digits-tutorial-z5" / "codes.safetensors").unlink()
    (models / "my[vae].pt").write_bytes(b"PK")
    result = within("list", "--models", models)
    assert result.exit_code == 0
    for name in ("digits-tutorial-z2", "digits-tutorial-ae-z2", "digits-tutorial-cond-sigma-z2"):
        assert any(name in line and "│" in line for line in result.output.splitlines())
    assert (
        "digits-tutorial-z5 cannot be opened" in result.output
        and "codes.safetensors: is missing" in result.output.replace("\n", "")
    )
    assert "my[vae].pt cannot be opened" in result.output and "is a PyTorch checkpoint" in result.output
    elbo = read_folder(models / "digits-tutorial-z2").metrics["elbo"]["value"]
    assert f"{-elbo:.2f}" in result.output


OTHERS = {"mig": 0.31, "sampler": "text", "drift": {"value": "a text"}, "rows": [1], "none": None}


def test_figures_that_are_null_missing_or_of_another_release_are_no_obstacle(copied):
    for number, (name, known) in enumerate(
        [("z2", {}), ("z5", {"parameters": None, "elbo": {"value": None}})]
    ):
        file = copied / f"digits-tutorial-{name}" / "metrics.json"
        metrics = json.loads(file.read_text())
        file.write_text(json.dumps((metrics if number else {"kl": metrics["kl"]}) | known | OTHERS))
    result = within("list", "--models", copied)
    assert result.exit_code == 0 and "cannot be opened" not in result.output
    cells = [[cell.strip() for cell in line.split("│")] for line in result.output.splitlines() if "│" in line]
    found = {row[1]: row[2:-1] for row in cells}
    assert found["digits-tutorial-z2"].count("-") == 7 and found["digits-tutorial-z5"][1:3] == ["-", "-"]
    path = copied / "digits-tutorial-z2"
    assert within("card", "--models", copied).exit_code == 0
    result = within("evaluate", path, "--k", 1, "--device", "cpu", "--write")
    assert result.exit_code == 0 and "mig" not in result.output
    stored = json.loads((path / "metrics.json").read_text())
    assert {key: stored[key] for key in OTHERS} == OTHERS and stored["elbo"]["value"] < 0


def test_list_of_an_empty_folder_says_how_to_make_a_model(tmp_path):
    result = within("list", "--models", tmp_path / "my none")
    way = f"python -m vae train --dataset digits --out '{tmp_path / 'my none'}' makes one"
    assert result.exit_code == 0 and f"holds no models yet; {way}" in result.output


def test_card_writes_the_models_page(trained, tmp_path):
    models = Path(shutil.copytree(trained, tmp_path / "models"))
    assert within("card", "--models", models).exit_code == 0
    text = (models / "README.md").read_text()
    assert all(f"`{p.name}`" in text for p in trained.iterdir())


def test_evaluate_prints_every_figure_and_stores_them_when_asked(trained, tmp_path):
    path = Path(shutil.copytree(trained / "digits-tutorial-z2", tmp_path / "digits-tutorial-z2"))
    weights = load_file(path / "model.safetensors")
    before = (path / "metrics.json").read_bytes()
    result = within("evaluate", path, "--k", 10, "--device", "cpu")
    assert result.exit_code == 0 and (path / "metrics.json").read_bytes() == before
    assert within("evaluate", path, "--k", 10, "--device", "cpu", "--write").exit_code == 0
    metrics = read_folder(path).metrics
    for key, entry in metrics.items():
        assert entry["value"] is not None, key
        assert f"{entry['value']:g}" in result.output and key in result.output
    assert (
        metrics["log_likelihood"]["k"] == 10 and metrics["log_likelihood"]["value"] > metrics["elbo"]["value"]
    )
    assert load_file(path / "model.safetensors").keys() == weights.keys()


def test_a_damaged_model_does_not_keep_the_others_from_their_turn(copied, monkeypatch):
    monkeypatch.setattr("vae.runs.fit_umap", lambda mu: np.zeros((len(mu), 2), np.float32))
    damaged, sound = copied / "digits-tutorial-z2", copied / "digits-tutorial-z5"
    (damaged / "config.json").write_text("{")
    for command, more in (("evaluate", ("--k", 1, "--device", "cpu", "--write")), ("charts", ())):
        result = within(command, damaged, sound, copied / "none", *more)
        assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
        assert "config.json: is not readable JSON" in result.stderr
        assert f"{copied / 'none'} is not a model folder" in result.stderr
    assert read_folder(sound).metrics["log_likelihood"]["k"] == 1
    assert "umap" in load_file(sound / "charts.safetensors")


def test_a_figure_that_cannot_be_computed_is_shown_as_missing(copied, monkeypatch):
    monkeypatch.setattr("vae.evaluate.knn_accuracy", lambda *_: 1 / 0)
    result = within("evaluate", copied / "digits-tutorial-z2", "--k", 1, "--device", "cpu")
    assert result.exit_code == 0 and "knn_accuracy could not be computed (division by zero)" in result.stderr
    row = next(line for line in result.stdout.splitlines() if "knn_accuracy" in line)
    assert [cell.strip() for cell in row.split("│")][1:4] == ["knn_accuracy", "-", "share"]


def test_charts_of_a_two_dimensional_model_are_refused(trained):
    assert "two latent dimensions, which are their own map" in str(
        within("charts", trained / "digits-tutorial-z2").exception
    )


def test_charts_adds_the_places_of_a_larger_model(trained, tmp_path, monkeypatch):

    monkeypatch.setattr("vae.runs.fit_umap", lambda mu: np.zeros((len(mu), 2), np.float32))
    path = Path(shutil.copytree(trained / "digits-tutorial-z5", tmp_path / "m"))
    assert within("charts", path).exit_code == 0
    assert load_file(path / "charts.safetensors")["umap"].shape == (360, 2)
    load_model(path)


MARKUP = ("[bold]x[link=http:]", "[red]", "bad]", "[", ":smile:", "a[b]", "x\\[y]")


@pytest.fixture
def marked(copied) -> Path:
    """A models folder whose own name and models' names read like Rich's markup, one of each broken."""
    models = copied.rename(copied.with_name("m[bold]"))
    for name in MARKUP:
        shutil.copytree(models / "digits-tutorial-z2", models / name)
        shutil.copytree(models / "digits-tutorial-z2", models / f"{name} broken")
        (models / f"{name} broken" / "config.json").write_text("{")
    return models


def test_markup_in_names_and_paths_is_shown_as_it_is(marked):
    result = within("list", "--models", marked)
    assert result.exit_code == 0, result.exception
    cells = [line.split("│")[1].strip() for line in result.output.splitlines() if line.count("│") > 5]
    assert set(MARKUP) <= set(cells)
    for name in MARKUP:
        assert (
            f"{name} broken cannot be opened: {marked}/{name} broken/config.json: is not readable"
            in result.output
        )
    assert within("card", "--models", marked).output == f"{marked}/README.md written\n"
    empty = within("list", "--models", marked / "[red]none")
    assert f"{marked}/[red]none holds no models yet" in empty.output


@pytest.mark.parametrize("name", ["bad]", "[red]", "x\\[y]"])
def test_markup_in_the_name_of_a_measured_model_is_shown_as_it_is(marked, name):
    result = within("evaluate", marked / name, "--k", 1, "--device", "cpu")
    assert result.exit_code == 0, result.exception
    assert name in [line.strip() for line in result.output.splitlines()]
    failed = within("evaluate", marked / f"{name} broken", marked / f"{name} none")
    assert failed.exit_code == 1 and f"{name} broken/config.json: is not readable" in failed.stderr
    assert f"{name} none is not a model folder" in failed.stderr


def test_a_spinner_shows_markup_in_names_as_it_is(marked, monkeypatch):
    from rich.console import Console

    import vae.cli.models
    from vae.cli.terminal import TEXT

    shown = Console(force_terminal=True, width=200, file=io.StringIO(), **TEXT)
    monkeypatch.setattr(vae.cli.models, "console", shown)
    assert within("evaluate", marked / "bad]", "--k", 1, "--device", "cpu").exit_code == 0
    assert within("evaluate", marked / "[red]", "--k", 1, "--device", "cpu").exit_code == 0
    assert "bad]: " in shown.file.getvalue() and "[red]: " in shown.file.getvalue()


def test_list_names_a_model_that_contradicts_its_data_set(copied):
    file = copied / "digits-tutorial-z2" / "config.json"
    config = json.loads(file.read_text())
    config["model"]["num_classes"] = 12
    file.write_text(json.dumps(config))
    said = within("list", "--models", copied).output
    assert "digits-tutorial-z2 cannot be opened" in said and "digits has 10 classes" in said
