"""Choosing codes with a box or a lasso: which they are, what is said of them, and what can be taken away."""

import csv
import io
import json
from itertools import pairwise

import numpy as np
import pytest
import torch
from hands import axes_at, map_box, watch_questions, window_at
from safetensors.numpy import load_file
from scipy.spatial import cKDTree
from support import MODELS, ROOT, needs_images, needs_model

from vae import load_model
from vae.data.load import load_split

Z2, Z20 = "mnist-default-z2", "mnist-default-z20"
LASSO = [
    (0.62, 0.2),
    (0.75, 0.3),
    (0.7, 0.5),
    (0.58, 0.42),
    (0.52, 0.5),
    (0.5, 0.3),
]  # shares of the map: a shape with a dent
# where Plotly's axes put each place of the chart, and how opaque the codes' canvas is there
DRAWN = """(uv) => {
  const canvas = document.querySelector(".latent-map .plot__dots"), { xaxis, yaxis } = document.querySelector(".latent-map .plot__points")._fullLayout;
  const { data, width } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return uv.map(([u, v]) => {
    const x = Math.floor(xaxis._offset + xaxis.d2p(u)), y = Math.floor(yaxis._offset + yaxis.d2p(v));
    return [x, y, data[4 * (y * width + x) + 3]];
  });
}"""


@pytest.fixture(scope="module")
def codes():
    return load_file(MODELS / Z2 / "codes.safetensors")


@pytest.fixture
def page(visit, app):
    """The page once its model has come."""
    page = visit(app.url, ready=".here[data-by='browser']")
    page.wait_for_selector(".nearest[data-ready]")
    return page


def tool(page, name: str) -> None:
    page.locator(f"[data-tool='{name}']").click()


def places(page, shares) -> list[tuple[float, float]]:
    box = map_box(page)
    return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in shares]


def size_of_z(page, size: int) -> None:
    page.get_by_role("group", name="size of z").get_by_role("button", name=str(size), exact=True).click()
    page.wait_for_selector(f".latent-map[data-model='mnist-default-z{size}'][data-ready]")
    page.wait_for_selector(f".here[data-model='mnist-default-z{size}'][data-by='browser']")


def stroke(page, shares) -> np.ndarray:
    """Draws through shares of the map with the mouse; gives the path in the chart's own numbers, as Plotly's axes say."""
    path = places(page, shares)
    page.mouse.move(*path[0])
    page.mouse.down()
    for place in path[1:]:
        page.mouse.move(*place, steps=8)
    page.mouse.up()
    return np.array([axes_at(page, *place) for place in path])


def chosen(page) -> int:
    """Waits for the sheet and gives its count."""
    page.wait_for_selector(".chosen[data-ready][data-z]")
    return int(page.locator(".chosen").get_attribute("data-count"))


def table(page) -> tuple[str, list[dict]]:
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    return download.value.suggested_filename, list(
        csv.DictReader(io.StringIO(download.value.path().read_text()))
    )


def indices(page) -> np.ndarray:
    return np.array([int(row["index"]) for row in table(page)[1]])


def ink(page, canvas: str) -> np.ndarray:
    """How much ink each pixel of a canvas holds on the light theme's paper, 0 to 1."""
    read = "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data].filter((_, i) => i % 4 === 0)"
    return (255 - np.array(page.locator(canvas).evaluate(read), float)) / (255 - 22)


def turned(line: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """How often a closed line runs round each place: the angles under which its sides are seen, added up."""
    seen = np.zeros(len(uv))
    for a, b in pairwise([*line, line[0]]):
        one, two = a - uv, b - uv
        seen += np.arctan2(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0], (one * two).sum(1))
    return np.rint(seen / (2 * np.pi))


def distance(line: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """How far each place is from a closed line."""
    best = np.full(len(uv), np.inf)
    for a, b in pairwise([*line, line[0]]):
        t = np.clip(((uv - a) @ (b - a)) / ((b - a) @ (b - a)), 0, 1)
        best = np.minimum(best, np.hypot(*(uv - a - t[:, None] * (b - a)).T))
    return best


def a_pixel(page) -> float:
    box = map_box(page)
    (a, _), (b, _) = (
        axes_at(page, box["x"] + 100, box["y"] + 100),
        axes_at(page, box["x"] + 200, box["y"] + 100),
    )
    return (b - a) / 100


def holds(page, line: np.ndarray, found: np.ndarray, uv: np.ndarray) -> None:
    """Whether the found codes are those inside a line; within a pixel and a half of it either answer is right."""
    clear = distance(line, uv) > 1.5 * a_pixel(page)
    assert clear.mean() > 0.9
    wanted = np.flatnonzero((turned(line, uv) != 0) & clear)
    assert 100 < len(wanted) < len(uv)
    assert found[clear[found]].tolist() == wanted.tolist()


def test_a_box_holds_the_codes_between_its_edges(page, codes):
    tool(page, "box")
    (u0, v1), (u1, v0) = stroke(page, [(0.3, 0.4), (0.5, 0.6)])
    n = chosen(page)
    found = indices(page)
    counts = page.locator(".chosen__classes li").evaluate_all(
        "all => all.map((li) => [li.dataset.label, li.querySelector('b').textContent.replace(/\\D/g, '')])"
    )
    held = np.bincount(codes["labels"][found], minlength=10)
    assert n == len(found) and {int(label): int(count) for label, count in counts} == {
        k: c for k, c in enumerate(held) if c
    }
    mu, slack = codes["mu"].astype(np.float64), 0.6 * a_pixel(page)
    between = lambda by: np.flatnonzero((mu > [u0 - by, v0 - by]).all(1) & (mu < [u1 + by, v1 + by]).all(1))  # noqa: E731
    assert set(between(-slack)) <= set(found) <= set(between(slack))


def test_a_lasso_holds_the_codes_it_runs_round(page, codes):
    tool(page, "lasso")
    line = stroke(page, LASSO)
    chosen(page)
    holds(page, line, indices(page), codes["mu"].astype(np.float64))


def test_a_drag_with_a_tool_draws_and_does_not_move_the_map(page):
    view = "(({ xaxis, yaxis }) => [...xaxis.range, ...yaxis.range])(document.querySelector('.latent-map .plot__points')._fullLayout)"
    before = page.evaluate(view)
    tool(page, "lasso")
    stroke(page, LASSO)
    chosen(page)
    assert page.evaluate(view) == before
    tool(page, "pan")
    stroke(page, [(0.5, 0.5), (0.6, 0.6)])
    page.wait_for_function(f"old => Math.abs({view}[0] - old) > 0.1", arg=before[0])
    assert chosen(page) > 100  # what is chosen outlives the tool


def test_the_outline_stays_on_its_places_when_the_map_zooms(page):
    tool(page, "box")
    corner, _ = stroke(page, [(0.3, 0.4), (0.5, 0.6)])
    chosen(page)
    page.get_by_role("button", name="Closer").click()
    page.get_by_role("button", name="Closer").click()
    at = "(({ left, top }) => [left, top])(document.querySelector('.pick__line').getBoundingClientRect())"
    page.wait_for_function(
        f"([x, y]) => {{ const [left, top] = {at}; return Math.hypot(left - x, top - y) < 3; }}",
        arg=window_at(page, *corner),
    )


def test_the_chosen_stand_out_and_the_others_turn_pale(page, codes):
    page.get_by_label("ground").select_option("none")
    tool(page, "box")
    stroke(page, [(0.3, 0.4), (0.5, 0.6)])
    n = chosen(page)
    within = np.zeros(len(codes["mu"]), bool)
    within[indices(page)] = True
    places = np.array(page.evaluate(DRAWN, codes["mu"].astype(float).tolist()))
    near = cKDTree(places[:, :2]).query(places[:, :2], 2)[0][:, 1] > 8  # nothing else is painted there
    assert (near & within).sum() >= 5 and (near & ~within).sum() >= 50
    assert places[near & ~within, 2].max() < 0.25 * 255 < 0.5 * 255 < places[near & within, 2].min()
    page.get_by_label("colour").select_option("kl")
    page.get_by_label("ground").select_option("density")
    page.wait_for_selector(".latent-map[data-colour='kl']")
    assert chosen(page) == n
    again = np.array(page.evaluate(DRAWN, codes["mu"].astype(float).tolist()))
    assert again[near & ~within, 2].max() < 0.25 * 255 < 0.5 * 255 < again[near & within, 2].min()


def test_a_further_outline_adds_to_what_is_chosen_or_takes_away_even_on_another_map(page, visit):
    tool(page, "box")
    boxes = [[(0.3, 0.4), (0.5, 0.6)], [(0.45, 0.3), (0.6, 0.5)], [(0.4, 0.45), (0.48, 0.55)]]
    alone = []
    for box in boxes:
        stroke(page, box)
        chosen(page)
        alone.append(set(indices(page)))
        page.keyboard.press("Escape")
    stroke(page, boxes[0])
    chosen(page)
    page.keyboard.down("Shift")
    stroke(page, boxes[1])
    page.keyboard.up("Shift")
    page.wait_for_selector(f".chosen[data-count='{len(alone[0] | alone[1])}'][data-ready]")
    page.get_by_role("button", name="take away").click()
    stroke(page, boxes[2])
    wanted = (alone[0] | alone[1]) - alone[2]
    page.wait_for_selector(f".chosen[data-count='{len(wanted)}'][data-ready]")
    assert set(indices(page)) == wanted and page.locator(".pick__line--cut").count() == 1
    size_of_z(page, 20)
    page.get_by_role("button", name="add", exact=True).click()
    before = chosen(page)
    stroke(page, [(0.3, 0.3), (0.5, 0.5)])
    page.wait_for_function("n => Number(document.querySelector('.chosen').dataset.count) > n", arg=before)
    found = indices(page)
    assert wanted < set(found)
    page.get_by_role("button", name="Copy a link to this view").click()
    page.wait_for_function("location.search.includes('box') && location.search.split('box').length === 5")
    again = visit(page.url)
    again.wait_for_selector(f".chosen[data-model='{Z20}'][data-ready]")
    assert np.array_equal(indices(again), found)


def test_hidden_classes_are_left_out_and_come_back(page, codes):
    page.locator(".legend__key[data-label='0']").click()
    tool(page, "box")
    stroke(page, [(0.3, 0.4), (0.5, 0.6)])
    n = chosen(page)
    assert 0 not in codes["labels"][indices(page)]
    page.locator(".legend__key[data-label='0']").click()
    page.wait_for_function("n => Number(document.querySelector('.chosen').dataset.count) > n", arg=n)
    assert 0 in codes["labels"][indices(page)]


@pytest.mark.parametrize("name", [Z2, Z20])
def test_the_table_holds_every_digit_of_the_codes(page, name):
    if name != Z2:
        size_of_z(page, 20)
    tool(page, "box")
    stroke(page, [(0.4, 0.4), (0.5, 0.5)])
    n = chosen(page)
    page.wait_for_selector(f".chosen[data-model='{name}']")
    file, rows = table(page)
    assert file == f"{name}-{n}-codes.csv" and len(rows) == n
    held = load_file(MODELS / name / "codes.safetensors")
    rows_of = np.array([int(row["index"]) for row in rows])
    assert [int(row["label"]) for row in rows] == held["labels"][rows_of].tolist()
    for what in ("mu", "logvar"):
        read = np.array([[float(row[f"{what}_{k}"]) for k in range(held["mu"].shape[1])] for row in rows])
        assert np.array_equal(read, held[what][rows_of].astype(np.float64))
    assert len(rows[0]) == 2 + 2 * held["mu"].shape[1]


@pytest.mark.parametrize("name", [Z2, Z20])
def test_the_mean_is_decoded_as_torch_decodes_it_and_kl_and_recon_are_torchs(page, name):
    needs_images("mnist")
    if name != Z2:
        size_of_z(page, 20)
    tool(page, "box")
    stroke(page, [(0.4, 0.4), (0.5, 0.5)])
    chosen(page)
    page.wait_for_selector(f".chosen[data-model='{name}'][data-recon='{name}']")
    rows = indices(page)
    held, model = load_file(MODELS / name / "codes.safetensors"), load_model(MODELS / name)
    mu, logvar = (torch.from_numpy(held[key][rows].astype(np.float32)) for key in ("mu", "logvar"))
    z = np.array(json.loads(page.locator(".chosen").get_attribute("data-z")))
    assert z == pytest.approx(mu.double().mean(0).numpy(), abs=1e-5)
    x = torch.from_numpy(
        load_split("mnist", "test", ROOT / "data", download=False).images[rows].astype(np.float32) / 255
    )
    with torch.inference_mode():
        image = model.decode(mu.mean(0, keepdim=True))[0, 0].numpy()
        recon = (
            torch.nn.functional.binary_cross_entropy(model.decode(mu), x, reduction="none")
            .flatten(1)
            .sum(1)
            .mean()
            .item()
        )
    q = torch.distributions.Normal(mu.double(), (logvar.double() / 2).exp())
    kl = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).sum(1).mean().item()
    assert np.abs(ink(page, ".chosen__mean canvas") - image.ravel()).max() <= 1.5 / 233
    facts = page.locator(".chosen__body .facts").text_content()
    assert f"recon{recon:.1f} nats" in facts and f"kl{kl:.1f} nats" in facts


def test_the_contact_sheet_shows_the_first_hundred_without_a_question_for_each(page, codes):
    asked = watch_questions(page)
    tool(page, "box")
    stroke(page, [(0.3, 0.4), (0.5, 0.6)])
    n = chosen(page)
    assert len(asked) <= 2  # recon of all, and perhaps the test images
    found, shown = (
        indices(page),
        page.locator(".chosen__one").evaluate_all("all => all.map((b) => Number(b.dataset.index))"),
    )
    assert n > 100 and shown == found[:100].tolist()
    page.locator(".chosen__one").nth(7).click()
    page.wait_for_selector(f".selected-image[data-index='{shown[7]}']", state="attached")
    assert page.locator(".chosen__one[aria-pressed=true]").get_attribute("data-index") == str(shown[7])
    page.get_by_label("order of the pictures").select_option("far")
    mu = codes["mu"].astype(np.float64)
    far = np.hypot(*(mu[found] - mu[found].mean(0)).T)
    page.wait_for_function(
        "old => document.querySelector('.chosen__one').dataset.index !== String(old)", arg=shown[0]
    )
    now = page.locator(".chosen__one").evaluate_all("all => all.map((b) => Number(b.dataset.index))")
    assert np.hypot(*(mu[now] - mu[found].mean(0)).T) == pytest.approx(np.sort(far)[::-1][:100], abs=1e-4)


def test_without_the_images_the_sheet_shows_reconstructions_without_a_question(serve, visit, tmp_path):
    name = "mnist-conv-z2"
    needs_model(name)
    page = visit(
        f"{serve(MODELS, tmp_path).url}?recipe=conv&z=2",
        ready=f".latent-map[data-model='{name}'][data-ready]",
    )
    page.wait_for_selector(f".here[data-model='{name}'][data-by='browser']")
    page.wait_for_selector(".nearest[data-ready]")
    asked = []
    page.on("request", lambda request: asked.append(request.post_data or ""))
    tool(page, "lasso")
    stroke(page, [(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7)])
    assert chosen(page) > 100
    assert not [body for body in asked if '"thumbnails"' in body]
    assert "recon needs the test images" in " ".join(
        page.locator(".chosen__body .facts").inner_text().split()
    )
    index = int(page.locator(".chosen__one").nth(60).get_attribute("data-index"))
    with torch.inference_mode():
        mu = torch.from_numpy(
            load_file(MODELS / name / "codes.safetensors")["mu"][[index]].astype(np.float32)
        )
        image = load_model(MODELS / name).decode(mu)[0, 0].numpy()
    assert np.abs(ink(page, ".chosen__one canvas >> nth=60") - image.ravel()).max() <= 1.5 / 233


def test_another_size_keeps_what_is_chosen_and_its_link_opens_it_again(page, visit, codes):
    tool(page, "lasso")
    line = stroke(page, LASSO)
    n = chosen(page)
    found = indices(page)
    size_of_z(page, 20)
    page.wait_for_selector(f".chosen[data-model='{Z20}'][data-count='{n}']")
    assert page.locator(".pick__line").count() == 0
    assert np.array_equal(indices(page), found)
    for name in (Z20, Z2):
        if name == Z2:
            size_of_z(page, 2)
        page.get_by_role("button", name="Copy a link to this view").click()
        page.wait_for_function(
            f"location.search.includes('model={name}&') && location.search.includes('pick=lasso,')"
        )
        assert len(page.url) < 1500
        again = visit(page.url)
        again.wait_for_selector(f".chosen[data-model='{name}'][data-ready]")
        assert np.array_equal(indices(again), found)
        assert (again.locator(".pick__line").count() > 0) == (name == Z2)
    holds(page, line, found, codes["mu"].astype(np.float64))


@pytest.mark.parametrize(
    "search, named",
    [
        ("pick=lasso,1,NaN,2,2,3,1", "the selection lasso,1,NaN"),
        ("pick=box,1,1,1,4", "the selection box,1,1,1,4"),
        ("pick=box,0,0", "the selection box,0,0"),
        ("pick=lasso" + ",0,0,1,1,2,0" * 50, "the selection lasso,0,0"),
        ("pick=box,0,0,1,1*cats*pca", "the selection box,0,0,1,1*cats*pca"),
        ("pick=box,0,0,1,1*mnist-default-z2*dream", "The selection of this link cannot be shown"),
    ],
)
def test_a_broken_selection_in_a_link_is_one_clear_line(visit, app, search, named):
    page = visit(f"{app.url}?{search}")
    page.locator(".head__alarm").get_by_text(named).wait_for()
    assert page.locator(".chosen").is_hidden()


def test_an_outline_without_a_code_says_what_to_do_and_escape_takes_steps_back(page):
    tool(page, "box")
    note = page.locator(".pick__note")
    assert (
        note.get_by_text("Drag a box over codes to choose them").is_visible()
        and page.locator(".selected-image").is_visible()
    )
    stroke(page, [(0.1, 0.8), (0.2, 0.9)])
    note.get_by_text("No code lies inside this box. Draw over some of the dots").wait_for()
    assert page.locator(".chosen").is_hidden() and page.locator(".selected-image").is_visible()
    page.keyboard.press("Escape")
    note.get_by_text("Drag a box over codes").wait_for()
    page.keyboard.press("Escape")
    assert page.locator("[data-tool='pan']").get_attribute("aria-pressed") == "true"
    assert note.is_hidden() and page.locator(".pick__line").count() == 0


def test_the_keyboard_alone_draws_a_box(page, codes):
    page.locator("[data-tool='box']").focus()
    page.keyboard.press("Enter")
    page.locator(".latent-map__plot").focus()
    page.wait_for_selector(".mark__here", state="attached")
    here = np.array(json.loads(page.locator(".here").get_attribute("data-z")))
    page.keyboard.press("Space")
    for key in ["Shift+ArrowLeft"] * 3 + ["Shift+ArrowUp"] * 2:
        page.keyboard.press(key)
    page.keyboard.press("Space")
    n = chosen(page)
    far = np.array(json.loads(page.locator(".here").get_attribute("data-z")))
    assert far[0] < here[0] and far[1] > here[1]
    mu, slack = codes["mu"].astype(np.float64), 0.6 * a_pixel(page)
    low, high = np.minimum(here, far), np.maximum(here, far)
    between = lambda by: int(((mu > low - by) & (mu < high + by)).all(1).sum())  # noqa: E731
    assert between(-slack) <= n <= between(slack)
    first = page.locator(".chosen__one").first
    first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    second = page.locator(".chosen__one").nth(1).get_attribute("data-index")
    page.wait_for_selector(f".selected-image[data-index='{second}']", state="attached")


def test_a_finger_draws_on_a_phone_and_the_sheet_comes_below_the_map(visit, app, codes):
    page = visit(app.url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.wait_for_selector(".here[data-by='browser']")
    page.locator("[data-tool='lasso']").tap()
    path = places(page, LASSO)
    finger = page.context.new_cdp_session(page)
    line = np.array([axes_at(page, *place) for place in path])
    z = page.locator(".here").get_attribute("data-z")
    for kind, place in [("touchStart", path[0]), *(("touchMove", p) for p in path[1:])]:
        finger.send(
            "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": place[0], "y": place[1]}]}
        )
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    chosen(page)
    assert page.locator(".here").get_attribute("data-z") == z  # the finger drew, it did not decode
    assert page.locator(".chosen").bounding_box()["y"] > map_box(page)["y"] + map_box(page)["height"] - 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    holds(page, line, indices(page), codes["mu"].astype(np.float64))


def test_at_a_desk_the_map_shows_without_scrolling_while_codes_are_chosen(page):
    tool(page, "lasso")
    stroke(page, [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)])
    chosen(page)
    assert page.evaluate(
        "document.documentElement.scrollHeight <= innerHeight && document.documentElement.scrollWidth <= innerWidth"
    )
    assert page.evaluate("(e => e.scrollHeight <= e.clientHeight)(document.querySelector('.inspector'))")
    page.get_by_role("button", name="Selected image").click()
    assert page.locator(".selected-image").is_visible() and page.locator(".chosen__body").is_hidden()
    assert page.evaluate("(e => e.scrollHeight <= e.clientHeight)(document.querySelector('.inspector'))")
