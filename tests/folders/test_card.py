"""The models' card says what the files say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from vae.folders.card import COLUMNS, write_card
from vae.folders.folder import list_models


def test_the_card_holds_a_row_per_model_with_the_figures_of_its_files(trained, tmp_path):
    models = Path(shutil.copytree(trained, tmp_path / "models"))
    (models / "broken").mkdir()
    path = write_card(models)
    assert path == models / "README.md"
    text = path.read_text(encoding="utf-8")
    rows = {
        cells[0].strip("`"): dict(zip(COLUMNS, cells)) for cells in _tables(text) if cells[0].startswith("`")
    }
    good, broken = list_models(models)
    assert list(rows) == [folder.name for folder in good] and list(broken) == ["broken"]
    for folder in good:
        row, metrics = rows[folder.name], json.loads((folder.path / "metrics.json").read_text())
        assert len(row) == len(COLUMNS)
        assert (
            int(row["Z"]) == folder.model.latent_dim
            and int(row["epochs"]) == folder.train.epochs
            and row["likelihood"] == folder.model.likelihood
        )
        for column, key, sign in (
            ("-elbo", "elbo", -1),
            ("recon", "recon", 1),
            ("kl", "kl", 1),
            ("bce", "bce", 1),
            ("mse", "mse", 1),
            ("kNN", "knn_accuracy", 1),
        ):
            value = metrics[key]["value"]
            assert row[column] == "-" if value is None else abs(float(row[column]) - sign * value) < 0.006
        assert row["weights"].replace(",", "") == str(metrics["parameters"]["value"])
    assert "`broken` cannot be opened:" in text and "config.json: is missing" in text
    assert "Seeds: 0." in text and "PyTorch: 2." in text


def test_a_figure_that_is_not_known_has_no_unit_in_the_card(copied):
    file = copied / "digits-tutorial-z5" / "metrics.json"
    metrics = json.loads(file.read_text())
    file.write_text(json.dumps({"seconds": metrics["seconds"] | {"value": None}, "mig": 0.31}))
    rows = [dict(zip(COLUMNS, cells)) for cells in _tables(write_card(copied).read_text(encoding="utf-8"))]
    row = next(row for row in rows if row["model"] == "`digits-tutorial-z5`")
    assert {row["training"], row["weights"], row["-elbo"]} == {"-"}


def test_a_card_of_no_models_is_a_card(tmp_path):
    assert "# The shipped models" in write_card(tmp_path).read_text()


def _tables(text: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
