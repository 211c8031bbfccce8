"""Models that share a recipe and a size, and models that change while the page is open."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hands import model_drawn
from support import MODELS

from vae import load_model
from vae.folders.files import write_folder

Z2, TWIN = "digits-tutorial-z2", "digits-tutorial-seed9-z2"


@pytest.fixture
def models(trained: Path, tmp_path: Path) -> Path:
    """The trained models, and one that differs from the first only in its seed and its epochs."""
    from vae.runs import Run, train_model

    folder = tmp_path / "models"
    shutil.copytree(trained, folder)
    run = Run("digits", "tutorial", 2, {"epochs": 3, "seed": 9})
    assert run.folder_name() == TWIN
    for _ in train_model(run, folder, device="cpu", umap=False):
        pass
    return folder


def decoded(page) -> np.ndarray:
    """z of HERE, and which model drew it."""
    here = page.locator(".here")
    return here.get_attribute("data-model"), json.loads(here.get_attribute("data-z"))


def test_a_model_that_differs_only_in_its_seed_is_reached_by_a_list_and_by_its_link(serve, visit, models):
    server = serve(models)
    page = visit(f"{server.url}?model={Z2}", ready=f".here[data-model='{Z2}'][data-by='browser']")
    twins = page.get_by_label("model", exact=True)
    assert sorted(twins.locator("option").all_text_contents()) == ["seed 0, 4 epochs", "seed 9, 3 epochs"]
    twins.select_option(TWIN)
    model_drawn(page, TWIN)
    page.wait_for_function("name => new URLSearchParams(location.search).get('model') === name", arg=TWIN)
    again = visit(page.url, ready=f".here[data-model='{TWIN}'][data-by='browser']")
    assert again.get_by_label("model", exact=True).input_value() == TWIN
    assert again.locator(".head__alarm").is_hidden()


def test_a_link_with_another_revision_says_that_the_model_has_changed_since(serve, visit, models):
    page = visit(f"{serve(models).url}?model={Z2}&rev=00000000", ready=f".here[data-model='{Z2}']")
    page.locator(".head__alarm:not([hidden])").get_by_text(f"{Z2} was trained again since").wait_for()


ASK_ON = """words => {
  [...document.querySelectorAll("button")].find((b) => b.textContent === "random").click();
  return document.querySelector(".head__alarm:not([hidden])")?.textContent.includes(words);
}"""  # a person goes on asking; the page looks for changed models with such a question


def test_a_model_trained_again_while_it_is_open_is_offered_and_loaded_by_a_press(serve, visit, models):
    page = visit(
        f"{serve(models).url}?model={Z2}&at=0.5,-0.5", ready=f".here[data-model='{Z2}'][data-by='browser']"
    )
    files = {p.name: p.read_bytes() for p in (models / TWIN).iterdir()}
    write_folder(models / Z2, files, force=True)
    page.wait_for_function(ASK_ON, arg=f"{Z2} was trained again", polling=300)
    name, z = decoded(page)
    page.get_by_role("button", name="Load it").click()
    page.wait_for_selector(".head__alarm[hidden]", state="attached")
    with torch.inference_mode():
        image = load_model(models / TWIN).decode(torch.tensor([z], dtype=torch.float32))[0, 0].numpy()
    page.wait_for_function(
        """wanted => {
          const canvas = document.querySelector(".here canvas"), {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          return wanted.every((ink, k) => Math.abs((255 - data[4 * k]) / 233 - ink) < 0.02);
        }""",
        arg=image.ravel().tolist(),
    )


def test_a_model_that_is_added_can_be_chosen_without_a_reload(serve, visit, models):
    shutil.move(models / "digits-tutorial-z5", models.parent / "aside")
    page = visit(f"{serve(models).url}?model={TWIN}", ready=f".here[data-model='{TWIN}'][data-by='browser']")
    five = page.get_by_role("group", name="size of z").get_by_role("button", name="5", exact=True)
    assert five.is_disabled()
    shutil.move(models.parent / "aside", models / "digits-tutorial-z5")
    page.wait_for_function(
        """() => {
          [...document.querySelectorAll("button")].find((b) => b.textContent === "random").click();
          return [...document.querySelectorAll("[aria-label='size of z'] button")].some((b) => b.textContent === "5" && b.ariaDisabled !== "true");
        }""",
        polling=300,
    )
    assert page.locator(".head__alarm").is_hidden(), "what is open has not changed"
    five.click()
    model_drawn(page, "digits-tutorial-z5")


def test_a_model_that_is_removed_while_it_is_open_is_said_with_a_way_on(serve, visit, models):
    ready = f".here[data-model='{TWIN}'][data-by='browser']"
    page = visit(
        f"{serve(models).url}?model={TWIN}", ready=ready, forgiving=True
    )  # its questions are refused
    shutil.rmtree(models / TWIN)
    page.wait_for_function(ASK_ON, arg=f"{TWIN} is no longer on the server", polling=300)
    page.get_by_role("button", name="Show another model").click()
    model_drawn(page, Z2)


def header(page) -> str:
    """What the header's folded form says is chosen: data set, recipe, size."""
    return page.locator(".head__fold").text_content()


def test_a_folder_that_now_holds_another_size_is_loaded_as_that_size(serve, visit, models):
    page = visit(f"{serve(models).url}?model={Z2}", ready=f".here[data-model='{Z2}'][data-by='browser']")
    files = {p.name: p.read_bytes() for p in (models / "digits-tutorial-z5").iterdir()}
    write_folder(models / Z2, files, force=True)
    page.wait_for_function(ASK_ON, arg=f"{Z2} was trained again", polling=300)
    page.get_by_role("button", name="Load it").click()
    page.wait_for_selector(".sizes__one[data-size='5'][aria-pressed='true']")
    page.wait_for_selector(f".latent-map[data-model='{Z2}'][data-chart='pca']")
    assert header(page).endswith("z 5")


def test_a_data_set_without_models_stays_chosen_over_a_reload_and_opens_with_its_first_model(
    serve, visit, models
):
    first = visit(f"{serve(models).url}?model={Z2}", ready=f".here[data-model='{Z2}'][data-by='browser']")
    first.get_by_role("button", name="Fashion").click()
    first.wait_for_function("location.search.includes('data=fashion-mnist')")
    page = visit(first.url, ready=".empty")
    assert header(page).startswith("Fashion") and page.locator(".head__alarm").is_hidden()
    name = "fashion-mnist-default-z2"
    write_folder(models / name, {p.name: p.read_bytes() for p in (MODELS / name).iterdir()})
    page.wait_for_function(
        """name => {
          document.dispatchEvent(new Event("visibilitychange"));
          return document.querySelector(".latent-map[data-ready]")?.dataset.model === name;
        }""",  # a person comes back to the page, now and then
        arg=name,
        polling=300,
    )
    assert header(page).startswith("Fashion")
