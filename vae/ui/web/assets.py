"""The page's static files: a content hash in every URL, cached for ever, and the head that starts them early."""

from __future__ import annotations

import functools
import hashlib
import html
import json
import mimetypes
import threading
from pathlib import Path
from typing import Any

from vae.texts import text, texts

STATIC = Path(__file__).parents[1] / "static"
TITLE, SUMMARY = text("page", "title"), text("page", "summary")
# Python's own table: in the registry of some Windows .js is text/plain, which browsers refuse as a module.
KINDS = mimetypes.MimeTypes()
SHEETS = (
    ("css/shell.css", "all"),
    ("css/controls.css", "all"),
    ("css/head.css", "all"),
    ("css/tabs.css", "all"),
    ("css/map.css", "all"),
    ("css/inspector.css", "all"),
    ("css/phone.css", "(max-width: 800px)"),
)
INLINE = ("address.js", "again.js", "onload.js")  # no modules: their text stands in the page


def _digest(paths: list[Path]) -> str:
    seen = hashlib.sha256()
    for path in paths:
        seen.update(path.name.encode() + path.read_bytes())
    return seen.hexdigest()[:12]


@functools.cache
def tokens() -> dict[str, Any]:
    """Every colour, size and limit that Python, CSS and JavaScript share."""
    return json.loads((STATIC / "tokens.json").read_text(encoding="utf-8"))


@functools.cache
def plotly_folder() -> Path:
    """Where the Python package keeps its plotly.js, found without importing plotly."""
    import importlib.util

    spec = importlib.util.find_spec("plotly")
    return Path(spec.origin).parent / "package_data"  # type: ignore[union-attr,arg-type]


@functools.cache
def prefix() -> str:
    """The folder of our own files in URLs; modules import each other relatively, so the hash is of all of them together."""
    return "lx/" + _digest(sorted(p for p in STATIC.rglob("*") if p.is_file()))


@functools.cache
def plotly_prefix() -> str:
    return "lx/plotly-" + _digest([plotly_folder() / "plotly.min.js"])


def url(name: str) -> str:
    """The address of a static file, relative to the page."""
    return f"{prefix()}/{name}"


class Held:
    """Static files in memory, each compressed once, which Gradio's middleware would do anew for every visitor while all others wait.

    Hashed addresses never change their content, so browsers keep them for a year.
    """

    def __init__(self, files: dict[str, Path]):
        self.files = files  # by their place in the address: nothing else can be asked for
        self._packed = functools.cache(self._pack)

    def _pack(self, name: str) -> tuple[bytes, bytes]:
        import brotli

        raw = self.files[name].read_bytes()
        return raw, brotli.compress(raw, quality=5)

    def pack_all(self) -> None:
        """Read and compress ahead of the first visitor."""
        for name in self.files:
            self._packed(name)

    async def answer(self, request: Any) -> Any:
        """One file, as it is or in brotli; 404 for any other name."""
        from starlette.responses import Response

        name = request.path_params["name"]
        if name not in self.files:
            return Response(status_code=404)
        raw, small = self._packed(name)
        kind = KINDS.guess_type(name)[0] or "application/octet-stream"
        headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
        if len(small) < len(raw) and "br" in request.headers.get("accept-encoding", ""):
            return Response(small, media_type=kind, headers=headers | {"Content-Encoding": "br"})
        return Response(raw, media_type=kind, headers=headers)


def routes() -> list[Any]:
    """The two addresses that serve the files."""
    from starlette.routing import Route

    ours = Held({p.relative_to(STATIC).as_posix(): p for p in STATIC.rglob("*") if p.is_file()})
    plotly = Held({"plotly.min.js": plotly_folder() / "plotly.min.js"})
    for held in (plotly, ours):
        threading.Thread(target=held.pack_all, daemon=True).start()
    return [
        Route(f"/{place}/{{name:path}}", held.answer)
        for place, held in ((plotly_prefix(), plotly), (prefix(), ours))
    ]


def css_variables() -> str:
    """tokens.json as CSS custom properties, light and dark."""
    shared = tokens()
    light, dark = (";".join(f"--lx-{k}:{v}" for k, v in shared[mode].items()) for mode in ("light", "dark"))
    classes = ";".join(f"--lx-class-{i}:{colour}" for i, colour in enumerate(shared["classes"]))
    sizes = ";".join(f"--lx-{k}-text:{v}px" for k, v in shared["text"].items())
    base = f"--lx-font:{shared['font']};--lx-radius:{shared['radius']}px;{sizes};{classes}"
    return f":root{{{base};{light};color-scheme:light}} .dark{{{dark};color-scheme:dark}}"


def _script(name: str) -> str:
    """One of the scripts that stand in the page itself."""
    return f"<script>{(STATIC / 'js/page' / name).with_suffix('.js').read_text(encoding='utf-8')}</script>"


@functools.lru_cache(maxsize=16)
def head(origin: str = "") -> str:
    """What the page's head needs before Gradio's own scripts start."""
    picture = html.escape(f"{origin}{url('social.png')}")
    cards = {"og:title": TITLE, "og:description": SUMMARY, "og:image": picture, "og:type": "website"}
    named = {
        "description": SUMMARY,
        "twitter:card": "summary_large_image",
        "twitter:title": TITLE,
        "twitter:description": SUMMARY,
        "twitter:image": picture,
    }
    return "\n".join(
        [
            f"<title>{TITLE}</title>",
            *(f'<meta property="{k}" content="{v}" />' for k, v in cards.items()),
            *(f'<meta name="{k}" content="{v}" />' for k, v in named.items()),
            f'<script type="application/json" id="lx-tokens">{json.dumps(tokens())}</script>',
            f'<script type="application/json" id="lx-texts">{json.dumps(texts())}</script>',
            _script("again"),
            f'<link rel="icon" type="image/svg+xml" href="{url("favicon.svg")}" />',
            f"<style>{css_variables()}</style>",
            *(f'<link rel="stylesheet" href="{url(name)}" media="{media}" />' for name, media in SHEETS),
            f'<script async id="lx-plotly" src="{plotly_prefix()}/plotly.min.js" fetchpriority="high"></script>',
        ]
    )


@functools.cache
def tail() -> str:
    """What the head ends with: the page's own address, and our modules, asked for after Gradio's own, which start first;
    the texts of scripts are none."""
    modules = sorted(
        p.relative_to(STATIC).as_posix() for p in (STATIC / "js").rglob("*.js") if p.name not in INLINE
    )
    return "\n".join(
        [_script("address"), *(f'<link rel="modulepreload" href="{url(name)}" />' for name in modules)]
    )
