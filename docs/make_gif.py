"""Makes docs/map.gif: the pointer on its way over the map of MNIST, as the page draws it.

python docs/make_gif.py     # starts the page itself; needs Chromium and the shipped models
"""

from __future__ import annotations

import io
import math
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "browser")]

from hands import chromium_path, map_box  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402
from support import MODELS, servers  # noqa: E402

FRAMES, MILLISECONDS = 40, 110
SIZE, COLOURS = (1120, 700), 96
WIDTH = 800


def place(step: int) -> tuple[float, float]:
    """Shares of the map's box: once around the crowded middle, back to where it began."""
    turn = 2 * math.pi * step / FRAMES
    return 0.5 + 0.3 * math.cos(turn), 0.5 + 0.28 * math.sin(2 * turn)


def pointer(picture: Image.Image, x: float, y: float) -> None:
    """The mouse's arrow, which screenshots leave out."""
    from PIL import ImageDraw

    arrow = [(0, 0), (0, 17), (4, 13), (7, 20), (10, 19), (7, 12), (12, 12)]
    shape = [(x + a, y + b) for a, b in arrow]
    ImageDraw.Draw(picture).polygon(shape, fill="#ffffff", outline="#1b1c1e")


def frames(page) -> list[Image.Image]:
    found, box = [], map_box(page)
    for step in range(FRAMES):
        across, down = place(step)
        x, y = box["x"] + across * box["width"], box["y"] + down * box["height"]
        before = page.locator(".here").get_attribute("data-z")
        page.mouse.move(x, y)
        page.wait_for_function("old => document.querySelector('.here').dataset.z !== old", arg=before)
        picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        pointer(picture, x, y)
        high = round(WIDTH * picture.height / picture.width)
        found.append(picture.resize((WIDTH, high), Image.Resampling.LANCZOS))
    return found


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        servers(Path(folder)) as start,
        sync_playwright() as playwright,
    ):
        server = start(MODELS, ROOT / "data")
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        page = browser.new_page(viewport=dict(zip(("width", "height"), SIZE)))
        page.goto(server.url)
        page.wait_for_selector(".here[data-by='browser']")
        page.wait_for_selector(".selected-image[data-model]")
        page.wait_for_function("!document.querySelector('.here__support').textContent.includes('…')")
        page.wait_for_function("document.querySelector('.latent-map .plot__ground').dataset.settled")
        found = frames(page)
        browser.close()
    palette = found[0].quantize(COLOURS, dither=Image.Dither.NONE)
    flat = [one.quantize(palette=palette, dither=Image.Dither.NONE) for one in found]
    path = ROOT / "docs" / "map.gif"
    flat[0].save(path, save_all=True, append_images=flat[1:], duration=MILLISECONDS, loop=0, optimize=True)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1e6:.2f} MB, {FRAMES} pictures")


if __name__ == "__main__":
    main()
