"""Under the pointer: decoded in the browser at every movement, without a question to the server."""

import base64
import json

import numpy as np
import pytest
import torch
from hands import axes_at, map_box, model_drawn, watch_questions, window_at
from safetensors.numpy import load_file
from support import MODELS, ROOT, needs_images

from vae import load_model
from vae.data.load import load_split
from vae.space.neighbours import Neighbours

Z2, Z20 = "mnist-default-z2", "mnist-default-z20"


@pytest.fixture
def page(visit, app):
    """The page once its model has come and its support can be measured."""
    page = visit(app.url, ready=".here[data-by='browser']")
    page.wait_for_function("!document.querySelector('.here__support').textContent.includes('…')")
    return page


def canvas_bytes(page, selector: str) -> np.ndarray:
    """How dark each pixel of a canvas is drawn, 0 to 255, on the light theme's white paper."""
    text = page.locator(selector).first.evaluate(
        """c => {
          const { data } = c.getContext("2d").getImageData(0, 0, c.width, c.height), red = new Uint8Array(data.length / 4);
          for (let i = 0; i < red.length; i += 1) red[i] = data[i * 4];
          return btoa(String.fromCharCode(...red));
        }"""
    )
    return 255 - np.frombuffer(base64.b64decode(text), np.uint8).astype(float)


def here_at(page, across: float, down: float) -> np.ndarray:
    """Moves to a share of the map and gives the z that HERE then says."""
    box, before = map_box(page), page.locator(".here").get_attribute("data-z")
    page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
    page.wait_for_function("old => document.querySelector('.here').dataset.z !== old", arg=before)
    return np.array(json.loads(page.locator(".here").get_attribute("data-z")), np.float32)


@pytest.mark.parametrize("name", [Z2, Z20])
def test_the_image_under_the_pointer_is_the_one_that_torch_decodes(page, name):
    if name != Z2:
        page.locator("[data-size='20']").first.click()
        model_drawn(page, name)
        page.wait_for_selector(f".here[data-model='{name}'][data-by='browser']")
    for across, down in ((0.3, 0.4), (0.7, 0.6), (0.52, 0.8)):
        z = here_at(page, across, down)
        with torch.inference_mode():
            torchs = load_model(MODELS / name).decode(torch.from_numpy(z[None]))[0, 0].numpy()
        ink = 255 - 22  # what the light theme prints full ink with
        assert np.abs(canvas_bytes(page, ".here canvas") / ink - torchs.ravel()).max() <= 1.5 / 233


def test_moving_asks_the_server_nothing(page):
    here_at(page, 0.5, 0.5)
    page.wait_for_selector(".nearest[data-ready]")
    asked = watch_questions(page)
    for step in range(60):
        box = map_box(page)
        page.mouse.move(
            box["x"] + (0.2 + 0.01 * step) * box["width"], box["y"] + (0.3 + 0.005 * step) * box["height"]
        )
    here_at(page, 0.4, 0.7)
    assert asked == []


def test_support_and_votes_under_the_pointer_are_the_librarys(page):
    codes = load_file(MODELS / Z2 / "codes.safetensors")
    library = Neighbours(codes["mu"].astype(np.float32), codes["labels"])
    for across, down in ((0.5, 0.5), (0.35, 0.6), (0.12, 0.1)):
        z = here_at(page, across, down)
        share = round(100 * float(library.support(z[None])[0]))
        near, votes = library.ask(z)
        page.wait_for_function(
            "n => Math.abs(Number(document.querySelector('.here .meter').getAttribute('aria-valuenow')) - n) <= 1",
            arg=share,
        )
        shown = [
            int(i)
            for i in page.locator(".nearest__one").evaluate_all("all => all.map((b) => b.dataset.index)")
        ]
        assert shown == [n["index"] for n in near]
        best = max(votes, key=votes.get)
        assert best in page.locator(".here strong").text_content()


def test_the_image_fades_where_no_code_is_near_unless_that_is_switched_off(page):
    codes = load_file(MODELS / Z2 / "codes.safetensors")
    library = Neighbours(codes["mu"].astype(np.float32), codes["labels"])
    corners = [(x, y) for x in (0.12, 0.5, 0.88) for y in (0.05, 0.5, 0.9) if (x, y) != (0.5, 0.5)]
    far = next(corner for corner in corners if library.support(here_at(page, *corner)[None])[0] == 0)
    here_at(page, 0.5, 0.5)
    here_at(page, *far)
    page.mouse.down()  # the place stays when the pointer goes to the switch
    page.mouse.up()
    page.wait_for_function("Number(document.querySelector('.here canvas').style.opacity) === 0.15")
    page.locator(".here__fade").click()
    page.wait_for_function("Number(document.querySelector('.here canvas').style.opacity) === 1")
    page.locator(".here__fade").click()
    page.wait_for_function("Number(document.querySelector('.here canvas').style.opacity) === 0.15")


def test_leaving_the_map_brings_the_last_clicked_place_back(page):
    box = map_box(page)
    x, y = box["x"] + 0.3 * box["width"], box["y"] + 0.55 * box["height"]
    page.mouse.click(x, y)
    clicked = axes_at(page, x, y)
    here_at(page, 0.8, 0.2)
    page.mouse.move(5, 5)
    page.wait_for_function(
        "([u, v]) => { const z = JSON.parse(document.querySelector('.here').dataset.z); return Math.hypot(z[0] - u, z[1] - v) < 0.02; }",
        arg=clicked,
    )


def test_the_thumbnails_of_the_nearest_are_the_test_images(page):
    needs_images("mnist")
    images = load_split("mnist", "test", ROOT / "data", download=False).images
    here_at(page, 0.45, 0.6)
    index = int(page.locator(".nearest__one").first.get_attribute("data-index"))
    wanted = images[index].ravel() / 255 * (255 - 22)
    page.wait_for_function("document.querySelector('.nearest[data-ready]') !== null")
    assert np.abs(canvas_bytes(page, ".nearest__one canvas") - wanted).max() <= 1.5


def test_a_code_under_the_pointer_shows_its_own_posterior(page):
    codes = load_file(MODELS / Z2 / "codes.safetensors")
    mu, logvar = codes["mu"].astype(np.float64), codes["logvar"].astype(np.float64)
    lonely = int(np.argmax(mu[:, 0]))
    x, y = window_at(page, *mu[lonely])
    page.mouse.move(x + 1, y)
    page.wait_for_selector(".plot__overlay g:nth-child(2) .mark__spread", state="attached")
    std = np.exp(logvar[lonely] / 2)
    left, top = window_at(page, *(mu[lonely] + [-2 * std[0], 2 * std[1]]))
    right, bottom = window_at(page, *(mu[lonely] + [2 * std[0], -2 * std[1]]))
    box = (
        page.locator(".plot__overlay g:nth-child(2) .mark__spread")
        .nth(1)
        .evaluate("p => { const b = p.getBBox(); return [b.width, b.height]; }")
    )
    assert box == pytest.approx([right - left, bottom - top], abs=1.0)
    here_at(page, 0.09, 0.06)
    assert page.locator(".plot__overlay g:nth-child(2) .mark__spread").count() == 0


def test_hover_goes_on_when_the_server_is_gone(serve, visit):
    server = serve()
    page = visit(server.url, ready=".here[data-by='browser']", forgiving=True)
    server.stop()
    first, second = here_at(page, 0.3, 0.3), here_at(page, 0.7, 0.5)
    assert np.abs(first - second).max() > 0.1
    assert page.locator(".here").get_attribute("data-by") == "browser"


def test_the_page_says_who_decoded_and_how_long_it_took(page):
    here_at(page, 0.4, 0.4)
    text = page.locator(".here__who").text_content()
    assert text.startswith("decoded in your browser, ") and text.endswith("ms")
    assert float(text.split(",")[1].split("\u202f")[0]) >= 0
