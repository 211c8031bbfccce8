"""Imports point one way: every module imports only from rooms to its left in the picture of the design."""

from __future__ import annotations

import ast
import os
import subprocess
import sys

import pytest
from conftest import ROOT

ROOMS = [
    {"errors"},
    {"config", "files"},
    {"model", "loss", "data"},
    {"recipes", "neighbours", "elbo"},
    {"chart", "latent", "sketch"},
    {"checkpoint", "geodesic"},
    {"train", "evaluate"},
    {"runs", "card", "opened"},
    {"shelf"},
    {"explorer"},
    {"figures", "export", "snapshots", "uploads"},
    {"jobs"},
    {"ui", "__main__"},
    {"app"},
]
PLACE = {name: place for place, room in enumerate(ROOMS) for name in room}
LIBRARY = sorted((ROOT / "vae").glob("*.py"))
VIEW = sorted((ROOT / "vae" / "ui").rglob("*.py"))


def imported(path) -> set[str]:
    """Every module that a file imports anywhere in it, functions included, as full dotted names."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno} imports relatively; write the full name"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return found


def rooms_of(names: set[str]) -> set[str]:
    """The rooms of this package among imported names."""
    return {name.split(".")[1] for name in names if name.startswith("vae.")}


@pytest.mark.parametrize("path", LIBRARY, ids=[p.stem for p in LIBRARY])
def test_a_module_imports_only_from_the_rooms_before_it(path):
    if path.stem == "__init__":
        assert rooms_of(imported(path)) == set(), "vae/__init__.py exports lazily"
        return
    assert path.stem in PLACE, f"{path.name} has no place in the picture; give it one in DESIGN and here"
    wrong = {name for name in rooms_of(imported(path)) if PLACE.get(name, 99) >= PLACE[path.stem]}
    assert not wrong, f"{path.name} imports {wrong}, which do not lie before it"


@pytest.mark.parametrize("path", LIBRARY, ids=[p.stem for p in LIBRARY])
def test_the_library_never_imports_gradio(path):
    assert not {name for name in imported(path) if name.split(".")[0] in ("gradio", "gradio_client")}


@pytest.mark.parametrize("path", VIEW, ids=[str(p.relative_to(ROOT / "vae" / "ui")) for p in VIEW])
def test_the_view_never_imports_torch_nor_the_command_line(path):
    assert not {name for name in imported(path) if name.split(".")[0] in ("torch", "torchvision")}
    assert not rooms_of(imported(path)) & {"__main__", "app"}


@pytest.mark.parametrize(("statement", "heavy"), [
    ("import vae", "torch gradio numpy sklearn umap"),
    ("from vae import ModelConfig, VAEError", "torch gradio"),
    ("import vae.geodesic", "torch gradio scipy"),
    ("import vae.checkpoint, vae.chart, vae.latent, vae.sketch, vae.neighbours, vae.data, vae.recipes", "torch torchvision gradio sklearn umap scipy"),
    ("import vae.__main__", "torch gradio"),
    ("import vae.runs", "gradio umap sklearn"),
])  # fmt: skip
def test_heavy_libraries_come_only_with_the_names_that_need_them(statement, heavy):
    code = f"import sys; {statement}; print([n for n in {heavy.split()!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)
    assert done.stdout.strip() == "[]"


def test_every_exported_name_can_be_imported_and_an_unknown_one_is_an_error():
    import vae

    for name in vae.__all__:
        assert getattr(vae, name) is not None
    assert set(vae.__all__) <= set(dir(vae))
    assert {"VAE", "ModelConfig", "Explorer", "load_model", "load_split"} <= set(vae.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'VEA'"):
        vae.VEA  # noqa: B018
