"""A window that moves to a finer monitor is drawn as fine as that."""

import itertools

import pytest
from hands import tab

SHARP = """([name, ratio]) => [...document.querySelectorAll(name)].every((canvas) =>
  canvas.clientWidth > 0 && Math.abs(canvas.width - ratio * canvas.clientWidth) <= 1 && Math.abs(canvas.height - ratio * canvas.clientHeight) <= 1
  && canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((byte) => byte))"""
CANVASES = ".latent-map .plot__dots, .latent-map .plot__ground, .latent-map .plot__pictures"
VIEW = {"width": 1280, "height": 800}


@pytest.fixture
def monitor(visit, app):
    """A page, and a function that puts it onto a screen of another pixel ratio."""

    def open_page(search: str = ""):
        page = visit(f"{app.url}{search}", viewport=VIEW)
        screen = page.context.new_cdp_session(page)

        widths = itertools.count(VIEW["width"] - 1, -1)  # another monitor: the window is laid out anew, too

        def move(ratio: float) -> None:
            size = {"width": next(widths), "height": VIEW["height"]}
            screen.send(
                "Emulation.setDeviceMetricsOverride", {**size, "deviceScaleFactor": ratio, "mobile": False}
            )

        return page, move

    return open_page


def test_points_ground_and_pictures_follow_the_screens_pixel_ratio_there_and_back(monitor):
    page, move = monitor()
    for _ in range(24):  # near enough that each code is its own picture
        page.get_by_role("button", name="Closer").click()
        if page.locator(".plot__pictures").get_attribute("data-count") not in (None, "0"):
            break
    for ratio in (1, 2, 1.5, 1):
        move(ratio)
        page.wait_for_function(SHARP, arg=[CANVASES, ratio])


def test_the_small_map_beside_a_drawing_follows_it_too(monitor):
    page, move = monitor()
    tab(page, "Draw", ".draw[data-map]")
    for ratio in (1, 2):
        move(ratio)
        page.wait_for_function(SHARP, arg=[".draw .plot__dots", ratio])


def test_a_screen_that_changes_while_the_map_is_out_of_sight_is_followed_when_it_is_seen(monitor):
    page, move = monitor("?ground=none")
    tab(page, "Draw", ".draw[data-map]")
    move(2)
    tab(page, "Map", ".latent-map .plot__dots")
    page.wait_for_function(SHARP, arg=[".latent-map .plot__dots", 2])
