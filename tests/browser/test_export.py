"""What the page gives away: the lines that make an image, the map as a picture, and the browser's net held against the server's."""

import io
import shutil
import subprocess
import sys

import numpy as np
import pytest
from hands import map_box, tab
from PIL import Image
from support import MODELS, ROOT

CLIPBOARD = {"permissions": ["clipboard-read", "clipboard-write"]}
PAPER, PRINT = 255, 22  # the light theme's, red


def test_the_copied_python_makes_the_image_that_the_page_shows_wherever_its_models_lie(
    visit, serve, tmp_path
):
    shutil.copytree(MODELS / "mnist-default-z20", tmp_path / "my models" / "mnist-default-z20")
    page = visit(
        f"{serve(tmp_path / 'my models').url}?model=mnist-default-z20&ground=none",
        ready=".here[data-by='browser']",
        **CLIPBOARD,
    )
    box = map_box(page)
    page.mouse.click(box["x"] + 0.4 * box["width"], box["y"] + 0.35 * box["height"])
    page.get_by_role("button", name="Copy this image as Python").click()
    page.wait_for_selector("[data-copied]")
    program = (
        page.evaluate("navigator.clipboard.readText()")
        + f"\nimport numpy\nnumpy.save({str(tmp_path / 'image.npy')!r}, image)\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=120)
    image = np.load(tmp_path / "image.npy")
    red = "c => Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((_, i) => i % 4 === 0))"
    drawn = page.locator(".here canvas").evaluate(red)
    assert image.shape == (28, 28) and image.max() > 0.5
    assert np.abs(np.array(drawn).reshape(28, 28) - (PAPER + (PRINT - PAPER) * image)).max() <= 1


def png(page, name: str) -> tuple[np.ndarray, str]:
    page.get_by_role("button", name="Save the map as a picture").click()
    with page.expect_download() as coming:
        page.get_by_role("button", name=name).click()
    return np.asarray(Image.open(coming.value.path()).convert("RGB"), float), coming.value.suggested_filename


def test_the_map_is_saved_as_it_is_shown_at_either_size(visit, app, monkeypatch):
    # other tests import the server's limit into this process
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    page = visit(f"{app.url}?ground=support&colour=kl", ready=".latent-map[data-colour='kl']")
    page.wait_for_selector(".plot__ground[data-what='support']", state="attached")
    page.wait_for_function("!document.querySelector('.here__support').textContent.includes('…')")
    page.wait_for_function(  # with every gap counted, and as fine as it gets while one rests
        "JSON.parse(document.querySelector('.latent-map .plot__ground').dataset.settled ?? '[]').at(-1) === true"
    )
    box = map_box(page)
    small, name = png(page, "as large as here")
    large, large_name = png(page, "three times as large")
    page.mouse.move(5, 5)
    page.wait_for_function("!document.querySelector('.hint')")
    seen = np.asarray(Image.open(io.BytesIO(page.screenshot(clip=box))).convert("RGB"), float)
    height, width = small.shape[:2]
    assert (height, width) == (
        pytest.approx(box["height"], abs=1),
        pytest.approx(box["width"], abs=1),
    ) and large.shape == (3 * height, 3 * width, 3)
    assert (name, large_name) == (
        "mnist-default-z2-axes-0-1-support.png",
        "mnist-default-z2-axes-0-1-support-3x.png",
    )
    left = slice(None, -60)  # beside the buttons that float on the map
    high, wide = min(height, len(seen)) - 1, min(width, seen.shape[1])
    # a map may begin between two rows of the window's pixels
    drawn = [small[down : high + down, :wide] for down in (0, 1)]
    agree = [(np.abs(one - seen[:high, :wide])[:, left].max(2) <= 24).mean() for one in drawn]
    assert max(agree) > 0.97, agree
    # there is something to agree about
    assert (np.abs(small - small.mean((0, 1)))[:, left].max(2) > 24).mean() > 0.1
    shrunk = large.reshape(height, 3, width, 3, 3).mean((1, 3))
    assert np.abs(shrunk - small)[:, left].mean() < 6


def test_about_holds_the_browsers_net_against_the_servers(page):
    tab(page, "About", ".about[data-ready]")
    page.get_by_role("button", name="Compare now").click()
    page.wait_for_selector(".twin [data-ready]")
    image, code = (
        float(page.locator(".twin [data-ready]").get_attribute(f"data-{key}")) for key in ("image", "code")
    )
    assert 0 < image <= 1e-4 and 0 < code <= 1e-4
    times = [
        float(text.split("\u202f")[0].split(" ms")[0])
        for text in page.locator(".twin td").all_text_contents()
        if text.endswith("ms")
    ]
    assert len(times) == 5 and all(ms >= 0 for ms in times) and max(times) > 0
