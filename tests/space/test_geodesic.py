"""Shortest paths against geometry that is known in closed form, scipy and torch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import geometric_slerp
from support import ROOT

from vae import Explorer, load_model
from vae.errors import InputError
from vae.space.geodesic import evenly, lattice_path, measured, relax, shortest
from vae.space.latent import walked

ANYWHERE = lambda uv: np.ones(len(uv), bool)  # noqa: E731


def sphere(uv: np.ndarray) -> np.ndarray:
    """A decoder whose images lie on the unit sphere: the stereographic projection from its north pole, turned back."""
    square = np.square(uv).sum(1, keepdims=True)
    return np.concatenate([2 * uv, square - 1], 1) / (square + 1)


@pytest.mark.parametrize(
    ("a", "b"), [((-0.8, 0.4), (0.9, 0.5)), ((0.2, -1.1), (0.3, 1.2)), ((-1.5, -0.2), (0.7, -1.0))]
)
def test_on_a_sphere_the_shortest_path_is_the_great_circle(a, b):
    a, b = np.array(a), np.array(b)
    found = shortest(a, b, sphere, ANYWHERE, None, 40, 400)
    ends = sphere(np.stack([a, b]))
    assert found.gone[-1] == pytest.approx(np.arccos(ends[0] @ ends[1]), rel=2e-3)
    assert found.straight > 1.02 * found.gone[-1], "the straight way over the plane is none over the sphere"
    circle = geometric_slerp(*ends, np.linspace(0, 1, 200))
    off = np.linalg.norm(sphere(found.places)[:, None] - circle[None], axis=2).min(1)
    assert off.max() < 0.04  # a way beside a minimum is hardly longer
    assert found.path[0] == pytest.approx(a) and found.path[-1] == pytest.approx(b)


def test_where_the_image_changes_evenly_the_straight_path_is_kept():
    found = shortest(
        np.array([-1.0, 0.5]),
        np.array([1.0, -0.2]),
        lambda uv: uv @ np.array([[3.0, 0, 2], [1, 1, 0]]),
        ANYWHERE,
        None,
        12,
        100,
    )
    assert found.gone[-1] == pytest.approx(found.straight, rel=1e-6)
    direction = np.array([2.0, -0.7]) / np.hypot(2, 0.7)
    assert np.abs((found.places - [-1, 0.5]) @ [-direction[1], direction[0]]).max() < 1e-6


def test_a_path_goes_around_where_it_may_not_go():
    def hollow(uv: np.ndarray) -> np.ndarray:
        return np.concatenate([uv, np.exp(-((uv[:, :1] ** 2 + (uv[:, 1:] - 0.6) ** 2) / 0.3))], 1)

    a, b = np.array([-1.0, 0.3]), np.array([1.0, 0.3])
    free = shortest(a, b, hollow, ANYWHERE, None, 12, 200)
    assert free.places[:, 1].min() < 0.25 and free.gone[-1] < free.straight, "it leaves the hill aside"
    kept = lattice_path(a, b, hollow, lambda uv: uv[:, 1] >= 0.29, 24)
    assert kept[:, 1].min() >= 0.29
    line, moved = relax(evenly(kept, 49), hollow, lambda uv: uv[:, 1] >= 0.29)
    assert line[:, 1].min() >= 0.29 and moved > 0


@given(st.integers(0, 10_000))
def test_relaxing_never_makes_the_line_longer_and_leaves_its_ends(seed):
    random = np.random.default_rng(seed)
    weights = random.standard_normal((2, 5))
    decode = lambda uv: np.tanh(uv @ weights)  # noqa: E731
    line = np.cumsum(random.standard_normal((9, 2)) * 0.3, 0)
    after, moved = relax(line, decode, ANYWHERE)
    assert walked(decode(after))[-1] <= walked(decode(line))[-1] + 1e-9
    assert (after[[0, -1]] == line[[0, -1]]).all() and 0 <= moved <= 7


def test_even_places_lie_evenly_by_length_or_by_what_is_gone():
    corner = np.array([[0.0, 0], [1, 0], [1, 3]])
    assert evenly(corner, 5) == pytest.approx(np.array([[0, 0], [1, 0], [1, 1], [1, 2], [1, 3]]))
    assert evenly(corner, 3, np.array([0.0, 5, 10])) == pytest.approx(corner)
    places, gone = measured(corner, lambda uv: 2 * uv, 4)
    assert gone == pytest.approx([0, 2, 4, 6, 8]) and len(places) == 5


@pytest.fixture(scope="module")
def explorer(trained) -> Explorer:
    return Explorer(trained)


@pytest.mark.parametrize(
    ("name", "chart", "label"),
    [
        ("digits-tutorial-z2", None, None),
        ("digits-tutorial-z5", "pca", None),
        ("digits-tutorial-cond-sigma-z2", None, 3),
    ],
)
def test_its_length_is_that_of_what_torch_decodes_and_never_more_than_the_straight_ways(
    explorer, trained, name, chart, label
):
    import torch

    plane = explorer.chart(name, chart)
    a, b = plane.to_plane(explorer.codes(name)["mu"][[0, 7]])
    found = explorer.shortest_path(name, a, b, 9, chart, label)

    def length(line: np.ndarray) -> float:
        z = torch.from_numpy(plane.to_latent(evenly(line, 257)).astype(np.float32))
        with torch.inference_mode():
            images = (
                load_model(trained / name)
                .decode(z, None if label is None else torch.full((257,), label))
                .flatten(1)
                .double()
            )
        return float((images[1:] - images[:-1]).norm(dim=1).sum())

    assert found["length"] == pytest.approx(length(found["path"]), rel=1e-3)
    assert found["straight"] == pytest.approx(length(np.stack([a, b])), rel=1e-3)
    assert found["length"] <= found["straight"]
    assert found["uv"][[0, -1]] == pytest.approx(np.stack([a, b]), abs=1e-5) and found["z"].shape == (
        9,
        plane.basis.shape[1],
    )
    assert found["images"] == pytest.approx(explorer.decode(name, found["z"], label), abs=1e-6)
    steps = np.linalg.norm(np.diff(found["images"].reshape(9, -1), axis=0), axis=1)
    assert steps.max() < 1.3 * steps.min(), "its pictures follow each other evenly"


def test_a_search_asked_for_a_little_at_a_time_is_the_same_search(explorer):
    name, ends = "digits-tutorial-z2", ([-1.5, -0.5], [1.0, 1.5])
    whole, part = explorer.shortest_path(name, *ends, turns=4), explorer.shortest_path(name, *ends, turns=0)
    for _ in range(2):
        part = explorer.shortest_path(name, *ends, line=part["line"], turns=2)
    assert part["line"] == pytest.approx(whole["line"], abs=1e-9)


def test_a_path_without_a_plane_or_without_two_places_is_refused(explorer):
    with pytest.raises(InputError, match="start and end are both"):
        explorer.shortest_path("digits-tutorial-z2", [1, 1], [1, 1])
    with pytest.raises(InputError, match="a shortest path needs a plane"):
        Explorer(ROOT / "models").shortest_path("digits-default-z5", [0, 0], [1, 1], chart="umap")
    with pytest.raises(InputError, match="not finite numbers; choose two places nearer"):
        shortest(np.zeros(2), np.ones(2), lambda uv: np.where(uv > 0.5, np.nan, uv), ANYWHERE, None, 3, 20)


@pytest.mark.parametrize("far", [1e6, -1e6, 1e-30])
def test_places_at_the_ends_of_what_is_allowed_get_an_answer(explorer, far):
    found = explorer.shortest_path("digits-tutorial-z2", [0, 0], [far, 1e-3], turns=2)
    assert (
        np.isfinite(found["length"])
        and found["length"] <= found["straight"]
        and np.isfinite(found["uv"]).all()
    )
