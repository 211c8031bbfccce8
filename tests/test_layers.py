"""Imports point one way, between wings and inside them: every module imports only from what lies before it in the picture of the design."""

from __future__ import annotations

import ast
import os
import subprocess
import sys

import pytest
from support import ROOT

# Between wings; a wing may use those before it.
WINGS = [
    {"errors"},
    {"config", "texts"},
    {"model", "loss", "data", "space"},
    {"recipes"},
    {"folders"},
    {"evaluate"},
    {"train"},
    {"runs"},
    {"catalogue"},
    {"explorer"},
    {"jobs", "export", "sweep"},
    {"ui"},
    {"__main__"},
    {"app"},
]
# Inside a wing; a module may use those before it.
INSIDE = {
    "data": ["sets", "idx", "sketch", "load"],
    "space": ["neighbours", "chart", "latent", "geodesic"],
    "folders": ["files", "folder", "card"],
}
PLACE = {name: place for place, wing in enumerate(WINGS) for name in wing}
LIBRARY = sorted(p for p in (ROOT / "vae").rglob("*.py") if "ui" not in p.parts)
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


def wings_of(names: set[str]) -> set[str]:
    """The wings of this package among imported names."""
    return {name.split(".")[1] for name in names if name.startswith("vae.")}


def own(path) -> str:
    return str(path.relative_to(ROOT / "vae").with_suffix(""))


@pytest.mark.parametrize("path", LIBRARY, ids=own)
def test_a_module_imports_only_from_what_lies_before_it(path):
    names = imported(path)
    wing, *rest = path.relative_to(ROOT / "vae").with_suffix("").parts
    if path.stem == "__init__":
        assert wings_of(names) == set(), (
            "a package's __init__ imports nothing of ours: vae/__init__.py exports lazily, the others hold a sentence"
        )
        return
    assert wing in PLACE, f"{path.name} has no place in the picture; give it one in DESIGN and here"
    wrong = {name for name in wings_of(names) - {wing} if PLACE.get(name, 99) >= PLACE[wing]}
    assert not wrong, f"{path.name} imports {wrong}, which do not lie before it"
    if rest:
        order = INSIDE[wing]
        assert rest[0] in order, f"{path.name} has no place inside {wing}; give it one here"
        beside = {name.split(".")[2] for name in names if name.startswith(f"vae.{wing}.")}
        wrong = {name for name in beside if order.index(name) >= order.index(rest[0])}
        assert not wrong, f"{path.name} imports {wrong} of its own wing, which do not lie before it"


@pytest.mark.parametrize("path", LIBRARY, ids=own)
def test_the_library_never_imports_gradio(path):
    assert not {name for name in imported(path) if name.split(".")[0] in ("gradio", "gradio_client")}


@pytest.mark.parametrize("path", VIEW, ids=[str(p.relative_to(ROOT / "vae" / "ui")) for p in VIEW])
def test_the_view_never_imports_torch_nor_the_command_line(path):
    assert not {name for name in imported(path) if name.split(".")[0] in ("torch", "torchvision")}
    assert not wings_of(imported(path)) & {"__main__", "app"}


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        ("import vae", "torch gradio numpy sklearn umap"),
        ("from vae import ModelConfig, VAEError", "torch gradio"),
        ("import vae.space.geodesic", "torch gradio scipy"),
        (
            "import vae.folders.folder, vae.space.chart, vae.space.latent, vae.space.neighbours",
            "torch torchvision gradio sklearn umap scipy",
        ),
        ("import vae.data.sketch, vae.data.load, vae.recipes", "torch torchvision gradio sklearn umap scipy"),
        ("import vae.__main__", "torch gradio"),
        ("import vae.runs", "gradio umap sklearn"),
    ],
)
def test_heavy_libraries_come_only_with_the_names_that_need_them(statement, heavy):
    code = f"import sys; {statement}; print([n for n in {heavy.split()!r} if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_every_exported_name_can_be_imported_and_an_unknown_one_is_an_error():
    import vae

    for name in vae.__all__:
        assert getattr(vae, name) is not None
    assert set(vae.__all__) <= set(dir(vae))
    assert {"VAE", "ModelConfig", "Explorer", "load_model", "load_split"} <= set(vae.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'VEA'"):
        vae.VEA  # noqa: B018
