"""The Map tab under a hand: clicks, charts, sizes, legend, keys, touch, light and dark."""

import json

import numpy as np
import pytest
from hands import axes_at, map_box, model_drawn, points_drawn, window_at, z_near
from safetensors.numpy import load_file
from support import MODELS, ROOT, missing

Z2, Z20 = "mnist-default-z2", "mnist-default-z20"


@pytest.fixture(scope="module")
def codes():
    return load_file(MODELS / Z2 / "codes.safetensors")


def test_the_first_screen_needs_no_scrolling_and_leaves_nothing_empty(page):
    assert page.evaluate(
        "document.documentElement.scrollHeight <= innerHeight && document.documentElement.scrollWidth <= innerWidth"
    )
    assert page.locator(".latent-map").get_attribute("data-model") == Z2
    assert page.locator(".sizes__one canvas").count() >= 2
    assert page.locator(".nearest__one canvas").count() == 5
    assert page.locator(".here canvas").evaluate(
        "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v, i) => i % 4 < 3 && v < 128)"
    )
    assert page.locator(".latent-map .plot__dots").evaluate(
        "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v > 0)"
    )


def test_a_click_on_empty_space_decodes_what_the_axes_say_there(page):
    box = map_box(page)
    for across, down in ((0.15, 0.9), (0.9, 0.6)):
        x, y = box["x"] + across * box["width"], box["y"] + down * box["height"]
        u, v = axes_at(page, x, y)
        page.mouse.click(x, y)
        z_near(page, {0: u, 1: v}, 0.02)
        page.mouse.move(5, 5)  # HERE stays at the last click when the pointer goes away
        z_near(page, {0: u, 1: v}, 0.02)


def test_a_click_on_a_point_selects_an_image_whose_code_is_drawn_there(page, codes):
    mu = codes["mu"].astype(np.float64)
    lonely = int(np.argmax(mu[:, 0]))
    x, y = window_at(page, *mu[lonely])
    page.mouse.click(x + 2, y + 1)
    page.wait_for_function("document.querySelector('.selected-image').dataset.index !== '0'")
    index = int(page.locator(".selected-image").get_attribute("data-index"))
    at = window_at(page, *mu[index])
    assert np.hypot(at[0] - x - 2, at[1] - y - 1) <= 6


def test_the_ground_behind_the_points_can_be_taken_away(page):
    inked = "(c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v > 0))(document.querySelector('.latent-map .plot__ground'))"
    page.wait_for_function(inked)
    page.get_by_label("ground").select_option("none")
    page.wait_for_function("!" + inked)
    page.get_by_label("ground").select_option("manifold")
    page.wait_for_function(inked)


def test_moving_over_the_map_decodes_without_a_click(page):
    box = map_box(page)
    page.mouse.move(box["x"] + 300, box["y"] + 200)
    page.mouse.move(box["x"] + 310, box["y"] + 240)
    u, v = axes_at(page, box["x"] + 310, box["y"] + 240)
    z_near(page, {0: u, 1: v}, 0.02)


def test_every_chart_that_is_offered_can_be_drawn_and_clicked(page):
    page.locator("[data-size='20']").click()
    model_drawn(page, Z20)
    offered = page.get_by_label("chart").locator("option").evaluate_all("all => all.map((o) => o.value)")
    assert {"axes", "pca"} <= set(offered)
    for kind in offered:
        page.get_by_label("chart").select_option(kind)
        page.wait_for_selector(f".latent-map[data-chart^='{kind}']")
        box = map_box(page)
        before = page.locator(".here").get_attribute("data-z")
        page.mouse.click(box["x"] + 0.45 * box["width"], box["y"] + 0.4 * box["height"])
        page.wait_for_function("before => document.querySelector('.here').dataset.z !== before", arg=before)
        assert len(json.loads(page.locator(".here").get_attribute("data-z"))) == 20


def test_two_chosen_axes_show_those_numbers_of_z(page):
    page.locator("[data-size='20']").click()
    model_drawn(page, Z20)
    page.get_by_label("chart").select_option("axes")
    page.wait_for_selector(".latent-map[data-chart='axes:0,1']")
    page.get_by_label("axis upwards").select_option("7")
    page.wait_for_selector(".latent-map[data-chart='axes:0,7']")
    box = map_box(page)
    x, y = box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"]
    u, v = axes_at(page, x, y)
    page.mouse.click(x, y)
    z_near(page, {0: u, 7: v}, 0.02)


def test_another_size_keeps_the_selected_image(page):
    page.get_by_label("test image number").fill("42")
    page.get_by_label("test image number").press("Enter")
    page.wait_for_selector(".selected-image[data-index='42']")
    page.locator("[data-size='20']").click()
    model_drawn(page, Z20)
    assert page.locator(".selected-image").get_attribute("data-index") == "42"
    assert page.locator(".sizes__one[aria-pressed=true]").get_attribute("data-size") == "20"


def test_the_legend_hides_and_isolates_classes(page, codes):
    labels = codes["labels"]
    points_drawn(page, len(labels))
    page.locator(".legend__key[data-label='3']").click()
    points_drawn(page, int((labels != 3).sum()))
    page.locator(".legend__key[data-label='7']").click(modifiers=["Shift"])
    points_drawn(page, int((labels == 7).sum()))
    page.get_by_role("button", name="show all").click()
    points_drawn(page, len(labels))
    page.locator(".legend__key[data-label='5']").dblclick()
    points_drawn(page, int((labels == 5).sum()))


def test_a_random_image_of_a_class_is_of_that_class(page, codes):
    page.get_by_label("class of the random image").select_option("8")
    page.get_by_role("button", name="random").click()
    page.wait_for_function("document.querySelector('.selected-image').dataset.index !== '0'")
    assert codes["labels"][int(page.locator(".selected-image").get_attribute("data-index"))] == 8


def test_the_ellipse_of_the_selected_image_has_the_size_of_its_posterior(page, codes):
    page.get_by_label("test image number").fill("15")
    page.get_by_label("test image number").press("Enter")
    page.wait_for_selector(".selected-image[data-index='15']")
    page.wait_for_selector(".mark__spread", state="attached")
    std = np.exp(codes["logvar"][15].astype(np.float64) / 2)
    mu = codes["mu"][15].astype(np.float64)
    left, top = window_at(page, *(mu + [-2 * std[0], 2 * std[1]]))
    right, bottom = window_at(page, *(mu + [2 * std[0], -2 * std[1]]))
    box = (
        page.locator(".mark__spread")
        .nth(1)
        .evaluate("p => { const b = p.getBBox(); return [b.width, b.height]; }")
    )
    assert box == pytest.approx([right - left, bottom - top], abs=1.0)


def test_dark_mode_follows_the_system_and_can_be_switched(visit, app):
    page = visit(app.url, color_scheme="dark")
    tokens = json.loads(page.locator("#lx-tokens").text_content())
    shown = "getComputedStyle(document.body).backgroundColor"

    def rgb(colour: str) -> str:
        return f"rgb({int(colour[1:3], 16)}, {int(colour[3:5], 16)}, {int(colour[5:7], 16)})"

    assert page.evaluate(shown) == rgb(tokens["dark"]["ground"])
    page.get_by_role("button", name="Switch between light and dark").click()
    page.wait_for_function(
        "wanted => getComputedStyle(document.body).backgroundColor === wanted",
        arg=rgb(tokens["light"]["ground"]),
    )
    page.reload()
    page.wait_for_selector(".latent-map[data-ready]")
    assert page.evaluate(shown) == rgb(tokens["light"]["ground"])


def test_the_keyboard_alone_reaches_the_map_walks_and_selects(page):
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('latent-map__plot')"):
            break
    assert page.evaluate("document.activeElement.classList.contains('latent-map__plot')")
    before = json.loads(page.locator(".here").get_attribute("data-z"))
    for _ in range(8):
        page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "old => JSON.parse(document.querySelector('.here').dataset.z)[0] > old + 0.1", arg=before[0]
    )
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('.selected-image').dataset.index !== '0'")


def test_a_finger_decodes_on_a_phone_and_the_page_does_not_scroll_sideways(visit, app):
    page = visit(app.url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    box = map_box(page)
    assert box["width"] == pytest.approx(box["height"], abs=2)
    x, y = box["x"] + 0.7 * box["width"], box["y"] + 0.7 * box["height"]
    u, v = axes_at(page, x, y)
    page.touchscreen.tap(x, y)
    z_near(page, {0: u, 1: v}, 0.05)
    here = page.locator(".here").bounding_box()
    assert here["y"] + here["height"] <= 845 and here["y"] >= 500
    page.get_by_role("button", name="change").or_(page.locator(".head__fold")).first.tap()
    assert page.get_by_role("group", name="size of z").is_visible()


def test_a_link_to_the_view_opens_the_same_view(page, visit, app):
    page.get_by_label("test image number").fill("7")
    page.get_by_label("test image number").press("Enter")
    page.wait_for_selector(".selected-image[data-index='7']")
    page.get_by_role("button", name="Copy a link to this view").click()
    page.wait_for_function("location.search.includes('image=7')")
    again = visit(page.url)
    again.wait_for_selector(".selected-image[data-index='7']")
    assert again.locator(".latent-map").get_attribute("data-model") == Z2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_any_tab(visit, app, scheme, axe):
    page = visit(app.url, color_scheme=scheme)
    ready = {
        "Map": ".latent-map[data-ready]",
        "Manifold": ".manifold[data-ready]",
        "Compare": ".compare[data-ready]",
        "Draw": ".draw[data-map]",
    }
    ready["About"] = ".about[data-ready]"
    page.add_script_tag(content=axe)
    for name, drawn in ready.items():
        page.get_by_role("tab", name=name, exact=True).click()
        page.wait_for_selector(drawn)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']}).then((r) => r.violations)")
        grave = [
            (v["id"], [n["target"] for n in v["nodes"]][:3])
            for v in found
            if v["impact"] in ("serious", "critical")
        ]
        assert grave == [], name


@pytest.fixture(scope="module")
def axe(tmp_path_factory):
    import shutil
    import subprocess

    at_hand = ROOT / "node_modules/axe-core/axe.min.js"
    if at_hand.is_file():
        return at_hand.read_text()
    npm, folder = shutil.which("npm"), tmp_path_factory.mktemp("axe")
    if not npm:
        missing("there is no npm to fetch axe-core with")
    done = subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), "axe-core@4"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode:
        missing("axe-core could not be fetched: " + done.stderr[-300:])
    return (folder / "node_modules/axe-core/axe.min.js").read_text()
