"""One way through the whole page, as the quick tests take it: the map, what is under the pointer, every tab, a drawing."""

import json

import numpy as np
import torch
from hands import axes_at, map_box, tab
from support import MODELS

from vae import load_model


def test_a_visitor_sees_the_map_decodes_opens_every_tab_and_draws_a_one(page):
    page.wait_for_selector(".latent-map .plot__dots[data-count='10000']", state="attached")
    page.wait_for_selector(".latent-map .plot__ground[data-what='manifold']", state="attached")
    page.wait_for_selector(".here[data-by='browser']")
    box = map_box(page)
    x, y = box["x"] + 0.35 * box["width"], box["y"] + 0.4 * box["height"]
    page.mouse.move(x, y)
    page.wait_for_function(
        "([u, v]) => { const z = JSON.parse(document.querySelector('.here').dataset.z); return Math.hypot(z[0] - u, z[1] - v) < 0.02; }",
        arg=axes_at(page, x, y),
    )
    z, drawn = page.locator(".here").evaluate(
        """here => {
          const canvas = here.querySelector("canvas"), { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          return [here.dataset.z, Array.from(data.filter((_, i) => i % 4 === 0))];
        }"""
    )
    with torch.inference_mode():
        image = load_model(MODELS / "mnist-default-z2").decode(torch.tensor([json.loads(z)]))[0, 0].numpy()
    assert np.abs(np.array(drawn).reshape(28, 28) - (255 - 233 * image)).max() <= 1.5

    for name in page.get_by_role("tab").all_text_contents():
        tab(page, name, READY[name])
    tab(page, "Draw", READY["Draw"])
    paper = page.locator(".desk__canvas").bounding_box()
    page.mouse.move(paper["x"] + 150, paper["y"] + 40)
    page.mouse.down()
    page.mouse.move(paper["x"] + 138, paper["y"] + 240, steps=6)
    page.mouse.up()
    page.wait_for_selector(".draw[data-vote='1']")


READY = {
    "Map": ".latent-map[data-ready]",
    "Manifold": ".manifold[data-ready]",
    "Compare": ".compare[data-ready]",
    "Draw": ".draw[data-map]",
    "About": ".about[data-ready]",
}
