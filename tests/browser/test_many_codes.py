"""Seventy thousand codes, and a map that follows the hand: the training codes against torch and the data set's labels, the pan against the pointer."""

import numpy as np
import pytest
import torch
from hands import axes_at, map_box, model_drawn, points_drawn, window_at, z_near
from safetensors.numpy import load_file
from support import MODELS, ROOT, needs_images

from vae import load_model

Z2 = "mnist-default-z2"
WIDE = "(({ range }) => range[1] - range[0])(document.querySelector('.latent-map .plot__points')._fullLayout.xaxis)"


@pytest.fixture(scope="module")
def train():
    """MNIST's training set as torchvision reads it."""
    from torchvision.datasets import MNIST

    needs_images("mnist", "train", "test")
    return MNIST(ROOT / "data", train=True, download=False)


def training_key(page):
    return page.get_by_role("button", name="training codes")


def inked(page, around: list[float]) -> bool:
    """Whether a dot is painted within a pixel of a place of the window."""
    return page.evaluate(
        """([x, y]) => {
          const c = document.querySelector(".latent-map .plot__dots"), box = c.getBoundingClientRect();
          return c.getContext("2d").getImageData(Math.round(x - box.left) - 1, Math.round(y - box.top) - 1, 3, 3).data.some((v) => v > 0);
        }""",
        around,
    )


def test_the_training_codes_appear_where_torch_encodes_them_and_go_again(page, train):
    test_labels, labels = load_file(MODELS / Z2 / "codes.safetensors")["labels"], train.targets.numpy()
    points_drawn(page, 10_000)
    rows = np.random.default_rng(0).choice(60_000, 2_000, replace=False)
    with torch.inference_mode():
        mu = load_model(MODELS / Z2).encode(train.data[rows][:, None] / 255)[0].numpy().astype(float)
    # the farthest out lie apart
    places = [window_at(page, *mu[k]) for k in np.argsort(-np.hypot(*(mu - mu.mean(0)).T))[:200]]
    box = map_box(page)
    bare = [
        (x, y)
        for x, y in places
        if 50 < x - box["x"] < box["width"] - 70
        and 10 < y - box["y"] < box["height"] - 40
        and not inked(page, [x, y])
    ]
    assert len(bare) >= 20  # places where no test code lies
    training_key(page).click()
    points_drawn(page, 70_000)
    assert training_key(page).text_content() == "+ 60\u202f000 training codes"
    assert all(inked(page, place) for place in bare)
    for label in (1, 7):
        page.locator(f".legend__key[data-label='{label}']").click(modifiers=["Shift"])
        points_drawn(page, int((test_labels == label).sum() + (labels == label).sum()))
    page.get_by_role("button", name="show all").click()
    points_drawn(page, 70_000)
    training_key(page).click()
    points_drawn(page, 10_000)
    assert not any(inked(page, place) for place in bare)


def test_over_seventy_thousand_codes_the_pointer_decodes_and_a_click_selects_a_test_image(page, train):
    mu = load_file(MODELS / Z2 / "codes.safetensors")["mu"].astype(float)
    training_key(page).click()
    points_drawn(page, 70_000)
    box = map_box(page)
    for across, down in ((0.4, 0.5), (0.6, 0.4)):
        x, y = box["x"] + across * box["width"], box["y"] + down * box["height"]
        page.mouse.move(x, y)
        z_near(page, dict(enumerate(axes_at(page, x, y))), 0.02)
    lonely = int(np.argmax(mu[:, 0]))
    x, y = window_at(page, *mu[lonely])
    page.mouse.click(x, y)
    page.wait_for_selector(f".selected-image[data-index='{lonely}']")


def test_the_training_codes_follow_to_another_size_and_chart(page, train):
    training_key(page).click()
    points_drawn(page, 70_000)
    page.locator("[data-size='20']").first.click()
    model_drawn(page, "mnist-default-z20")
    points_drawn(page, 70_000)
    page.get_by_label("chart").select_option("axes")
    page.wait_for_selector(".latent-map[data-chart='axes:0,1']")
    points_drawn(page, 70_000)


def test_a_link_holds_whose_codes_are_shown(visit, app, page, train):
    points_drawn(page, 10_000)
    assert "codes=" not in page.url
    training_key(page).click()
    page.wait_for_function("location.search.includes('codes=all')")
    points_drawn(visit(page.url), 70_000)


def test_absent_training_images_are_said_on_the_map_and_nothing_else_is_lost(visit, serve, tmp_path):
    page = visit(serve(MODELS, tmp_path).url)
    points_drawn(page, 10_000)
    training_key(page).click()
    card = page.locator(".latent-map__card")
    card.wait_for(state="visible")
    assert "train-images-idx3-ubyte" in card.text_content() and "by hand" in card.text_content()
    assert card.get_by_role("button", name="Fetch them").is_visible()
    card.get_by_role("button", name="Test images only").click()
    card.wait_for(state="hidden")
    assert training_key(page).get_attribute("aria-pressed") == "false"
    points_drawn(page, 10_000)


def test_the_place_under_the_hand_follows_it_through_a_pan_and_a_zoom(page):
    mu = load_file(MODELS / Z2 / "codes.safetensors")["mu"].astype(float)
    lonely, box = int(np.argmax(mu[:, 0])), map_box(page)
    x, y = box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"]
    start, shown = axes_at(page, x, y), window_at(page, *mu[lonely])
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 11):
        page.mouse.move(x - 9 * step, y + 6 * step)
        if step in (5, 10):  # on the way and at the end alike
            page.wait_for_function(
                """([u, v, x, y]) => {
                  const gd = document.querySelector(".latent-map .plot__points"), box = gd.getBoundingClientRect(), { xaxis, yaxis } = gd._fullLayout;
                  return Math.hypot(xaxis.d2p(u) + xaxis._offset + box.left - x, yaxis.d2p(v) + yaxis._offset + box.top - y) < 0.6;
                }""",
                arg=[*start, x - 9 * step, y + 6 * step],
            )
            assert inked(page, [shown[0] - 9 * step, shown[1] + 6 * step])
    page.mouse.up()
    assert axes_at(page, x - 90, y + 60) == pytest.approx(start, abs=0.01)
    page.mouse.move(x - 90, y + 60)
    wide = page.evaluate(WIDE)
    page.mouse.wheel(0, -200)
    page.wait_for_function(f"({WIDE}) < {0.95 * wide}")
    assert axes_at(page, x - 90, y + 60) == pytest.approx(start, abs=0.02)
    code = window_at(page, *mu[lonely])
    page.wait_for_function(
        """([x, y]) => {
          const c = document.querySelector(".latent-map .plot__dots"), box = c.getBoundingClientRect();
          return x > box.right - 10 || c.getContext("2d").getImageData(Math.round(x - box.left) - 1, Math.round(y - box.top) - 1, 3, 3).data.some((v) => v > 0);
        }""",
        arg=code,
    )


@pytest.mark.parametrize("budget", [1e9, 0], ids=["painted", "moved as a picture"])
def test_dots_have_the_place_size_and_colour_they_are_given(chromium, app, budget):
    page = chromium.new_page()
    page.goto(app.url, wait_until="commit")
    page.wait_for_selector("link[rel=modulepreload][href$='dots.js']", state="attached")
    found = page.evaluate(
        """async (budget) => {
          const { Dots, UNSEEN } = await import(document.querySelector("link[rel=modulepreload][href$='dots.js']").href);
          const canvas = document.createElement("canvas"), dots = new Dots(canvas), box = [20, 10, 160, 80];
          const px = Float32Array.from([60.3, 40.6, 100, 50, 19, 50, 140, 60]);
          dots.paint([200, 100], box, [{ px, kinds: Uint8Array.from([0, 1, 0, UNSEEN]), palette: ["#3f90da", "#bd1f01"], size: 9, opacity: 0.5 }]);
          if (!budget) dots.carry(box, 2, -70, -30);
          return [Array.from(canvas.getContext("2d").getImageData(0, 0, 200, 100).data), canvas.dataset.count];
        }""",
        budget,
    )
    page.close()
    rgba = np.array(found[0], float).reshape(100, 200, 4)
    grow, dx, dy = (1, 0, 0) if budget else (2, -70, -30)
    share = rgba[..., 3] / 255
    assert found[1] == "3" and share.max() == pytest.approx(0.5, abs=0.01)
    # nothing outside the box
    assert (
        not share[:, :20].any() and not share[:10].any() and not share[:, 180:].any() and not share[90:].any()
    )
    y, x = np.mgrid[:100, :200] + 0.5
    for u, v, colour in ((60.3, 40.6, (63, 144, 218)), (100, 50, (189, 31, 1))):
        near = np.hypot(x - u * grow - dx, y - v * grow - dy) < 8 * grow
        mass = share * near
        assert mass.sum() == pytest.approx(0.5 * np.pi * (4.5 * grow) ** 2, rel=0.03)
        centre = [(mass * x).sum() / mass.sum(), (mass * y).sum() / mass.sum()]
        assert centre == pytest.approx([u * grow + dx, v * grow + dy], abs=0.2 * grow)
        full = near & (share > 0.49)
        assert np.abs(rgba[full][:, :3] - colour).max() <= 2


def test_disks_that_overlap_mix_as_paint_over_paint(chromium, app):
    page = chromium.new_page()
    page.goto(app.url, wait_until="commit")
    page.wait_for_selector("link[rel=modulepreload][href$='dots.js']", state="attached")
    ours, judge = page.evaluate(
        """async () => {
          const { Dots } = await import(document.querySelector("link[rel=modulepreload][href$='dots.js']").href);
          const canvas = document.createElement("canvas"), palette = ["#3f90da", "#ffa90e", "#832db6"];
          const kinds = Uint8Array.from({ length: 40 }, (_, i) => (i * 7) % 3), px = new Float32Array(80).fill(20);
          new Dots(canvas).paint([40, 40], [0, 0, 40, 40], [{ px, kinds, palette, size: 12, opacity: 0.3 }]);
          const other = document.createElement("canvas").getContext("2d");
          other.globalAlpha = 0.3;
          for (const kind of kinds) (other.fillStyle = palette[kind]), other.fillRect(0, 0, 40, 40);
          return [canvas.getContext("2d"), other].map((brush) => Array.from(brush.getImageData(20, 20, 1, 1).data));
        }"""
    )
    page.close()
    assert ours == pytest.approx(judge, abs=4)
