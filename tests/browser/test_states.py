"""What the page says when something is not there: models, images, the server."""

import shutil

import pytest
from hands import tab
from support import MODELS, needs_model


def test_an_empty_models_folder_says_how_to_train_in_seconds(serve, visit, tmp_path):
    page = visit(serve(models=tmp_path).url, ready=".latent-map .empty")
    assert page.get_by_role("heading", name="There is no model here yet").is_visible()
    assert page.get_by_text("--dataset digits").first.is_visible()
    for name, drawn in {
        "Manifold": ".manifold .empty",
        "Compare": ".compare .empty",
        "Draw": ".draw .empty",
        "About": ".about .empty",
    }.items():
        tab(page, name, drawn)


def test_a_broken_model_is_listed_with_its_reason_and_stops_nothing(serve, visit, tmp_path):
    shutil.copytree(MODELS / "mnist-default-z2", tmp_path / "mnist-default-z2")
    shutil.copytree(MODELS / "mnist-default-z2", tmp_path / "mnist-broken-z2")
    (tmp_path / "mnist-broken-z2" / "config.json").write_text("{")
    shutil.copytree(MODELS / "mnist-default-z20", tmp_path / "mnist-default-z20")
    weights = tmp_path / "mnist-default-z20" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])  # only opening it finds this fault
    page = visit(serve(models=tmp_path).url, ready=".latent-map[data-model='mnist-default-z2'][data-ready]")
    tab(page, "About", ".about[data-ready]")
    assert "config.json" in page.locator("[data-broken='mnist-broken-z2']").text_content()


@pytest.fixture(scope="module")
def no_data(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def bare(serve_long, no_data):
    """A public page without any data set on disk."""
    return serve_long(MODELS, no_data, "--public")


def test_without_the_images_the_page_says_so_in_one_line_and_the_rest_works(bare, visit):
    page = visit(bare.url)
    page.locator(".selected-image .fetch").get_by_text(
        "The original images of MNIST are not on this server"
    ).wait_for()
    assert page.locator(".selected-image canvas").count() == 1  # the reconstruction alone
    assert page.locator(".nearest canvas").count() == 5
    page.locator("[data-size='20']").click()
    page.wait_for_selector(".latent-map[data-model='mnist-default-z20']")


def test_a_public_page_offers_no_download_and_lets_no_visitor_start_one(bare, visit, no_data):
    page = visit(bare.url)
    page.locator(".selected-image .fetch").get_by_text(
        "visitors of a public page cannot start downloads"
    ).wait_for()
    assert page.locator(".selected-image .fetch button").count() == 0
    news = page.evaluate(
        """async () => {
          const folder = document.querySelector("link[rel=modulepreload][href$='space/net.js']").href.replace("space/net.js", "");
          const [{ on }, { fetchImages }] = await Promise.all(["state/store.js", "explorer/server.js"].map((name) => import(folder + name)));
          return new Promise((told) => {
            on(["downloads"], ({ downloads }) => downloads.mnist && told(downloads.mnist));
            fetchImages("mnist");
          });
        }"""
    )
    assert "visitors cannot start downloads" in news["error"]
    assert list(no_data.iterdir()) == []


def test_a_size_without_a_model_cannot_be_pressed_and_names_its_command(serve, visit, tmp_path):
    shutil.copytree(MODELS / "mnist-default-z2", tmp_path / "mnist-default-z2")
    page = visit(serve(models=tmp_path).url)
    ten = page.get_by_role("group", name="size of z").get_by_role("button", name="10")
    ten.hover()
    assert (
        f"python -m vae train --dataset mnist --recipe default --latent-dims 10 --out {tmp_path}"
        in page.locator(".hint").text_content()
    )
    ten.click(force=True)
    assert page.locator(".latent-map").get_attribute("data-model") == "mnist-default-z2"


def test_a_lost_server_is_announced_and_the_picture_stays(serve, visit):
    needs_model("mnist-default-z2")
    server = serve()
    page = visit(server.url, forgiving=True)
    server.stop()
    page.locator(".nearest__one").nth(2).click()
    page.wait_for_selector(".head__alarm:not([hidden])")
    assert "The server does not answer" in page.locator(".head__alarm").text_content()
    assert page.locator(".latent-map[data-ready]").count() == 1


@pytest.mark.parametrize("width, height", [(1280, 800), (1920, 1080)])
def test_nothing_overflows_at_the_usual_sizes(visit, app, width, height):
    page = visit(app.url, viewport={"width": width, "height": height})
    assert page.evaluate(
        "document.documentElement.scrollHeight <= innerHeight && document.documentElement.scrollWidth <= innerWidth"
    )
    assert page.evaluate("(e => e.scrollHeight <= e.clientHeight)(document.querySelector('.inspector'))")


@pytest.mark.parametrize("lost", ["page/boot.js", "tabs/about.js"])
def test_a_part_whose_module_cannot_be_loaded_says_to_reload_the_page(visit, app, lost):
    page = visit("about:blank", ready=None, forgiving=True, service_workers="block")  # a profile of its own
    page.route(f"**/js/{lost}", lambda route: route.abort())
    page.goto(app.url, wait_until="commit")
    tab(page, "About", "[data-part=about]")
    page.locator("[data-part=about]").get_by_text("could not be loaded. Reload the page.").wait_for()
