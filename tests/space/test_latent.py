"""Grids, paths and traversals against scipy and against geometry."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation, Slerp
from scipy.stats import norm

from vae.errors import InputError
from vae.space.chart import make_chart
from vae.space.latent import grid_axis, interpolate, lerp, manifold_grid, pixel_length, slerp, traverse

CODES = (
    np.random.default_rng(0).normal(size=(500, 6)).astype(np.float32)
    * np.array([3, 2, 1, 0.5, 0.1, 0.1], np.float32)
    + 1
)


@given(st.integers(1, 30), st.floats(0.1, 10))
def test_equal_mass_places_are_quantiles_and_the_extent_does_not_matter(n, extent):
    np.testing.assert_allclose(
        grid_axis(n, extent, "equal-mass"), norm.ppf((np.arange(n) + 0.5) / n), atol=1e-9
    )


def test_even_places_run_from_end_to_end():
    np.testing.assert_allclose(grid_axis(5, 2.0, "even"), [-2, -1, 0, 1, 2])


def test_an_unknown_spacing_or_method_is_refused_by_name():
    with pytest.raises(InputError, match="spacing is 'random'; it must be even or equal-mass"):
        grid_axis(5, 2.0, "random")
    with pytest.raises(InputError, match="method is 'cubic'; it must be linear or slerp"):
        interpolate(np.zeros(2), np.ones(2), 5, "cubic")


def test_on_axes_the_grid_is_in_units_of_z_with_the_largest_v_on_top():
    uv, z = manifold_grid(make_chart("axes:1,3", CODES), CODES, 5, 2.0, "even")
    assert uv.shape == (5, 5, 2) and z.shape == (5, 5, 6)
    np.testing.assert_allclose(uv[0, 0], [-2, 2])
    np.testing.assert_allclose(uv[-1, -1], [2, -2])
    np.testing.assert_allclose(z[:, :, 1], uv[:, :, 0], atol=1e-6)
    np.testing.assert_allclose(z[:, :, 3], uv[:, :, 1], atol=1e-6)
    np.testing.assert_allclose(z[2, 2, [0, 2, 4, 5]], CODES.mean(0)[[0, 2, 4, 5]], atol=1e-4)  # the anchor


@pytest.mark.parametrize("name", ["pca", "plane:3,44,101"])
def test_on_other_charts_the_grid_is_in_standard_deviations_of_the_places(name):
    chart = make_chart(name, CODES)
    uv, z = manifold_grid(chart, CODES, 7, 2.0, "even")
    places = chart.to_plane(CODES)
    np.testing.assert_allclose(uv.mean((0, 1)), places.mean(0), atol=1e-4)
    np.testing.assert_allclose(uv[0, -1], places.mean(0) + 2 * places.std(0), rtol=1e-4)
    np.testing.assert_allclose(chart.to_plane(z.reshape(-1, 6)).reshape(7, 7, 2), uv, atol=1e-4)


vectors = st.integers(0, 10_000).map(lambda seed: np.random.default_rng(seed).normal(size=(2, 8)))


@given(vectors, st.sampled_from(["linear", "slerp"]), st.integers(2, 100))
def test_a_path_begins_and_ends_where_it_is_told(ends, method, steps):
    path = interpolate(*ends, steps, method)
    assert path.shape == (steps, 8) and path.dtype == np.float32
    np.testing.assert_allclose(path[[0, -1]], ends, atol=1e-5)


@given(vectors)
def test_slerp_on_a_sphere_stays_on_it_and_turns_evenly(ends):
    a, b = (5 * v / np.linalg.norm(v) for v in ends)
    path = slerp(a, b, np.linspace(0, 1, 9))
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 5, rtol=1e-9)
    angles = np.arccos(np.clip((path[:-1] * path[1:]).sum(1) / 25, -1, 1))
    np.testing.assert_allclose(angles, angles[0], rtol=1e-5)


def test_slerp_in_three_dimensions_is_scipys():
    a, b = np.array([0.0, 0.0, 2.0]), np.array([0.0, 2.0, 0.0])
    turn = Slerp(
        [0, 1], Rotation.concatenate([Rotation.identity(), Rotation.from_euler("x", -90, degrees=True)])
    )
    t = np.linspace(0, 1, 7)
    np.testing.assert_allclose(slerp(a, b, t), turn(t).apply(a), atol=1e-9)


@pytest.mark.parametrize(
    ("a", "b"), [([0, 0], [1, 2]), ([1, 2], [0, 0]), ([1, 1], [3, 3]), ([1, 0], [-2, 0]), ([0, 0], [0, 0])]
)
def test_where_no_angle_is_defined_slerp_goes_straight(a, b):
    a, b, t = np.array(a, float), np.array(b, float), np.linspace(0, 1, 5)
    np.testing.assert_array_equal(slerp(a, b, t), lerp(a, b, t))
    np.testing.assert_allclose(lerp(a, b, t), np.stack([np.interp(t, [0, 1], ends) for ends in zip(a, b)], 1))


def test_a_traversal_moves_one_dimension_and_leaves_the_rest():
    z = np.array([1.0, 2.0, 3.0])
    path = traverse(z, 1, -4, 4, 9)
    np.testing.assert_allclose(path[:, 1], np.arange(-4, 5))
    np.testing.assert_array_equal(path[:, [0, 2]], np.tile([1.0, 3.0], (9, 1)))
    np.testing.assert_array_equal(z, [1, 2, 3])


def test_the_pixel_length_of_one_pixel_that_turns_from_paper_to_ink_is_one_and_that_of_a_quarter_circle_is_its_arc():
    assert pixel_length(np.stack([np.zeros((1, 3, 3)), np.eye(9)[4].reshape(1, 3, 3)])) == 1
    turn = np.linspace(0, np.pi / 2, 1000)
    assert pixel_length(np.stack([np.cos(turn), np.sin(turn)], 1)) == pytest.approx(np.pi / 2, rel=1e-5)
