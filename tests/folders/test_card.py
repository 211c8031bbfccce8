"""The models' card says what the files say."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from digits_models import Z2
from support import ROOT

from vae.errors import CheckpointError
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


@pytest.mark.parametrize("locale", [{}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}])
def test_the_card_takes_names_in_any_encoding_under_any_locale(trained, tmp_path, locale):
    models = os.fsencode(tmp_path / "m\xf6dels")
    shutil.copytree(os.fsencode(trained / Z2), models + "/m\xf6del 数".encode())
    (tmp_path / "m\xf6dels" / "README.md").write_text("the card before")
    Path(os.fsdecode(models + b"/mod\xe8le.pt")).touch()
    done = subprocess.run(
        [sys.executable, "-m", "vae", "card", "--models", models],
        cwd=ROOT,
        env={**os.environ, **locale},
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "m\xf6dels" / "README.md").read_bytes().decode("utf-8")
    assert "| `m\xf6del 数` |" in text and "`mod\ufffdle.pt` cannot be opened" in text
    assert {p.name for p in (tmp_path / "m\xf6dels").iterdir()} >= {"README.md", "m\xf6del 数"}
    assert not list((tmp_path / "m\xf6dels").glob(".*")), "nothing unfinished is left"


def test_a_card_that_cannot_be_written_leaves_the_one_before(tmp_path, monkeypatch):
    path = write_card(tmp_path)
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CheckpointError, match="README.md cannot be written .No space left on device."):
        write_card(tmp_path)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["README.md"]


def test_html_and_markdown_in_names_of_folders_are_text_in_the_card(trained, tmp_path):
    names = ["<img src=x onerror=alert(1)>", "a|b", "[x](http:)", "`c`", "a\\|b", "<!--", "two\nlines"]
    for name in names:
        shutil.copytree(trained / Z2, tmp_path / name.replace("/", ""))
        (tmp_path / f"{name} broken").mkdir()
    config = json.loads((tmp_path / "a|b" / "config.json").read_text())
    config["dataset"] = "<script>|set"
    (tmp_path / "a|b" / "config.json").write_text(json.dumps(config))
    text = write_card(tmp_path).read_text(encoding="utf-8")
    rows = _tables(text)
    assert {len(row) for row in rows} == {len(COLUMNS)}, "no name adds a column or a line"
    assert not re.search(r"<(?!/?code>)", text) and "](" not in text
    parsed = html.unescape(text)
    for name in names[:-1]:
        assert f"<code>{name}</code> |" in parsed and f"<code>{name} broken</code> cannot be opened" in parsed
    assert "## <script>|set" in parsed


def _tables(text: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
