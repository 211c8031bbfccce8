"""What lies behind the codes: each field against torch and the library, and the ground under a hand."""

import json

import numpy as np
import pytest
import torch
from hands import drag, model_drawn
from safetensors.numpy import load_file
from support import MODELS
from torch.func import jvp

from vae import load_model
from vae.space.chart import make_chart
from vae.space.neighbours import Neighbours
from vae.ui.web.assets import tokens

Z2, Z20 = "mnist-default-z2", "mnist-default-z20"
N = 6


@pytest.fixture(
    scope="module",
    params=[(Z2, "axes:0,1"), (Z20, "pca"), (Z20, "axes:3,7")],
    ids=["z2", "z20-pca", "z20-axes"],
)
def world(request):
    """A model, its chart and the latents at the middles of a grid of N x N cells over it, row 0 at the top."""
    name, kind = request.param
    codes = load_file(MODELS / name / "codes.safetensors")
    mu = codes["mu"].astype(np.float32)
    chart = make_chart(kind, mu)
    places = chart.to_plane(mu)
    u0, v1, step = float(places[:, 0].mean() - 2), float(places[:, 1].mean() + 2), 4 / N
    u, v = u0 + (np.arange(N) + 0.5) * step, v1 - (np.arange(N) + 0.5) * step
    z = chart.to_latent(np.stack(np.meshgrid(u, v), -1).reshape(-1, 2)).astype(np.float32)
    grid = {"columns": N, "rows": N, "u0": u0, "v1": v1, "du": step, "dv": step}
    return name, codes, chart, grid, z


def paint(bench, world, what: str):
    """The field as the worker paints it: the sheet's bytes (H, W, 4), and what else it says."""
    name, codes, chart, grid, _ = world
    config = json.loads((MODELS / name / "config.json").read_text())["model"]
    answer = bench.evaluate(
        """async ([name, config, chart, grid, what]) => {
          const { mu, labels } = await lx.read(name, "codes"), codes = new lx.Codes(mu.data, config.latent_dim, labels.data);
          const model = { name, mu: mu.data, shape: config.image_shape, net: new lx.Net(await lx.read(name, "model"), config), codes, gaps: codes.gaps() };
          const look = { ink: [0, 0, 0], strength: 1, full: 1e-9, colours: Array.from({ length: 10 }, (_, i) => [i, 0, 0]), accent: [9, 9, 9], strong: 1 };
          const made = lx.paint(model, lx.openField({ ...chart, uv: new Float32Array(2) }, model), { what, grid, look });
          return { ...made, sheet: Array.from(made.sheet) };
        }""",
        [name, config, {"origin": chart.origin.tolist(), "basis": chart.basis.tolist()}, grid, what],
    )
    return np.array(answer["sheet"], float).reshape(answer["height"], answer["width"], 4), answer


def test_every_tile_of_the_manifold_is_what_torch_decodes_in_its_middle(bench, world):
    sheet, _ = paint(bench, world, "manifold")
    name, codes, _, _, z = world
    with torch.inference_mode():
        images = load_model(MODELS / name).decode(torch.from_numpy(z))[:, 0].numpy()
    # Elsewhere the tile is left clear
    near = Neighbours(codes["mu"].astype(np.float32), codes["labels"]).support(z) > 0
    assert near.sum() >= 4
    for k in np.flatnonzero(near):
        row, column = divmod(int(k), N)
        drawn = sheet[row * 28 : row * 28 + 28, column * 28 : column * 28 + 28, 3] / 255
        assert np.abs(drawn - images[k]).max() <= 1.01 / 255


def test_the_support_of_a_cell_is_the_librarys(bench, world):
    sheet, _ = paint(bench, world, "support")
    _, codes, _, _, z = world
    assert sheet[..., 3].ravel() / 255 == pytest.approx(
        Neighbours(codes["mu"].astype(np.float32), codes["labels"]).support(z), abs=0.6 / 255 + 1e-3
    )


def test_the_class_of_a_cell_is_the_most_voted_and_pale_where_votes_disagree(bench, world):
    sheet, _ = paint(bench, world, "class")
    _, codes, _, _, z = world
    library, alphas = Neighbours(codes["mu"].astype(np.float32), codes["labels"]), {True: [], False: []}
    for k, colour in enumerate(sheet.reshape(-1, 4)):
        votes = library.ask(z[k])[1]
        assert votes[str(int(colour[0]))] == pytest.approx(max(votes.values())) or colour[3] < 1
        alphas[max(votes.values()) == 1].append(colour[3])
    if alphas[True] and alphas[False]:
        assert np.mean(alphas[True]) > np.mean(alphas[False])


def test_stretch_orders_places_as_torchs_own_derivatives_do(bench, world):
    sheet, answer = paint(bench, world, "stretch")
    name, _, chart, _, z = world
    model, basis = load_model(MODELS / name), torch.from_numpy(chart.basis.astype(np.float32))
    truth = []
    for place in torch.from_numpy(z):
        columns = torch.stack(
            [
                jvp(lambda at: model.decode(at[None]).flatten(), (place,), (direction,))[1]
                for direction in basis
            ]
        ).double()
        truth.append(0.5 * torch.logdet(columns @ columns.T).item())
    span = answer["high"] - answer["low"]
    expected = np.clip((np.array(truth) - answer["low"]) / span, 0, 1)
    assert min(truth) - 1e-3 <= answer["low"] < answer["high"] <= max(truth) + 1e-3
    assert sheet[..., 3].ravel() / 255 == pytest.approx(expected, abs=1 / 255 + 1e-3)


# ---- under a hand


def ground(page) -> dict:
    return page.evaluate("({ ...document.querySelector('.latent-map .plot__ground').dataset })")


def tiles_of(page) -> tuple[dict, float, float]:
    """The grid of tiles, the side of a tile and the longer side of the map's axes, both in CSS pixels, at one moment."""
    return page.evaluate("""() => {
      const { xaxis, yaxis } = document.querySelector(".latent-map .plot__points")._fullLayout;
      const grid = JSON.parse(document.querySelector(".latent-map .plot__ground").dataset.key)[0];
      return [grid, (grid.du * xaxis._length) / (xaxis.range[1] - xaxis.range[0]), Math.max(xaxis._length, yaxis._length)];
    }""")


def axes_of(page) -> list[float]:
    """What Plotly's own axes show: left, right, low, high."""
    return page.evaluate(
        "(({ xaxis, yaxis }) => [...xaxis.range, ...yaxis.range])(document.querySelector('.latent-map .plot__points')._fullLayout)"
    )


COVERS = """() => {
  const { xaxis, yaxis } = document.querySelector(".latent-map .plot__points")._fullLayout;
  const text = document.querySelector(".latent-map .plot__ground").dataset.key;
  if (!text) return false;
  const { columns, rows, u0, v1, du } = JSON.parse(text)[0], slack = 1e-6;
  return u0 <= xaxis.range[0] + slack && u0 + columns * du >= xaxis.range[1] - slack && u0 + du > xaxis.range[0] && u0 + (columns - 1) * du < xaxis.range[1]
    && v1 >= yaxis.range[1] - slack && v1 - rows * du <= yaxis.range[0] + slack && v1 - du < yaxis.range[1];
}"""


def test_the_page_opens_with_the_manifold_over_exactly_what_the_axes_show(page):
    page.wait_for_function(COVERS)
    assert ground(page)["what"] == "manifold"
    grid, side, long = tiles_of(page)
    few, many = (tokens()["ground"]["cells"]["manifold"][key] for key in ("least", "most"))
    whole = max(1, round(side / 28)) * 28
    assert grid["du"] == grid["dv"]
    if side == pytest.approx(whole, abs=1e-6):  # the side that the speed of this machine asks for, rounded
        assert 0.8 * long / many < side < 1.2 * long / few
    else:  # or that side itself, where no whole multiple of the image's is near
        assert long / many <= side + 1e-6 and side - 1e-6 <= long / few and abs(whole - side) >= 0.2 * side


def test_after_a_zoom_the_ground_is_decoded_anew(page):
    page.wait_for_function(COVERS)
    left, right, *_ = axes_of(page)
    page.get_by_role("button", name="Closer").click()
    page.wait_for_function(
        "wide => (([a, b]) => b - a < 0.95 * wide)(document.querySelector('.latent-map .plot__points')._fullLayout.xaxis.range)",
        arg=right - left,
    )
    page.wait_for_function(COVERS)  # the old tiles would reach beyond the axes


def test_zoom_and_pan_survive_another_ground_and_hidden_classes(page):
    page.get_by_role("button", name="Closer").click()
    drag(page, (300, 300), (360, 270))
    page.wait_for_function(COVERS)
    view = axes_of(page)
    for what in ("density", "class", "support", "stretch", "manifold"):
        page.get_by_label("ground").select_option(what)
        page.wait_for_selector(f".plot__ground[data-what='{what}']", state="attached")
    page.locator(".legend__key[data-label='3']").click()
    page.wait_for_function("Number(document.querySelector('.latent-map .plot__dots').dataset.count) < 9500")
    assert axes_of(page) == pytest.approx(view, rel=1e-6)


def test_stretch_is_offered_only_where_it_can_be_computed(page):
    page.locator("[data-size='20']").first.click()
    model_drawn(page, Z20)
    options = page.get_by_label("chart").locator("option").evaluate_all("all => all.map((o) => o.value)")
    page.wait_for_selector(
        "select[aria-label='ground'] option[value='stretch']:not([disabled])", state="attached"
    )
    if "umap" in options:
        page.get_by_label("chart").select_option("umap")
        page.wait_for_selector(
            "select[aria-label='ground'] option[value='stretch'][disabled]", state="attached"
        )
