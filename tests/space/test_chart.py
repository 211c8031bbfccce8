"""Charts: exact both ways on their plane, against scikit-learn's PCA, and every code at its own UMAP place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from vae.errors import InputError
from vae.space.chart import UmapChart, default_chart, fit_umap, make_chart
from vae.space.neighbours import nearest

RNG = np.random.default_rng(0)
CODES = (RNG.normal(size=(400, 6)) @ RNG.normal(size=(6, 6)) + RNG.normal(size=6)).astype(np.float32)
FLAT = RNG.normal(size=(300, 2)).astype(np.float32) * [2, 0.5]
PLACES = RNG.normal(size=(400, 2)).astype(np.float32) * 5


@given(
    st.sampled_from(["axes:0,1", "axes:5,2", "pca", "plane:1,2,3", "plane:399,0,17"]), st.integers(0, 1000)
)
def test_a_linear_chart_is_the_identity_on_its_plane(name, seed):
    chart = make_chart(name, CODES)
    uv = np.random.default_rng(seed).normal(size=(20, 2)) * 10
    np.testing.assert_allclose(chart.to_plane(chart.to_latent(uv)), uv, atol=1e-5)
    z = chart.to_latent(uv)
    np.testing.assert_allclose(chart.to_latent(chart.to_plane(z)), z, atol=1e-5)
    np.testing.assert_allclose(chart.basis @ chart.basis.T, np.eye(2), atol=1e-9)


@given(st.sampled_from(["axes:0,1", "pca", "plane:1,2,3"]), st.integers(0, 1000))
def test_the_projection_is_orthogonal(name, seed):
    chart, z = make_chart(name, CODES), np.random.default_rng(seed).normal(size=(20, 6)) * 5
    foot = chart.to_latent(chart.to_plane(z))
    np.testing.assert_allclose((z - foot) @ chart.basis.T, 0, atol=1e-8)


def test_pca_is_scikit_learns_with_the_largest_component_up():
    chart, theirs = make_chart("pca", CODES), PCA(2).fit(CODES.astype(np.float64))
    signs = np.sign(theirs.components_[[0, 1], np.abs(theirs.components_).argmax(1)])
    np.testing.assert_allclose(chart.basis, theirs.components_ * signs[:, None], atol=1e-6)
    np.testing.assert_allclose(
        chart.to_plane(CODES), theirs.transform(CODES.astype(np.float64)) * signs, atol=1e-5
    )
    assert chart.explained == pytest.approx(theirs.explained_variance_ratio_.sum())
    assert (chart.basis[[0, 1], np.abs(chart.basis).argmax(1)] > 0).all()
    flipped = make_chart("pca", CODES[::-1])  # the order of the codes does not turn the picture
    np.testing.assert_allclose(flipped.basis, chart.basis, atol=1e-6)


def test_axes_pick_two_dimensions_and_keep_the_anchor_in_the_others():
    chart = make_chart("axes:4,1", CODES)
    np.testing.assert_array_equal(chart.to_plane(CODES), CODES[:, [4, 1]])
    z = chart.to_latent(np.array([[7.0, -3.0]]))[0]
    assert (z[4], z[1]) == (7, -3)
    np.testing.assert_allclose(z[[0, 2, 3, 5]], CODES.mean(0)[[0, 2, 3, 5]], atol=1e-5)
    anchored = make_chart("axes:4,1", CODES, anchor=CODES[9])
    np.testing.assert_allclose(anchored.to_latent(CODES[9:10, [4, 1]])[0], CODES[9], atol=1e-6)


def test_at_two_dimensions_the_default_chart_is_the_identity():
    assert (default_chart(2), default_chart(3), default_chart(256)) == ("axes:0,1", "pca", "pca")
    chart = make_chart(None, FLAT)
    np.testing.assert_array_equal(chart.to_plane(FLAT), FLAT)
    np.testing.assert_array_equal(chart.to_latent(FLAT), FLAT)
    assert chart.explained == pytest.approx(1)


def test_a_plane_holds_its_three_images_exactly():
    chart = make_chart("plane:10,20,30", CODES)
    three = CODES[[10, 20, 30]]
    np.testing.assert_allclose(chart.to_latent(chart.to_plane(three)), three, atol=1e-5)
    uv = chart.to_plane(three)
    np.testing.assert_allclose(uv[0], 0, atol=1e-9)
    assert uv[1, 0] > 0 and abs(uv[1, 1]) < 1e-9 and uv[2, 1] > 0
    distances = [np.linalg.norm(uv[i] - uv[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    np.testing.assert_allclose(
        distances, [np.linalg.norm(three[i] - three[j]) for i, j in ((0, 1), (0, 2), (1, 2))], rtol=1e-5
    )


def test_umap_maps_every_code_to_its_own_place_and_back():
    chart = make_chart("umap", CODES, PLACES)
    assert isinstance(chart, UmapChart)
    np.testing.assert_array_equal(chart.to_plane(CODES), PLACES)
    np.testing.assert_array_equal(chart.to_latent(PLACES), CODES)


@given(st.integers(0, 1000))
@settings(deadline=None)
def test_elsewhere_umap_is_the_weighted_mean_of_the_fifteen_nearest(seed):
    chart, rng = make_chart("umap", CODES, PLACES), np.random.default_rng(seed)
    for points, values, query, ask in (
        (CODES, PLACES, rng.normal(size=6), chart.to_plane),
        (PLACES, CODES, rng.normal(size=2), chart.to_latent),
    ):
        distance = np.linalg.norm(points.astype(np.float64) - query, axis=1)
        rows = np.argsort(distance)[:15]
        weight = 1 / (distance[rows] + 1e-6)
        np.testing.assert_allclose(
            ask(query[None])[0], (weight[:, None] * values[rows]).sum(0) / weight.sum(), atol=1e-6
        )


def test_within_a_hair_of_two_codes_the_millionth_in_umaps_weight_counts():
    codes = 1e3 * np.random.default_rng(1).normal(size=(20, 3)).astype(np.float32)
    codes[:2] = [[0, 0, 0], [1e-5, 0, 0]]
    places = np.zeros((20, 2), np.float32)
    places[1] = [1, -1]
    z = np.array([[2e-6, 0, 0]])  # 1 / (2e-6 + 1e-6) and 1 / (8e-6 + 1e-6) are as 3 to 1
    np.testing.assert_allclose(make_chart("umap", codes, places).to_plane(z)[0], [0.25, -0.25], atol=1e-4)


def test_beside_a_code_umap_leads_back_into_its_neighbourhood():
    chart = make_chart("umap", CODES, PLACES)
    beside = CODES + 1e-4
    np.testing.assert_allclose(chart.to_plane(beside), PLACES, atol=0.05)
    rows, _ = nearest(CODES, chart.to_latent(PLACES + 1e-5), 1)
    assert (rows[:, 0] == np.arange(400)).mean() > 0.99


def test_umap_places_keep_neighbours_and_repeat_themselves(trained):
    from sklearn.manifold import trustworthiness

    from vae.folders.folder import read_codes, read_folder

    mu = read_codes(read_folder(trained / "digits-tutorial-z5"))["mu"][:200]
    places = fit_umap(mu)
    assert places.shape == (200, 2) and places.dtype == np.float32 and np.isfinite(places).all()
    assert trustworthiness(mu, places, n_neighbors=15) > 0.85
    np.testing.assert_array_equal(places, fit_umap(mu))


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("axes:0,6", "two different dimensions from 0 to 5"),
        ("axes:3,3", "two different dimensions"),
        ("axes:-1,0", "must be axes:i,j"),
        ("axes:0", "must be axes:i,j"),
        ("axes:0,1,2", "must be"),
        ("tsne", "chart is 'tsne'; it must be axes:i,j, pca, plane:a,b,c or umap"),
        ("pca ", "must be"),
        ("axes:0,1\n", "must be"),
        ("plane:0,1,400", "three test images from 0 to 399"),
        ("plane:0,1", "must be"),
        ("plane:1,1,2", "on one line"),
        ("plane:1,2,1", "on one line"),
        ("plane:1,2,2", "on one line"),
        ("plane:99999999,1,2", "must be"),
        ("umap", "no charts.safetensors, so use pca; python -m vae charts NAME makes it"),
        ("axes:\u0663,1", "must be"),
    ],
)
def test_a_chart_that_cannot_be_is_refused_by_name(name, fault):
    with pytest.raises(InputError, match=fault) as caught:
        make_chart(name, CODES)
    assert "chart is" in str(caught.value)
    assert not isinstance(caught.value, (ValueError, IndexError))


def test_three_codes_on_one_line_make_no_plane():
    line = np.arange(10)[:, None] * np.ones((1, 4), np.float32)
    with pytest.raises(InputError, match="lie on one line, choose three others"):
        make_chart("plane:0,3,7", line)


def test_collapsed_codes_still_have_charts():
    dead = np.zeros((50, 5), np.float32)
    for name in ("pca", "axes:0,1"):
        chart = make_chart(name, dead)
        assert (
            chart.explained == 0
            and np.isfinite(chart.to_plane(dead)).all()
            and np.isfinite(chart.to_latent(np.ones((2, 2)))).all()
        )
