"""Paths between A and B: their arithmetic against the library, scipy and torch, and what a hand does with them."""

import json
from itertools import pairwise

import numpy as np
import pytest
import torch
from hands import axes_at, map_box, model_drawn, window_at, z_near
from safetensors.numpy import load_file
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra
from support import MODELS, needs_model

from vae import Explorer, load_model
from vae.explorer import PATH_SAMPLES
from vae.space.chart import make_chart
from vae.ui.web.assets import tokens

Z2, Z20, CONV = "mnist-default-z2", "mnist-default-z20", "mnist-conv-z2"
PATH = tokens()["path"]


@pytest.fixture(scope="module")
def explorer():
    return Explorer(MODELS)


def pixel_length(name: str, z: np.ndarray) -> float:
    """The sum of Euclidean distances of what torch decodes one after the other."""
    with torch.inference_mode():
        images = (
            load_model(MODELS / name).decode(torch.from_numpy(np.asarray(z, np.float32))).flatten(1).double()
        )
    return float((images[1:] - images[:-1]).norm(dim=1).sum())


# ---- arithmetic


@pytest.mark.parametrize("method", ["linear", "slerp"])
@pytest.mark.parametrize("ends", ["any", "same direction", "opposite", "zero"])
def test_the_browser_walks_as_the_library_does(bench, explorer, method, ends):
    a = np.random.default_rng(0).standard_normal(20).astype(np.float32)
    b = {
        "any": np.random.default_rng(1).standard_normal(20),
        "same direction": 2 * a,
        "opposite": -a,
        "zero": 0 * a,
    }[ends].astype(np.float32)
    answer = bench.evaluate(
        "([a, b, method]) => lx.walk(a, b, 12, method).map((z) => [...z])", [a.tolist(), b.tolist(), method]
    )
    assert np.array(answer) == pytest.approx(explorer.interpolate(Z20, a, b, 12, method)["z"], abs=1e-5)


@pytest.mark.parametrize("guided", [False, True])
def test_the_shortest_way_over_a_lattice_is_scipys(bench, guided):
    config = json.loads((MODELS / Z2 / "config.json").read_text())["model"]
    answer = bench.evaluate(
        """async ([config, a, b, guided]) => {
          const net = new lx.Net(await lx.read(config.name, "model"), config), lattice = new lx.Lattice(a, b, { between: 8, beyond: 3, beside: 6 });
          const count = lattice.columns * lattice.rows, images = Array.from({ length: count }, (_, n) => net.decode(lattice.place(n)));
          const cost = (n, m) => lx.apart(images[n], images[m]), edges = [];
          for (let n = 0; n < count; n += 1) for (const m of lattice.edges(n)) edges.push([n, m]);
          const search = lx.dijkstra({ from: lattice.from, to: lattice.to, edges: (n) => lattice.edges(n), cost,
            ...(guided ? { bound: (n) => cost(n, lattice.to) } : {}) });
          let step = search.next();
          while (!step.done) step = search.next();
          return { ...step.value, edges, count, from: lattice.from, to: lattice.to, places: Array.from({ length: count }, (_, n) => lattice.place(n)) };
        }""",
        [{**config, "name": Z2}, [-1.0, -0.5], [0.9, 1.1], guided],
    )
    places, edges = np.array(answer["places"], np.float32), np.array(answer["edges"])
    assert places[answer["from"]] == pytest.approx([-1.0, -0.5], abs=1e-6) and places[
        answer["to"]
    ] == pytest.approx([0.9, 1.1], abs=1e-6)
    with torch.inference_mode():
        images = load_model(MODELS / Z2).decode(torch.from_numpy(places)).flatten(1).double()
    costs = (images[edges[:, 0]] - images[edges[:, 1]]).norm(dim=1).numpy()
    graph = csr_matrix((costs, edges.T), shape=(answer["count"],) * 2)
    assert answer["length"] == pytest.approx(dijkstra(graph, indices=answer["from"])[answer["to"]], rel=1e-4)
    assert sum(graph[n, m] for n, m in pairwise(answer["nodes"])) == pytest.approx(answer["length"], rel=1e-4)


def seek(bench, name: str, chart, question: dict) -> dict:
    """The worker's whole answer about a path."""
    config = json.loads((MODELS / name / "config.json").read_text())["model"]
    return bench.evaluate(
        """async ([name, config, chart, question]) => {
          const { mu, labels } = await lx.read(name, "codes"), codes = new lx.Codes(mu.data, config.latent_dim, labels.data);
          const model = { mu: mu.data, net: new lx.Net(await lx.read(name, "model"), config), codes, gaps: codes.gaps(20) };
          const search = lx.seek(model, lx.makeChart(chart, model), question);
          let step = search.next();
          while (!step.done) step = search.next();
          return { ...step.value, images: step.value.images && step.value.images.map((image) => [...image]) };
        }""",
        [name, config, {"origin": chart.origin.tolist(), "basis": chart.basis.tolist()}, question],
    )


@pytest.mark.parametrize(
    ("name", "kind", "images"), [(Z2, "axes:0,1", (5, 40)), (Z2, "axes:0,1", (3, 30)), (Z20, "pca", (5, 2))]
)
def test_the_shortest_path_is_as_long_as_torch_says_and_never_longer_than_the_straight_one(
    bench, name, kind, images
):
    mu = load_file(MODELS / name / "codes.safetensors")["mu"].astype(np.float32)
    chart = make_chart(kind, mu)
    a, b = chart.to_plane(mu[list(images)])
    found = seek(
        bench,
        name,
        chart,
        {
            "kind": "shortest",
            "a": a.tolist(),
            "b": b.tolist(),
            "samples": 64,
            "count": 12,
            "same": 0.01,
            "gain": 0.002,
            "lattice": {"between": 12, "beyond": 6, "beside": 12},
            "near": 3,
            "points": 25,
            "sweeps": 4,
        },
    )
    line = np.array(found["line"])
    assert line[0] == pytest.approx(a, abs=1e-5) and line[-1] == pytest.approx(b, abs=1e-5)

    def fine(points: np.ndarray) -> np.ndarray:
        gone = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
        at = np.linspace(0, gone[-1], 65)
        return chart.to_latent(np.stack([np.interp(at, gone, points[:, k]) for k in (0, 1)], 1))

    assert found["length"] == pytest.approx(pixel_length(name, fine(line)), rel=1e-3)
    assert found["straight"] == pytest.approx(pixel_length(name, fine(np.stack([a, b]))), rel=1e-3)
    assert found["length"] <= found["straight"]
    assert found["asShort"] == (found["length"] == found["straight"])
    zs = np.array(found["zs"], np.float32)
    with torch.inference_mode():
        decoded = load_model(MODELS / name).decode(torch.from_numpy(zs)).flatten(1).numpy()
    assert np.abs(np.array(found["images"]) / 255 - decoded).max() <= 1.01 / 255
    steps = [np.linalg.norm(np.diff(decoded, axis=0), axis=1).sum(), found["length"]]
    assert steps[0] <= steps[1] * 1.001  # twelve pictures cut the corners of the way


def test_where_the_picture_changes_evenly_the_straight_path_is_the_shortest(bench):
    answer = bench.evaluate(
        """() => {
          const points = [[0, 0], [0.3, 0.5], [0.7, -0.4], [1, 0]], decode = ([u, v]) => Float32Array.of(3 * u + v, v, 2 * u), images = points.map(decode);
          for (let turn = 0; turn < 60; turn += 1) lx.relax(points, images, decode, () => [[3, 0, 2], [1, 1, 0]]);
          return points;
        }"""
    )
    assert np.array(answer) == pytest.approx(np.array([[0, 0], [1 / 3, 0], [2 / 3, 0], [1, 0]]), abs=1e-3)


# ---- under a hand

SHORTEST = ".route__strip[aria-label*='shortest'][data-ready]:not(.busy)"


def strip_zs(page, row: int = 0) -> np.ndarray:
    return np.array(json.loads(page.locator(".route__strip").nth(row).get_attribute("data-zs")))


def spot(page, across: float, down: float) -> tuple[float, float]:
    box = map_box(page)
    return box["x"] + across * box["width"], box["y"] + down * box["height"]


def shift_click(page, x: float, y: float) -> None:
    page.keyboard.down("Shift")
    page.mouse.click(x, y)
    page.keyboard.up("Shift")


def test_two_clicks_with_shift_draw_both_paths_with_their_pictures_and_lengths(page):
    page.wait_for_selector(".here[data-by='browser']")
    places = [spot(page, 0.45, 0.6), spot(page, 0.55, 0.4)]
    ends = [axes_at(page, *place) for place in places]
    shift_click(page, *places[0])
    assert page.locator(".route").get_by_text("A is set").is_visible()
    shift_click(page, *places[1])
    page.wait_for_selector(SHORTEST)
    zs = strip_zs(page)
    assert zs == pytest.approx(np.linspace(*np.array(ends), 12), abs=0.02)
    lengths = [
        float(page.locator(".route__text").nth(row).locator("[data-length]").get_attribute("data-length"))
        for row in (0, 1)
    ]
    assert lengths[0] == pytest.approx(
        pixel_length(Z2, np.linspace(zs[0], zs[-1], PATH_SAMPLES + 1)), rel=2e-3
    )
    assert lengths[1] < lengths[0]
    assert page.locator(".path .route__line--shortest").count() == 1
    assert page.evaluate(
        "document.documentElement.scrollHeight <= innerHeight && document.documentElement.scrollWidth <= innerWidth"
    )
    x, y = window_at(page, *ends[0])
    mark = page.locator(".path__end[data-end='a']").bounding_box()
    assert mark["x"] + mark["width"] / 2 == pytest.approx(x, abs=1.5) and mark["y"] + mark[
        "height"
    ] / 2 == pytest.approx(y, abs=1.5)

    page.locator(".route__strip").nth(1).locator(".route__one").nth(5).click()
    z_near(page, dict(enumerate(strip_zs(page, 1)[5])), 1e-4)


def test_an_end_can_be_moved_by_hand(page):
    page.wait_for_selector(".here[data-by='browser']")
    shift_click(page, *spot(page, 0.45, 0.3))
    shift_click(page, *spot(page, 0.6, 0.3))
    page.wait_for_selector(".route__strip[data-ready]")
    page.mouse.move(*spot(page, 0.6, 0.3))
    page.mouse.down()
    page.mouse.move(*spot(page, 0.5, 0.2), steps=3)
    page.mouse.up()
    u, v = axes_at(page, *spot(page, 0.5, 0.2))
    page.wait_for_function(
        """([u, v]) => {
          const z = JSON.parse(document.querySelector(".route__strip").dataset.zs).at(-1);
          return Math.hypot(z[0] - u, z[1] - v) < 0.02;
        }""",
        arg=[u, v],
    )
    page.wait_for_selector(SHORTEST)
    assert page.locator(".route__text [data-length]").count() >= 1
    assert page.locator(".selected-image").get_attribute("data-index") == "0"


def test_the_keys_a_and_b_set_the_path_at_the_cursor_and_escape_takes_it_away_first(page):
    page.wait_for_selector(".here[data-by='browser']")
    page.locator(".legend__key[data-label='3']").click()
    page.locator(".latent-map__plot").focus()
    start = json.loads(page.locator(".here").get_attribute("data-z"))
    page.keyboard.press("a")
    page.keyboard.press("Shift+ArrowLeft")
    z_near(page, {1: start[1]}, 1e-3)
    page.keyboard.press("b")
    page.wait_for_selector(".route__strip[data-ready]")
    assert strip_zs(page)[0] == pytest.approx(start, abs=1e-3) and strip_zs(page)[-1][0] < start[0] - 0.1
    page.keyboard.press("Escape")
    page.wait_for_selector(".route", state="hidden")
    assert page.locator(".legend__key[data-label='3']").get_attribute("aria-pressed") == "false"
    page.keyboard.press("Escape")
    page.wait_for_selector(".legend__key[data-label='3'][aria-pressed='true']")
    assert page.locator(".path__end:visible").count() == 0


def test_ends_at_images_stay_with_them_through_sizes_and_other_places_go(page):
    page.wait_for_selector(".here[data-by='browser']")
    page.get_by_role("button", name="as A", exact=True).click()
    page.get_by_label("test image number").fill("42")
    page.get_by_label("test image number").press("Enter")
    page.wait_for_selector(".selected-image[data-index='42']")
    page.get_by_role("button", name="as B", exact=True).click()
    page.wait_for_selector(".route__strip[data-ready]")
    mu = load_file(MODELS / Z2 / "codes.safetensors")["mu"].astype(np.float32)
    assert strip_zs(page)[[0, -1]] == pytest.approx(mu[[0, 42]], abs=1e-3)
    page.locator("[data-size='20']").first.click()
    model_drawn(page, Z20)
    page.wait_for_function("JSON.parse(document.querySelector('.route__strip').dataset.zs)[0].length === 20")
    mu = load_file(MODELS / Z20 / "codes.safetensors")["mu"].astype(np.float32)
    chart = make_chart("pca", mu)
    # the places on the plane
    assert strip_zs(page)[[0, -1]] == pytest.approx(chart.to_latent(chart.to_plane(mu[[0, 42]])), abs=2e-3)
    page.get_by_text("from place to place on the plane").wait_for()
    page.get_by_role("button", name="B here").click()
    page.locator("[data-size='2']").first.click()
    model_drawn(page, Z2)
    page.get_by_text("A is set").wait_for()


def test_a_spherical_path_turns_evenly_and_is_refused_where_it_is_undefined(visit, app, explorer):
    page = visit(f"{app.url}?path=-1,-0.5;0.5,1;slerp")
    page.wait_for_selector(".route__strip[data-ready]")
    assert strip_zs(page) == pytest.approx(
        explorer.interpolate(Z2, [-1, -0.5], [0.5, 1], 12, "slerp")["z"], abs=1e-4
    )
    page.get_by_role("button", name="straight", exact=True).click()
    page.wait_for_selector(".route[data-method='linear']")
    again = visit(f"{app.url}?path=0,0;0.5,1;slerp")
    again.get_by_text("A is the origin z = 0").wait_for()
    again.get_by_role("button", name="straight", exact=True).click()
    again.wait_for_selector(".route__strip[data-ready]")


def test_a_link_restores_the_path(page, visit, app):
    page.wait_for_selector(".here[data-by='browser']")
    page.get_by_role("button", name="as A", exact=True).click()
    page.get_by_role("button", name="as B", exact=True).wait_for()
    shift_click(page, *spot(page, 0.5, 0.3))
    page.wait_for_selector(".route__strip[data-ready]")
    zs = strip_zs(page)
    page.get_by_role("button", name="Copy a link to this view").click()
    page.wait_for_function("location.search.includes('path=0;')")
    again = visit(page.url)
    again.wait_for_selector(".route__strip[data-ready]")
    assert strip_zs(again) == pytest.approx(zs, abs=2e-3)


@pytest.mark.parametrize(
    "path",
    ["NaN,1;0,0;linear", "1;2;cubic", "1,2,3;0,0;linear", ";;linear", "1e99,0;0,0;slerp", "-4;3;linear"],
)
def test_a_link_to_no_path_says_so_in_one_line(visit, app, path):
    page = visit(f"{app.url}?path={path}")
    assert f"the path {path}" in page.locator(".head__alarm").text_content()
    assert page.locator(".route").is_hidden()


def test_a_convolutional_model_has_its_paths_without_the_server(visit, app, explorer):
    needs_model(CONV)
    page = visit(f"{app.url}?recipe=conv&path=-1,-0.5;0.5,1;slerp")
    page.wait_for_selector(".route__strip[data-ready]")
    assert "server" not in page.locator(".route__text").first.inner_text()
    assert strip_zs(page) == pytest.approx(
        explorer.interpolate(CONV, [-1, -0.5], [0.5, 1], 12, "slerp")["z"], abs=1e-4
    )
    length = float(page.locator(".route__text [data-length]").get_attribute("data-length"))
    assert length == pytest.approx(
        pixel_length(CONV, explorer.interpolate(CONV, [-1, -0.5], [0.5, 1], PATH_SAMPLES + 1, "slerp")["z"]),
        rel=1e-3,
    )
    page.wait_for_selector(SHORTEST)
    found = explorer.shortest_path(CONV, [-1, -0.5], [0.5, 1])
    assert page.locator(".route").get_attribute("data-short") == (
        "straight" if found["length"] > 0.99 * found["straight"] else "other"
    )
    ends = strip_zs(page, 1)
    assert ends[[0, -1]] == pytest.approx(np.array([[-1, -0.5], [0.5, 1]]), abs=1e-4)


def test_the_servers_shortest_path_is_as_short_as_the_browsers(bench, explorer):
    chart = explorer.chart(Z2)
    a, b = chart.to_plane(explorer.codes(Z2)["mu"][[5, 40]])
    here = seek(
        bench,
        Z2,
        chart,
        {
            "kind": "shortest",
            "a": a.tolist(),
            "b": b.tolist(),
            "samples": PATH_SAMPLES,
            "count": 12,
            **PATH["search"],
        },
    )
    there = explorer.shortest_path(Z2, a, b)
    assert there["straight"] == pytest.approx(here["straight"], rel=1e-3)
    assert there["length"] == pytest.approx(here["length"], rel=0.03)


def test_a_place_of_one_chart_is_carried_to_another_through_its_z(visit, app):
    page = visit(f"{app.url}?data=mnist&z=20&chart=pca&path=-1,0.5;42;linear")
    page.wait_for_selector(".route__strip[data-ready]")
    mu = load_file(MODELS / Z20 / "codes.safetensors")["mu"].astype(np.float32)
    pca, axes = make_chart("pca", mu), make_chart("axes:0,1", mu)
    before = strip_zs(page)[0]
    assert before == pytest.approx(pca.to_latent(np.array([[-1, 0.5]]))[0], abs=1e-3)
    page.get_by_label("chart", exact=True).select_option("axes")
    page.wait_for_selector(".latent-map[data-chart='axes:0,1']")
    page.wait_for_function(
        "old => JSON.parse(document.querySelector('.route__strip').dataset.zs)[0][5] !== old", arg=before[5]
    )
    assert strip_zs(page)[0] == pytest.approx(axes.to_latent(axes.to_plane(before[None]))[0], abs=2e-3)
    assert strip_zs(page)[-1] == pytest.approx(axes.to_latent(axes.to_plane(mu[[42]]))[0], abs=2e-3)


def test_a_link_to_an_image_that_is_not_there_says_so(visit, app):
    page = visit(f"{app.url}?path=999999;0,1;linear")
    page.get_by_text("there is no 999999 for the path").wait_for()
    page.get_by_text("B is set").wait_for()


def test_the_pointer_decodes_while_the_shortest_path_is_looked_for(visit, app):
    page = visit(f"{app.url}?path=-2,-1.5;1.8,1.5;linear")
    page.get_by_text("looking for the shortest path").wait_for()
    x, y = spot(page, 0.5, 0.3)
    page.mouse.move(x, y)
    u, v = axes_at(page, x, y)
    z_near(page, {0: u, 1: v}, 0.02)
    assert page.locator(".route__text").nth(1).text_content().startswith(("looking for", "smoothing"))


def test_a_finger_sets_both_ends_and_the_strip_fits_under_the_map(visit, app):
    page = visit(app.url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.wait_for_selector(".here[data-by='browser']")
    for name, place in (("A here", (0.4, 0.4)), ("B here", (0.6, 0.6))):
        page.touchscreen.tap(*spot(page, *place))
        page.get_by_role("button", name=name).tap()
    page.wait_for_selector(".route__strip[data-ready]")
    drawer, plot = page.locator(".route").bounding_box(), map_box(page)
    assert drawer["y"] >= plot["y"] + plot["height"] - 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator(".route__one canvas").first.bounding_box()["width"] == 28


def test_a_path_is_not_lost_when_the_map_is_drawn_anew_meanwhile(visit, app):
    page = visit(f"{app.url}?path=-1,0.5;1,-0.5;linear&ground=none")
    page.wait_for_function("document.querySelectorAll('.route__strip[data-ready]').length === 2")
    before, written = strip_zs(page), page.locator(".route__strip").first.get_attribute("data-zs")
    page.evaluate(
        """async () => {
          const { get, set } = (await import(document.querySelector("link[rel=modulepreload][href$='mapview.js']").href)).main;
          set({ path: { ...get().path, b: { uv: [0.5, 1.5] } } });
          await Promise.resolve();
          await Promise.resolve();
          set({ frame: { ...get().frame } });
        }"""
    )
    page.wait_for_function("old => document.querySelector('.route__strip').dataset.zs !== old", arg=written)
    assert strip_zs(page)[-1] == pytest.approx([0.5, 1.5], abs=1e-4) and strip_zs(page)[0] == pytest.approx(
        before[0], abs=1e-6
    )
