"""Every chart says how much it lies: its figures against scikit-learn's, its two maps against each other, its grounds with their scales."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from arithmetic import b64, floats
from hands import window_at
from safetensors.numpy import load_file
from scipy.ndimage import gaussian_filter
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness
from support import MODELS, ROOT

from vae.space.chart import make_chart

# The first has few codes, so that scikit-learn is quick as well
DIGITS, Z20 = (
    "digits-default-z10",
    "mnist-default-z20",
)


def codes_of(name: str) -> np.ndarray:
    return load_file(MODELS / name / "codes.safetensors")["mu"].astype(np.float32)


@pytest.fixture
def page(visit, app):
    page = visit(f"{app.url}?model={DIGITS}&ground=none")
    page.wait_for_selector(".here[data-by='browser']")
    return page


def drawn(page, chart: str) -> None:
    page.wait_for_selector(f".latent-map[data-chart='{chart}']")
    page.wait_for_selector(f".honesty[data-chart='{chart}']")


def test_the_browser_counts_trustworthiness_and_continuity_as_scikit_learn_does(bench):
    mu = codes_of(Z20)[:1500]
    uv = make_chart("pca", mu).to_plane(mu).astype(np.float32)
    both = "([mu, uv]) => { const z = lx.floats(mu), at = lx.floats(uv); return [lx.pointwise(z, 20, at, 2), lx.pointwise(at, 2, z, 20)].map(lx.text); }"
    trust, continuity = (floats(text, 1500) for text in bench.evaluate(both, [b64(mu), b64(uv)]))
    assert trust.mean() == pytest.approx(trustworthiness(mu, uv, n_neighbors=15), abs=1e-5)
    assert continuity.mean() == pytest.approx(trustworthiness(uv, mu, n_neighbors=15), abs=1e-5)
    assert trust.max() <= 1 and trust.min() < trust.mean() < 1


def test_the_density_scale_ends_at_the_codes_to_a_unit_of_area_in_the_fullest_cell(bench):
    uv = codes_of("mnist-default-z2")
    cells, step = 40, 0.2
    high = bench.evaluate(
        """([uv, n, step]) => {
          const grid = { columns: n, rows: n, u0: -4, v1: 4, du: step, dv: step }, chart = lx.openField({ uv: lx.floats(uv) }, {});
          return lx.paint({}, chart, { what: "density", grid, look: { accent: [0, 0, 0], strong: 1 } }).high;
        }""",
        [b64(uv), cells, step],
    )
    counts = np.histogram2d(uv[:, 0], uv[:, 1], bins=cells, range=[[-4, 4], [-4, 4]])[0]
    assert high == pytest.approx(
        gaussian_filter(counts, 1.5, mode="constant", truncate=2.0).max() / step**2, rel=1e-3
    )


def test_the_default_chart_shows_its_share_of_variance_and_the_figures_of_metrics_json_with_their_command(
    page,
):
    drawn(page, "pca")
    kept = PCA(2).fit(codes_of(DIGITS)).explained_variance_ratio_.sum()
    metrics = json.loads((MODELS / DIGITS / "metrics.json").read_text())
    line = page.locator(".honesty")
    assert line.text_content().replace("\u202f", " ") == (
        f"keeps {kept:.0%} of variance · trust {metrics['trustworthiness']['value']:.2f} · continuity {metrics['continuity']['value']:.2f}".replace(
            "%", " %"
        )
    )
    line.click()
    page.locator(".sheet-pop").get_by_text(metrics["trustworthiness"]["command"]).wait_for()
    assert float(page.locator("[data-figure='continuity']").text_content()) == pytest.approx(
        metrics["continuity"]["value"], abs=6e-4
    )


def test_another_chart_shows_no_figure_until_it_is_counted_for_it_and_its_command_counts_the_same(page):
    page.get_by_label("chart").select_option("axes")
    drawn(page, "axes:0,1")
    line = page.locator(".honesty")
    assert "trust not counted" in line.text_content() and "continuity" not in line.text_content()
    line.click()
    sheet = page.locator(".sheet-pop")
    sheet.get_by_text("metrics.json speaks of the chart pca alone").wait_for()
    sheet.get_by_role("button", name="Count for this chart").click()
    sheet.get_by_text("Counted for this chart").wait_for()
    mu = codes_of(DIGITS)
    wanted = [trustworthiness(mu, mu[:, :2], n_neighbors=15), trustworthiness(mu[:, :2], mu, n_neighbors=15)]
    shown = [
        float(page.locator(f"[data-figure='{key}']").text_content())
        for key in ("trustworthiness", "continuity")
    ]
    assert shown == pytest.approx(wanted, abs=6e-4)
    command = sheet.locator("code").text_content().replace("python", sys.executable, 1)
    printed = subprocess.run(command, shell=True, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert [float(figure) for figure in printed.split()] == pytest.approx(wanted, abs=1e-4)
    page.keyboard.press("Escape")
    assert f"trust {wanted[0]:.2f}" in line.text_content()


def test_the_command_of_a_chart_asks_the_folder_that_is_shown_from_anywhere(serve, visit, tmp_path):
    models = tmp_path / "it's $HOME `models`"
    shutil.copytree(MODELS / DIGITS, models / DIGITS)
    page = visit(f"{serve(models=models).url}?ground=none")
    page.get_by_label("chart").select_option("axes")
    drawn(page, "axes:0,1")
    page.locator(".honesty").click()
    command = page.locator(".sheet-pop code").text_content().replace("python", sys.executable, 1)
    found = {"cwd": tmp_path, "env": {**os.environ, "PYTHONPATH": str(ROOT)}}
    printed = subprocess.run(command, shell=True, check=True, capture_output=True, text=True, **found).stdout
    mu = codes_of(DIGITS)
    assert float(printed.split()[0]) == pytest.approx(
        trustworthiness(mu, mu[:, :2], n_neighbors=15), abs=1e-4
    )


def test_a_plane_through_three_images_is_typed_or_taken_from_the_selected_one(page):
    page.get_by_label("chart").select_option("plane")
    page.wait_for_selector(".latent-map[data-chart^='plane:0,']")
    page.get_by_label("corner b", exact=True).fill("17")
    page.get_by_label("corner b", exact=True).press("Enter")
    page.wait_for_selector(".latent-map[data-chart^='plane:0,17,']")
    page.get_by_label("test image number").fill("42")
    page.get_by_label("test image number").press("Enter")
    page.wait_for_selector(".selected-image[data-index='42']")
    page.get_by_role("button", name="selected image to corner c").click()
    drawn(page, "plane:0,17,42")
    page.wait_for_function("location.search.includes('chart=plane:0,17,42')")
    mu = codes_of(DIGITS).astype(np.float64)
    middle = "(c) => { const b = c.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; }"
    marks = page.locator(".mark__corner").evaluate_all(f"all => all.map({middle})")
    chart = make_chart("plane:0,17,42", mu)
    for mark, uv in zip(marks, chart.to_plane(mu[[0, 17, 42]]), strict=True):
        assert mark == pytest.approx(window_at(page, *uv), abs=1)
    page.get_by_label("corner a", exact=True).fill("42")
    page.get_by_label("corner a", exact=True).press("Enter")
    page.locator(".head__alarm").get_by_text("a plane needs three different images").wait_for()
    assert page.locator(".latent-map").get_attribute("data-chart") == "plane:0,17,42"


@pytest.mark.parametrize("chart", ["pca", "axes:3,7", "plane:0,17,42"])
def test_an_affine_chart_inverts_on_its_plane_in_the_browser(visit, app, chart):
    page = visit(f"{app.url}?model={DIGITS}&ground=none&chart={chart}")
    drawn(page, chart)
    uv = np.random.default_rng(0).uniform(-3, 3, (50, 2))
    answer = page.evaluate(
        """async (places) => {
          const folder = document.querySelector("link[rel=modulepreload][href$='space/net.js']").href.replace("space/net.js", "");
          const [{ main }, { chartOf }] = await Promise.all(["state/mapview.js", "space/chart.js"].map((name) => import(folder + name))), { frame, local } = main.get(), chart = chartOf(frame, local);
          return places.map((uv) => { const z = chart.toLatent(uv); return [Array.from(z), chart.toPlane(z)]; });
        }""",
        uv.tolist(),
    )
    assert np.array([back for _, back in answer]) == pytest.approx(uv, abs=1e-5)
    assert np.array([z for z, _ in answer]) == pytest.approx(
        make_chart(chart, codes_of(DIGITS)).to_latent(uv), abs=1e-5
    )


def test_the_axes_can_pass_through_the_selected_image(page):
    page.get_by_label("test image number").fill("42")
    page.get_by_label("test image number").press("Enter")
    page.get_by_label("chart").select_option("axes")
    drawn(page, "axes:0,1")
    page.get_by_label("the other dimensions of z").select_option("42")
    mu = codes_of(DIGITS)[42]
    page.wait_for_function(
        "wanted => JSON.parse(document.querySelector('.here').dataset.z).every((v, k) => Math.abs(v - wanted[k]) < 1e-4)",
        arg=mu.tolist(),
    )
    page.wait_for_function("location.search.includes('anchor=42')")


def test_every_ground_says_what_it_shows(page):
    says = {
        "stretch": "log √det JᵀJ",
        "density": "codes to a unit of area",
        "support": "support",
        "class": "15 nearest",
        "manifold": "decoder draws",
    }
    for what, words in says.items():
        page.get_by_label("ground").select_option(what)
        page.locator(".latent-map__key").get_by_text(words).wait_for()
    page.get_by_label("ground").select_option("none")
    page.locator(".latent-map__key").wait_for(state="hidden")
