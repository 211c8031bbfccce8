"""Manifold, Compare, Draw and About under a hand."""

import json

import numpy as np
import pytest
import torch
from hands import model_drawn, tab, z_near
from PIL import Image
from safetensors.numpy import load_file
from scipy.stats import norm
from support import DATA, MODELS, needs_images

from vae import load_model
from vae.data.load import load_split
from vae.texts import texts

Z2, Z20 = "mnist-default-z2", "mnist-default-z20"


PAPER, PRINT = 255, 22  # the light theme's, red


def decoded(name: str, z: np.ndarray) -> np.ndarray:
    """(N, 28, 28) straight from torch, as the light theme prints it: 0 to 255 of red."""
    with torch.inference_mode():
        return PAPER + (PRINT - PAPER) * load_model(MODELS / name).decode(torch.from_numpy(z))[:, 0].numpy()


def reds(page, selector: str) -> np.ndarray:
    """(N, H, W) of red of the canvases that are shown."""
    shown = page.locator(selector).evaluate_all(
        "all => all.map((c) => Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((_, i) => i % 4 === 0)))"
    )
    return np.array(shown, float).reshape(-1, 28, 28)


def tile(page, n: int, row: int, column: int) -> tuple[float, float]:
    box = page.locator(".sheet__canvas").bounding_box()
    return box["x"] + (column + 0.5) * box["width"] / n, box["y"] + (row + 0.5) * box["height"] / n


def hovered(page) -> list[float]:
    return json.loads(page.locator(".sheet__side [data-z]").get_attribute("data-z"))


def test_the_sheet_names_the_place_of_the_tile_under_the_pointer(page):
    tab(page, "Manifold", ".manifold[data-ready]")
    page.get_by_role("button", name="15 × 15 over [−1, 1]").click()
    page.wait_for_selector(".manifold[data-n='15']")
    page.mouse.move(*tile(page, 15, 0, 14))  # the top right tile: both axes at their largest
    assert hovered(page) == pytest.approx([1, 1], abs=1e-5)
    page.mouse.move(*tile(page, 15, 14, 3))
    assert hovered(page) == pytest.approx([np.linspace(-1, 1, 15)[3], -1], abs=1e-5)


def test_the_equal_mass_preset_cuts_the_prior_into_equal_shares(page):
    tab(page, "Manifold", ".manifold[data-ready]")
    page.get_by_role("button", name="30 × 30 equal-mass").click()
    page.wait_for_selector(".manifold[data-n='30'][data-spacing='equal-mass']")
    page.mouse.move(*tile(page, 30, 29, 4))
    assert hovered(page) == pytest.approx([norm.ppf(4.5 / 30), norm.ppf(0.5 / 30)], abs=1e-4)


def test_a_click_on_a_tile_takes_its_place_to_the_map(page):
    tab(page, "Manifold", ".manifold[data-ready]")
    page.mouse.click(*tile(page, 20, 2, 5))
    page.wait_for_selector(".latent-map", state="visible")
    z_near(page, {0: np.linspace(-2, 2, 20)[5], 1: np.linspace(-2, 2, 20)[17]}, 1e-3)


def test_the_sheet_can_be_saved_pixel_by_pixel(page):
    tab(page, "Manifold", ".manifold[data-ready]")
    with page.expect_download() as download:
        page.get_by_role("button", name="PNG").click()
    saved = np.asarray(Image.open(download.value.path()).convert("RGB"), float)[..., 0]
    u, v = np.meshgrid(np.linspace(-2, 2, 20), np.linspace(2, -2, 20))
    z = np.stack([u, v], -1).reshape(-1, 2).astype(np.float32)
    assert saved.shape == (20 * 28, 20 * 28)
    tiles = saved.reshape(20, 28, 20, 28).swapaxes(1, 2).reshape(-1, 28, 28)
    assert np.abs(tiles - decoded(Z2, z)).max() <= 1.5


def test_the_sheet_follows_the_size_and_the_chart(page):
    page.locator("[data-size='20']").click()
    model_drawn(page, Z20)
    tab(page, "Manifold", f".manifold[data-model='{Z20}'][data-chart='pca']")
    page.locator(".manifold").get_by_label("chart").select_option("axes")
    page.wait_for_selector(".manifold[data-chart='axes:0,1']")


def test_compare_shows_eight_originals_over_a_row_for_each_size(page):
    needs_images("mnist")
    tab(page, "Compare", ".compare[data-ready]")
    said = page.locator("[data-row='original'] small").all_text_contents()
    indices = [int(text.split(" ")[0]) for text in said]
    images = load_split("mnist", "test", DATA, download=False).images[indices, 0]
    assert len(indices) == 8
    assert (
        np.abs(reds(page, "[data-row='original'] canvas") - (PAPER + (PRINT - PAPER) * (images / 255))).max()
        <= 1
    )
    for size, name in ((2, Z2), (20, Z20)):
        mu = load_file(MODELS / name / "codes.safetensors")["mu"][indices].astype(np.float32)
        assert np.abs(reds(page, f"[data-row='{size}'] canvas") - decoded(name, mu)).max() <= 1.5
    page.wait_for_selector(".compare .figure[data-ready] .main-svg")


def test_compare_takes_test_images_by_number_and_leads_to_the_map(page):
    tab(page, "Compare", ".compare[data-ready]")
    page.get_by_role("button", name="by number").click()
    page.get_by_label("test image numbers").fill("3, 1, 4")
    page.get_by_label("test image numbers").press("Enter")
    page.wait_for_function("document.querySelectorAll(\"[data-row='20'] canvas\").length === 3")
    assert [t.split(" ")[0] for t in page.locator("[data-row='original'] small").all_text_contents()] == [
        "3",
        "1",
        "4",
    ]
    page.locator("[data-row='20'] button").nth(2).click()
    page.wait_for_selector(".selected-image[data-index='4']")
    model_drawn(page, Z20)


def test_compare_refuses_a_list_that_names_no_images_and_says_how_to_write_one(page):
    tab(page, "Compare", ".compare[data-ready]")
    page.get_by_role("button", name="by number").click()
    page.get_by_label("test image numbers").fill("seven")
    page.get_by_label("test image numbers").press("Enter")
    assert page.get_by_text("such as 0, 1, 15").is_visible()


def test_the_same_seed_gives_the_same_random_images(page):
    def shown():
        return page.locator("[data-row='original'] small").all_text_contents()

    tab(page, "Compare", ".compare[data-ready]")
    page.get_by_role("button", name="random").and_(page.locator(".segments__one")).click()
    page.wait_for_selector(".compare[data-kind='random']")
    first = shown()
    page.get_by_role("button", name="others").click()
    page.wait_for_function(
        "first => document.querySelector(\"[data-row='original'] small\").textContent !== first", arg=first[0]
    )
    page.get_by_label("seed").fill("0")
    page.get_by_label("seed").press("Enter")
    page.wait_for_function(
        "first => document.querySelector(\"[data-row='original'] small\").textContent === first", arg=first[0]
    )
    assert shown() == first


def stroke(page, *places: tuple[float, float]) -> None:
    box = page.locator(".desk__canvas").bounding_box()
    (x, y), rest = places[0], places[1:]
    page.mouse.move(box["x"] + x, box["y"] + y)
    page.mouse.down()
    for x, y in rest:
        page.mouse.move(box["x"] + x, box["y"] + y, steps=6)
    page.mouse.up()


def test_a_one_drawn_with_the_mouse_is_taken_for_a_one(page):
    tab(page, "Draw", ".draw[data-map]")
    assert page.get_by_text("Draw a digit").is_visible()
    stroke(page, (150, 40), (138, 240))
    page.wait_for_selector(".draw[data-vote='1']")
    assert page.get_by_text("Draw a digit").is_hidden()
    assert page.locator("[data-row='20'] canvas").count() == 6  # rebuilt, and the nearest five
    assert page.locator(".desk__map .mark__spread").count() == 2


def test_undo_and_clear_empty_the_paper_again(page):
    tab(page, "Draw", ".draw[data-map]")
    stroke(page, (100, 60), (200, 60))
    stroke(page, (200, 60), (120, 230))
    page.wait_for_selector(".draw[data-strokes='2']")
    page.get_by_role("button", name="Undo").click()
    page.wait_for_selector(".draw[data-strokes='1']")
    page.get_by_role("button", name="Clear").click()
    page.wait_for_selector(".draw[data-strokes='0']:not([data-vote])")
    assert page.get_by_text("Draw a digit").is_visible()


def test_a_drawing_can_start_from_the_selected_test_image(page):
    tab(page, "Draw", ".draw[data-map]")
    page.get_by_role("button", name="Start from the selected test image").click()
    page.wait_for_selector(".draw[data-vote='7']")  # MNIST's first test image is a seven


def test_a_drawing_is_marked_on_the_map_where_its_code_lies(page):
    tab(page, "Draw", ".draw[data-map]")
    stroke(page, (150, 40), (138, 240))
    page.get_by_role("button", name="Show on the map").click()
    page.wait_for_selector(".latent-map .mark__drawn", state="visible")


def test_the_card_shows_each_metric_with_the_command_that_computes_it(page):
    tab(page, "About", ".about[data-ready]")
    metrics = json.loads((MODELS / Z2 / "metrics.json").read_text())
    for key, metric in metrics.items():
        row = page.locator(f"[data-metric='{key}']").text_content()
        assert metric["unit"] in row and metric["command"] in row
    if metrics["elbo"]["value"] is not None:
        assert (
            f"{metrics['elbo']['value']:.1f}".replace("-", "\u2212")
            in page.locator("[data-metric='elbo']").text_content()
        )
    assert page.locator(".net .net__z").count() == 1


def test_the_table_of_models_leads_to_each_of_them(page):
    tab(page, "About", ".about[data-ready]")
    page.locator(f"[data-model='{Z20}'] button").click()
    model_drawn(page, Z20)


def test_on_the_small_digits_the_draw_tab_says_how_often_it_is_right(visit, app):
    said = texts()["drawing"]["digits"]
    page = visit(f"{app.url}?model={said['model']}&ground=none", ready=".latent-map[data-ready]")
    tab(page, "Draw", ".draw[data-map]")
    limits = page.locator(".draw__limits")
    limits.get_by_text(f"about {said['right']} are recognised").wait_for()
    page.get_by_role("button", name="MNIST", exact=True).click()
    page.wait_for_selector(".draw[data-map^='mnist']")
    limits.wait_for(state="hidden")
