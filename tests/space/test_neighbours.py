"""Nearest codes against scikit-learn, support against its definition read aloud."""

from __future__ import annotations

import math
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file
from sklearn.manifold import trustworthiness
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from support import MODELS

from vae.errors import InputError
from vae.space.neighbours import (
    BLOCK,
    FEWEST,
    TREE_UP_TO,
    Index,
    Neighbours,
    nearest,
    pointwise_trustworthiness,
)


def points(n: int, z: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, z)).astype(np.float32)


@pytest.mark.parametrize(("n", "z", "k"), [(1300, 2, 15), (700, 40, 15), (20, 3, 1), (15, 2, 15), (2, 2, 1)])
def test_nearest_finds_what_scikit_learn_finds(n, z, k):
    codes, queries = points(n, z), points(BLOCK + 37, z, seed=1)
    rows, distances = nearest(codes, queries, k)
    expected, found = (
        NearestNeighbors(n_neighbors=k, algorithm="brute")
        .fit(codes.astype(np.float64))
        .kneighbors(queries.astype(np.float64))
    )
    np.testing.assert_array_equal(rows, found)
    np.testing.assert_allclose(distances, expected, rtol=1e-9)


def test_a_point_far_from_the_origin_is_still_at_distance_zero_from_itself():
    codes = points(500, 3) * 1e-3 + 1e3
    rows, distances = nearest(codes, codes, 1)
    assert (distances == 0).all()
    np.testing.assert_array_equal(codes[rows[:, 0]], codes)


def test_a_row_can_be_left_out_of_its_own_neighbours():
    codes = points(300, 4)
    own = np.arange(300)
    rows, distances = nearest(codes, codes, 6, exclude=own)
    # Without queries scikit-learn leaves each point out
    expected, found = NearestNeighbors(n_neighbors=6).fit(codes.astype(np.float64)).kneighbors()
    np.testing.assert_array_equal(rows, found)
    np.testing.assert_allclose(distances, expected, rtol=1e-9)
    assert nearest(codes, codes[:2], 400, exclude=np.array([5, -1]))[0].shape == (2, 299)
    assert 5 not in nearest(codes, codes[5:6], 299, exclude=np.array([5]))[0]


def test_equally_near_points_stand_in_the_order_of_their_rows():
    codes = np.tile([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]], (40, 1))
    rows, distances = nearest(codes, np.zeros((1, 2)), 45)
    np.testing.assert_array_equal(rows[0, :40], np.arange(0, 200, 5))  # all those at distance 0
    np.testing.assert_array_equal(distances[0], [0.0] * 40 + [1.0] * 5)
    assert (np.diff(rows[0, 40:]) > 0).all()


@given(
    n=st.sampled_from([1, 2, 7, 60, FEWEST, FEWEST + 300]),
    z=st.integers(1, TREE_UP_TO + 3),
    k=st.integers(1, 40),
    spread=st.sampled_from([0, 1, 3, 2000]),
    away=st.sampled_from([0, 5, 10**6]),
    left_out=st.booleans(),
    seed=st.integers(0, 1000),
)
@settings(deadline=None)
def test_whole_numbers_with_many_equals_are_found_as_sorting_all_of_them_finds_them(
    n, z, k, spread, away, left_out, seed
):
    rng = np.random.default_rng(seed)
    codes, asked = rng.integers(-spread, spread + 1, (n, z)), rng.integers(-spread, spread + 1, (4, z)) + away
    exclude = np.array([-1, 0, n - 1, n // 2]) if left_out else None
    rows, distances = Index(codes.astype(np.float32)).nearest(asked, k, exclude)
    count = min(k, n - left_out)
    assert rows.shape == distances.shape == (4, count)
    for query in range(4):
        squared = [sum((int(a) - int(b)) ** 2 for a, b in zip(code, asked[query])) for code in codes]
        others = [row for row in range(n) if exclude is None or row != exclude[query]]
        expected = sorted(others, key=lambda row: (squared[row], row))[:count]
        assert rows[query].tolist() == expected
        assert distances[query].tolist() == pytest.approx([math.sqrt(squared[row]) for row in expected])


@pytest.mark.parametrize("name", sorted(folder.parent.name for folder in MODELS.glob("*/config.json")))
def test_the_codes_of_a_shipped_model_are_found_as_scikit_learn_finds_them(name):
    codes = load_file(MODELS / name / "codes.safetensors")["mu"].astype(np.float64)
    rng = np.random.default_rng(0)
    own = codes[rng.integers(0, len(codes), 40)]
    for asked in (rng.normal(size=own.shape), own, own + 0.1 * rng.normal(size=own.shape), 1e6 * own):
        rows, distances = Index(codes.astype(np.float32)).nearest(asked, 15)
        expected, _ = NearestNeighbors(n_neighbors=15, algorithm="brute").fit(codes).kneighbors(asked)
        np.testing.assert_allclose(distances, expected, rtol=1e-6, atol=1e-7)
        gone = np.linalg.norm(codes[rows] - asked[:, None], axis=2)
        np.testing.assert_allclose(distances, gone, rtol=1e-12)
        assert ((np.diff(distances) > 0) | (np.diff(rows) > 0)).all(), "equals stand in the order of rows"


def test_numbers_too_large_for_single_precision_are_told_apart_all_the_same():
    codes = np.zeros((50, TREE_UP_TO + 1))
    codes[:, 0] = np.arange(50) * 1e30
    rows, distances = Index(codes).nearest(codes[20:21] + 1e29, 3)
    assert rows.tolist() == [[20, 21, 19]] and np.isfinite(distances).all()


def test_many_threads_that_ask_first_at_once_get_one_answer():
    index, asked = Index(points(2000, 3)), points(50, 3, seed=1)
    start = threading.Barrier(8)

    def ask(_):
        start.wait(60)
        return index.nearest(asked, 5)[0].tolist()

    with ThreadPoolExecutor(8) as pool:
        assert len({str(found) for found in pool.map(ask, range(8))}) == 1


def test_what_is_said_about_a_place_is_what_ask_and_support_say_of_it():
    neighbours = Neighbours(points(1500, 2), np.arange(1500) % 10)
    for place in points(20, 2, seed=1):
        near, votes, support = neighbours.about(place)
        assert (near, votes) == neighbours.ask(place) and support == neighbours.support(place[None])[0]


@given(st.integers(2, 60), st.integers(2, 6), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_support_is_the_share_of_codes_lonelier_than_the_place(n, z, seed):
    codes, places = points(n, z, seed), 1.5 * points(9, z, seed + 1)
    found = Neighbours(codes, np.zeros(n)).support(places)
    for place, share in zip(places.astype(np.float64), found):
        distance = min(np.linalg.norm(place - code) for code in codes.astype(np.float64))
        loneliness = [
            min(np.linalg.norm(a - b) for j, b in enumerate(codes.astype(np.float64)) if j != i)
            for i, a in enumerate(codes.astype(np.float64))
        ]
        assert share == pytest.approx(np.mean([gap > distance for gap in loneliness]))


def test_a_code_exactly_as_lonely_as_the_place_is_not_lonelier():
    # gaps 1, 1, 2, 2
    line = Neighbours(np.array([[0.0, 0.0], [1.0, 0.0], [5.0, 0.0], [7.0, 0.0]]), np.zeros(4))
    assert line.support(np.array([[0.0, 1.0], [7.0, 2.0]])).tolist() == [0.5, 0.0]


def test_support_is_full_at_a_code_and_none_far_out():
    neighbours = Neighbours(points(400, 10), np.zeros(400))
    assert (neighbours.support(points(400, 10)) == 1).all()
    assert (neighbours.support(np.full((1, 10), 1e4)) == 0).all()


def test_votes_are_what_a_15_neighbours_classifier_gives():
    codes, labels = points(800, 5), np.random.default_rng(3).integers(0, 10, 800).astype(np.uint8)
    neighbours, classifier = (
        Neighbours(codes, labels),
        KNeighborsClassifier(15).fit(codes.astype(np.float64), labels),
    )
    for query in points(20, 5, seed=8):
        near, votes = neighbours.ask(query)
        shares = classifier.predict_proba(query[None].astype(np.float64))[0]
        assert votes == {str(c): round(s, 4) for c, s in zip(classifier.classes_, shares) if s > 0}
        assert list(votes.values()) == sorted(votes.values(), reverse=True)
        distances, rows = classifier.kneighbors(query[None].astype(np.float64), 5)
        assert [n["index"] for n in near] == rows[0].tolist() and [n["label"] for n in near] == labels[
            rows[0]
        ].tolist()
        assert [n["distance"] for n in near] == pytest.approx(distances[0].tolist(), abs=1e-6)


def test_a_test_image_does_not_vote_for_itself():
    codes, labels = points(50, 2), np.arange(50) // 10
    near, votes = Neighbours(codes, labels).ask(codes[17], exclude=17)
    assert 17 not in [n["index"] for n in near]
    assert sum(votes.values()) == pytest.approx(1, abs=1e-3)
    assert Neighbours(codes, labels).ask(codes[17])[0][0] == {"index": 17, "label": 1, "distance": 0.0}


@pytest.mark.parametrize("k", [1, 5, 15])
def test_trustworthiness_and_continuity_are_those_of_scikit_learn(k):
    space = points(600, 8)
    view = space[:, :2] + 0.3 * points(600, 2, seed=4)
    ours = pointwise_trustworthiness(space, view, k)
    assert ours.shape == (600,) and ours.mean() == pytest.approx(
        trustworthiness(space, view, n_neighbors=k), abs=1e-6
    )
    assert pointwise_trustworthiness(view, space, k).mean() == pytest.approx(
        trustworthiness(view, space, n_neighbors=k), abs=1e-6
    )
    assert (pointwise_trustworthiness(view, view, k) == 1).all()


def test_trustworthiness_of_too_few_points_is_refused():
    with pytest.raises(InputError, match="k is 15; trustworthiness of 20 points takes k from 1 to 9"):
        pointwise_trustworthiness(points(20, 3), points(20, 2), 15)
