"""Imports point one way, between wings and inside them: every module imports only from what lies before it in the picture of the design."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from support import ROOT, python

# Between wings; a wing may use those before it.
WINGS = [
    {"errors"},
    {"texts", "checks", "reading", "interrupts"},
    {"config"},
    {"model", "loss", "data", "space", "device"},
    {"recipes"},
    {"folders"},
    {"evaluate", "flat_parameters", "running", "room"},
    {"train"},
    {"checkpoint"},
    {"runs"},
    {"loaded_model", "images"},
    {"catalogue", "cache"},
    {"explorer"},
    {"jobs", "export", "sweep"},
    {"ui"},
    {"cli"},
    {"__main__"},
    {"app"},
]
# Inside a wing; a module may use those before it.
INSIDE = {
    "data": ["sets", "idx", "strokes", "photo", "sketch", "load"],
    "space": ["neighbours", "chart", "latent", "geodesic"],
    "cli": ["terminal", "serve", "train", "models"],
    "folders": [
        "locks",
        "parsing",
        "files",
        "place",
        "foreign",
        "stamps",
        "records",
        "model_folder",
        "dataset",
        "folder",
        "card",
    ],
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
    assert not wings_of(imported(path)) & {"cli", "__main__", "app"}


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
    assert python(code).strip() == "[]"


def test_every_exported_name_can_be_imported_and_an_unknown_one_is_an_error():
    import vae

    for name in vae.__all__:
        assert getattr(vae, name) is not None
    assert set(vae.__all__) <= set(dir(vae))
    assert {"VAE", "ModelConfig", "Explorer", "load_model", "load_split"} <= set(vae.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'VEA'"):
        vae.VEA  # noqa: B018


# ---- JavaScript: the same, over vae/ui/static/js

JS = ROOT / "vae/ui/static/js"
JS_WINGS = ["space", "state", "explorer", "parts", "map", "tabs", "page"]
STRANGERS = {"map", "tabs"}  # which do not know each other
BOOT = JS / "page/boot.js"
MODULES = sorted(p for p in JS.rglob("*.js") if p.name != "onload.js")  # which is text that Gradio runs
COMMENT = re.compile(r"^\s*//[^\n]*$|/\*.*?\*/", re.M | re.S)
IMPORT = re.compile(r"""\b(?:import|from)\b\s*(\(?)\s*(["'`])(.*?)\2|\bimport\s*\(\s*([^"'`\s])""")


def code_of(path: Path) -> str:
    return COMMENT.sub("", path.read_text(encoding="utf-8"))


def js_imports(path: Path) -> list[Path]:
    """Every module that a module imports; each must be named by a literal relative path."""
    found = []
    for _, quote, name, computed in IMPORT.findall(code_of(path)):
        assert not computed and quote == '"' and name.startswith("."), (
            f"{path.name} imports {name or 'a computed path'}"
        )
        found.append((path.parent / name).resolve())
    return found


def js_own(path: Path) -> str:
    return path.relative_to(JS).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=js_own)
def test_a_javascript_module_imports_only_from_wings_below_its_own(path):
    wing = path.relative_to(JS).parts[0]
    wrong = []
    for other in js_imports(path):
        theirs = other.relative_to(JS).parts[0]
        strange = {wing, theirs} == STRANGERS
        if JS_WINGS.index(theirs) > JS_WINGS.index(wing) or strange:
            wrong.append(js_own(other))
    assert not wrong


def test_no_javascript_module_imports_itself_by_way_of_others():
    graph = {path: [other for other in js_imports(path) if other != path] for path in MODULES}
    free: set[Path] = set()
    while len(free) < len(graph):
        ready = {path for path, others in graph.items() if path not in free and set(others) <= free}
        assert ready, f"these import each other in a circle: {sorted(js_own(p) for p in set(graph) - free)}"
        free |= ready


@pytest.mark.parametrize("path", MODULES, ids=js_own)
def test_only_the_boot_module_asks_where_it_lies_or_imports_later(path):
    code = code_of(path)
    assert path == BOOT or ("import.meta" not in code and not re.search(r"\bimport\s*\(", code))


@pytest.mark.parametrize("path", [p for p in MODULES if p.parent.name == "space"], ids=js_own)
def test_the_arithmetic_of_space_knows_no_page_and_no_network(path):
    words = r"\b(document|window|navigator|location|fetch|localStorage|HTMLElement|addEventListener|devicePixelRatio)\b"
    assert not re.search(words, code_of(path))


SHELL = {JS / "page/shell.js", JS / "page/onload.js", JS / "page/address.js", JS.parent / "css/shell.css"}
OURS = sorted(path for kind in ("js", "css") for path in JS.parent.rglob(f"*.{kind}") if path not in SHELL)


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.relative_to(JS.parent).as_posix())
def test_only_the_shell_knows_gradio_and_its_elements(path):
    found = re.search(
        r"gradio|role=.?tab\b|\.tabitem|html-container|trigger\(|\bwatch\(", path.read_text(), re.I
    )
    assert not found


@pytest.mark.parametrize("path", MODULES, ids=js_own)
def test_no_figure_needs_code_made_from_text(path):
    # Plotly's WebGL traces call Function(), which a content security policy without 'unsafe-eval' refuses
    code = code_of(path)
    assert not re.search(
        r"\beval\(|\bnew Function\b|[\"'](?:\w+gl|splom|parcoords|parcats|heatmapgl|pointcloud|surface|mesh3d|cone|volume|isosurface|streamtube|\w+3d)[\"']",
        code,
    )
