"""A conditional model on the page: drawn in the browser, as the class that is chosen."""

import numpy as np
import pytest
import torch

from vae import Explorer, load_model
from vae.explorer import PATH_SAMPLES

COND, WAY = "digits-tutorial-cond-sigma-z2", ([-1.0, -0.5], [0.5, 1.0])


def drawn(page) -> np.ndarray:
    """The picture at HERE as ink on the light theme's paper, 0 to 1."""
    read = "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data].filter((_, i) => i % 4 === 0)"
    return (255 - np.array(page.locator(".here canvas").evaluate(read), float)) / (255 - 22)


def test_a_conditional_model_draws_the_chosen_class_without_a_question(serve, visit, trained):
    page = visit(
        f"{serve(trained).url}?data=digits&recipe=tutorial-cond-sigma&z=2&at=0.5,-0.5&as=3",
        ready=f".here[data-model='{COND}'][data-by='browser']",
    )
    with torch.inference_mode():
        z = torch.tensor([[0.5, -0.5]]).expand(10, -1)
        images = load_model(trained / COND).decode(z, torch.arange(10)).flatten(1).numpy()
    assert np.abs(drawn(page) - images[3]).max() <= 1.5 / 233
    asked = []
    page.on("request", lambda request: asked.append(request.post_data or ""))
    page.get_by_label("decoded as class").select_option("7")
    page.wait_for_function("() => new URLSearchParams(location.search).get('as') === '7'")
    assert np.abs(drawn(page) - images[7]).max() <= 1.5 / 233
    assert np.abs(images[7] - images[3]).max() > 5 / 233  # else nothing was seen
    assert not [body for body in asked if '"place"' in body]


def test_a_link_to_a_class_that_is_not_there_says_so_in_one_line(serve, visit, trained):
    page = visit(
        f"{serve(trained).url}?data=digits&recipe=tutorial-cond-sigma&z=2&as=10",
        ready=f".here[data-model='{COND}'][data-by='browser']",
    )
    assert "the class to draw 10" in page.locator(".head__alarm").text_content()
    assert page.get_by_label("decoded as class").input_value() == "0"


def test_a_path_through_a_conditional_model_is_measured_in_the_pictures_of_the_chosen_class(
    serve, visit, trained
):
    page = visit(
        f"{serve(trained).url}?data=digits&recipe=tutorial-cond-sigma&z=2&path=-1,-0.5;0.5,1;linear&as=3",
        ready=".route__text [data-length]",
    )
    explorer, steps = Explorer(trained), PATH_SAMPLES
    lengths = [explorer.path_length(COND, *WAY, label=label, steps=steps) for label in (3, 8)]
    assert lengths[0] != pytest.approx(lengths[1], rel=0.01)  # else nothing was seen
    told = """wanted => {
      const length = document.querySelector(".route__text").querySelector("[data-length]")?.dataset.length;
      return Math.abs(length / wanted - 1) < 2e-3;
    }"""
    page.wait_for_function(told, arg=lengths[0])
    page.get_by_label("decoded as class").select_option("8")
    page.wait_for_function(told, arg=lengths[1])
    page.wait_for_selector(".route__strip[aria-label*='shortest'][data-ready]:not(.busy)")
    found = explorer.shortest_path(COND, *WAY, label=8)
    shortest = page.locator(".route").get_attribute("data-short")
    assert shortest == ("straight" if found["length"] > 0.99 * found["straight"] else "other")


def test_the_browser_against_the_server_holds_for_conditional_and_convolutional_nets(
    serve, visit, app, trained
):
    for address in (
        f"{serve(trained).url}?data=digits&recipe=tutorial-cond-sigma&z=2",
        f"{app.url}?recipe=conv",
    ):
        page = visit(address)
        page.get_by_role("tab", name="About", exact=True).click()
        page.get_by_role("button", name="Compare now").click()
        page.wait_for_selector(".twin [data-ready]")
        for kind in ("image", "code"):
            apart = float(page.locator(".twin [data-ready]").get_attribute(f"data-{kind}"))
            assert apart < 1e-4, (address, kind)
