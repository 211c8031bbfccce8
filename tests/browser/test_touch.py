"""Fingers and pens on the map, as the browser's own input sends them."""

import json

import numpy as np
import pytest
from hands import axes_at, map_box, window_at, z_near
from safetensors.numpy import load_file
from support import MODELS


@pytest.fixture
def phone(visit, app):
    page = visit(
        f"{app.url}?ground=none",
        ready=".here[data-by='browser']",
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
    )
    return page, page.context.new_cdp_session(page)


def touch(cdp, kind: str, *points) -> None:
    cdp.send(
        "Input.dispatchTouchEvent",
        {"type": kind, "touchPoints": [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(points)]},
    )


def span(page) -> float:
    low, high = page.evaluate("document.querySelector('.latent-map .plot__points')._fullLayout.xaxis.range")
    return high - low


def test_two_fingers_zoom_about_their_middle_and_one_decodes_and_a_tap_selects(phone):
    page, cdp = phone
    box = map_box(page)
    x, y, before = box["x"] + 0.6 * box["width"], box["y"] + 0.4 * box["height"], span(page)
    middle = axes_at(page, x, y)
    index = page.locator(".selected-image").get_attribute("data-index")
    touch(cdp, "touchStart", (x - 40, y))
    touch(cdp, "touchStart", (x - 40, y), (x + 40, y))
    for step in range(1, 5):
        touch(cdp, "touchMove", (x - 40 - 10 * step, y), (x + 40 + 10 * step, y))
    page.wait_for_function(
        "wanted => (([a, b]) => Math.abs(b - a - wanted) < 0.01 * wanted)(document.querySelector('.latent-map .plot__points')._fullLayout.xaxis.range)",
        arg=before / 2,
    )
    touch(cdp, "touchEnd")
    assert axes_at(page, x, y) == pytest.approx(middle, abs=0.03)
    assert page.locator(".selected-image").get_attribute("data-index") == index  # a pinch selects nothing

    touch(cdp, "touchStart", (x, y))
    touch(cdp, "touchMove", (x + 30, y + 20))
    u, v = axes_at(page, x + 30, y + 20)
    z_near(page, {0: u, 1: v}, 0.03)
    touch(cdp, "touchEnd")
    assert span(page) == pytest.approx(before / 2, rel=0.01)  # one finger moves no map

    codes = load_file(MODELS / "mnist-default-z2" / "codes.safetensors")["mu"].astype(float)
    near = int(np.argmin(np.hypot(*(codes - [u, v]).T)))
    at = window_at(page, *codes[near])
    touch(cdp, "touchStart", at)
    touch(cdp, "touchEnd")
    page.wait_for_function(
        "old => document.querySelector('.selected-image').dataset.index !== old", arg=index
    )
    chosen = codes[int(page.locator(".selected-image").get_attribute("data-index"))]
    assert np.hypot(*(np.array(window_at(page, *chosen)) - at)) <= 6


def test_a_pen_decodes_without_touching(page):
    page.wait_for_selector(".here[data-by='browser']")
    cdp, box = page.context.new_cdp_session(page), map_box(page)
    before = json.loads(page.locator(".here").get_attribute("data-z"))
    for across in (0.3, 0.35):
        x, y = box["x"] + across * box["width"], box["y"] + 0.6 * box["height"]
        cdp.send(
            "Input.dispatchMouseEvent",
            {"type": "mouseMoved", "x": x, "y": y, "pointerType": "pen", "button": "none"},
        )
    u, v = axes_at(page, x, y)
    z_near(page, {0: u, 1: v}, 0.03)
    assert np.hypot(before[0] - u, before[1] - v) > 0.1
