"""What the README says is true: its examples run, its table covers the requirements, and its front matter fits them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request

import pytest
from support import ROOT, missing, needs_model

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
FRONT = dict(re.findall(r"^(\w+): *(.*)$", TEXT.split("---\n")[1], re.M))
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, re.M | re.S)
PYTHON = [code for kind, code in BLOCKS if kind == "python"]
SHELL = [code for kind, code in BLOCKS if kind == "sh"]
SERVED = "http://127.0.0.1:7860"
PINS = {
    re.split(r"[=<>~!]", line)[0].strip(): line.strip()
    for line in (ROOT / "requirements.txt").read_text().splitlines()
    if line.strip()
}
GREEN = (ROOT / "pre-requirements.txt").read_text(encoding="utf-8")


def runnable(code: str) -> str:
    """The example, where the models that it names are shipped."""
    for name in set(re.findall(r"\b[a-z]+(?:-[a-z0-9]+)*-z\d+\b", code)):
        needs_model(name)
    return code


def run(words: list[str], folder) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture
def address(app) -> str:
    return app.address


@pytest.mark.parametrize("code", [code for code in PYTHON if SERVED not in code])
def test_a_python_example_runs_as_it_stands(code, tmp_path):
    (tmp_path / "models").symlink_to(ROOT / "models")
    run([sys.executable, "-c", runnable(code)], tmp_path)


def test_the_readme_has_an_example_of_each_way_in():
    assert any("load_model" in code for code in PYTHON) and any("Explorer" in code for code in PYTHON)
    assert any("gradio_client" in code and SERVED in code for code in PYTHON)
    assert any("curl" in code and SERVED in code for code in SHELL)


def test_the_gradio_client_example_gets_its_images(address, tmp_path):
    (code,) = (code for code in PYTHON if SERVED in code)
    assert "2 images, 28 rows each" in run(
        [sys.executable, "-c", runnable(code).replace(SERVED, address)], tmp_path
    )


def test_the_curl_example_gets_the_image_that_the_library_decodes(address, tmp_path):
    import numpy as np
    import torch

    from vae import load_model

    if not shutil.which("curl") or not shutil.which("bash"):
        missing("there is no curl or no bash")
    (code,) = (code for code in SHELL if "curl" in code)
    answer = run(["bash", "-euc", runnable(code).replace(SERVED, address)], tmp_path)
    events = dict(re.findall(r"event: (\w+)\ndata: (.*)", answer))
    (image,) = json.loads(events["complete"])[0]["images"]
    wanted = load_model(ROOT / "models" / "mnist-default-z2").decode(torch.zeros(1, 2))[0, 0]
    assert np.asarray(image) == pytest.approx(wanted.detach().numpy(), abs=1e-4)


def test_every_endpoint_stands_in_the_table_as_the_server_names_it(address):
    with urllib.request.urlopen(address + "/gradio_api/info", timeout=60) as reply:
        named = json.load(reply)["named_endpoints"]
    rows = dict(re.findall(r"^\| `/(\w+)\((.*?)\)` \|", TEXT, re.M))
    assert {"/" + name for name in rows} == set(named)
    for name, row in rows.items():
        assert [p.split("=")[0].strip() for p in row.split(",") if p.strip()] == [
            p["parameter_name"] for p in named["/" + name]["parameters"]
        ], name


def test_every_flag_of_the_server_stands_in_the_table_and_no_other():
    known = set(re.findall(r"--[a-z][a-z-]+", run([sys.executable, "app.py", "--help"], ROOT))) - {"--help"}
    table = TEXT.split("## Options")[1].split("\n## ")[0]
    assert set(re.findall(r"--[a-z][a-z-]+", table)) == known


def test_the_front_matter_names_what_a_space_needs_and_the_gradio_that_is_pinned():
    assert PINS["gradio"] == f"gradio=={FRONT['sdk_version']}"
    assert FRONT["sdk"] == "gradio" and (ROOT / FRONT["app_file"]).is_file()
    assert re.fullmatch(r'"3\.1[0-2]"', FRONT["python_version"]), (
        "the versions that Spaces' GPUs offer, in quotes, or 3.10 is read as 3.1"
    )
    assert len(FRONT["short_description"]) <= 60


DEPENDENCIES = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")


def test_every_requirement_is_explained_and_nothing_else_is():
    rows = re.findall(r"^\| (`.*?) \|", DEPENDENCIES, re.M)
    assert sorted(name for row in rows for name in re.findall(r"`([\w-]+)`", row)) == sorted(PINS)


def test_the_packages_ranges_are_explained_and_admit_what_is_pinned_for_the_space():
    """Whether other Pythons and systems can meet them, .ci/resolve shows."""
    from packaging.requirements import Requirement

    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.findall(r'^  "([^"]+)",$', text.split("\ndependencies = [\n")[1].split("]\n")[0], re.M)
    ranges = {needed.name: needed.specifier for needed in map(Requirement, listed)}
    assert ranges["torch"].contains("2.6.0") and ranges["torchvision"].contains("0.21.0")
    assert set(ranges) <= set(re.findall(r"`([\w-]+)`", DEPENDENCIES))
    green = [Requirement(line) for line in GREEN.splitlines() if line and not line.startswith("#")]
    found = {one.name: str(one.specifier).removeprefix("==") for one in green if one.name in ranges}
    assert set(found) == set(ranges)
    for name, version in found.items():
        assert ranges[name].contains(version), name


def test_what_a_space_installs_first_meets_what_it_asks_for():
    from packaging.requirements import Requirement

    green = [Requirement(line) for line in GREEN.splitlines() if line and not line.startswith("#")]
    for name, line in PINS.items():
        versions = [str(one.specifier).removeprefix("==") for one in green if one.name == name]
        assert versions, f"{name} is not in pre-requirements.txt; .ci/pin writes it anew"
        assert all(Requirement(line).specifier.contains(version) for version in versions), name


def test_every_file_that_the_readme_links_to_is_there():
    for target in re.findall(r"\]\((?!https?://)([^)#]+)\)", TEXT):
        if target.startswith("models/") and not (ROOT / target).exists():
            missing(f"{target} comes with the models")
        assert (ROOT / target).exists(), target


def test_one_version_stands_in_the_package_the_changes_and_the_citation():
    import vae

    assert f"version: {vae.__version__}" in (ROOT / "CITATION.cff").read_text(encoding="utf-8").splitlines()
    assert f"({vae.__version__})" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_recipes_stand_there_in_the_words_and_numbers_of_the_page():
    from vae.recipes import RECIPES, recipe_table

    assert recipe_table() in TEXT and all(f"| `{name}` |" in TEXT for name in RECIPES)
