"""Nearest codes and what they say of a place: labels, support. Euclidean between means, in z."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import numpy as np

from vae.errors import InputError

VOTERS = 15  # nearest codes whose labels are the votes of a place
SHOWN = 5  # nearest codes that are named
BLOCK = 128  # queries whose distances to all codes are held at once
PAIRS = 200_000  # pairs of a query and a point whose exact distances are held at once
TREE_UP_TO = (
    10  # dimensions in which a k-d tree finds the nearest sooner than one product with all points does
)
ALL_BY_TREE = 10  # dimensions in which the tree finds every point's next one as soon
FEWEST = 1000  # points that a tree is built over; fewer are looked through as fast
SINGLE = np.finfo(np.float32)
EPSILON, LEAST, MOST = float(SINGLE.eps), float(SINGLE.tiny), float(SINGLE.max)
SURE = 1e-12  # relative; distances that differ by less may be equal, and then their rows decide


class Index:
    """Points (N, Z) made ready to be asked, many times, which of them are nearest; exact, and safe from several threads."""

    def __init__(self, points: np.ndarray):
        self.points = np.asarray(points)
        self._tree: Any = None
        self._single: tuple[np.ndarray, np.ndarray, float] | None = None
        self._building = threading.Lock()

    def nearest(
        self, queries: np.ndarray, k: int, exclude: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rows and distances of the k points nearest to each query (B, Z), each (B, k), nearest first.

        `exclude` (B,) names one row a query must not find, -1 for none. Equally near ones stand in the order of their rows.
        """
        queries = np.asarray(queries, np.float64)
        k = min(k, len(self.points) - (exclude is not None))
        own = np.full(len(queries), -1) if exclude is None else np.asarray(exclude)
        rows, distances = np.empty((len(queries), k), np.int64), np.empty((len(queries), k))
        if k < 1:
            return rows, distances
        by_tree = self.points.shape[1] <= TREE_UP_TO and len(self.points) >= FEWEST
        find = self._by_tree if by_tree else self._by_product
        for start in range(0, len(queries), BLOCK):
            block = slice(start, start + BLOCK)
            rows[block], distances[block] = find(queries[block], k, own[block])
        return rows, distances

    def _by_tree(self, queries: np.ndarray, k: int, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The nearest by the tree; where the last one found may have an equal that was not, by looking at all points."""
        asked = min(k + 1 + bool((own >= 0).any()), len(self.points))
        far, found = self.tree.query(queries, np.arange(1, asked + 1))  # (B, asked) each
        far = np.where(found == own[:, None], np.inf, far)
        order = np.argsort(far, axis=1, kind="stable")[:, : k + 1]
        far, found = np.take_along_axis(far, order, 1), np.take_along_axis(found, order, 1)
        exact = _distances(queries[:, None], self.points[found[:, :k]])
        order = np.lexsort((found[:, :k], exact), axis=1)
        rows, distances = np.take_along_axis(found, order, 1), np.take_along_axis(exact, order, 1)
        if far.shape[1] > k:
            unsure = np.flatnonzero(far[:, k] <= far[:, k - 1] * (1 + SURE))
            if len(unsure):
                rows[unsure], distances[unsure] = self._by_product(queries[unsure], k, own[unsure])
        return rows, distances

    def _by_product(self, queries: np.ndarray, k: int, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The nearest among those that one product in single precision, with its error allowed for, leaves possible."""
        points, squares, _ = self.single
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows counts as possible
            # (B, N): squared distance less the query's own square
            gap = (-2 * queries).astype(np.float32) @ points.T
            gap += squares
            hidden = np.flatnonzero(own >= 0)
            gap[hidden, own[hidden]] = np.inf
            last = gap.min(1) if k == 1 else np.partition(gap, k - 1, axis=1)[:, k - 1]
            possible = ~(gap > (last + self._error(queries))[:, None])
        possible[hidden, own[hidden]] = False
        step = max(1, PAIRS * len(queries) // max(1, np.count_nonzero(possible)))  # type: ignore[operator]
        if step >= len(queries):
            return self._best(queries, possible, k)
        parts = [slice(start, start + step) for start in range(0, len(queries), step)]
        found = [self._best(queries[part], possible[part], k) for part in parts]
        return np.concatenate([rows for rows, _ in found]), np.concatenate([far for _, far in found])

    def _error(self, queries: np.ndarray) -> np.ndarray:
        """Twice what a gap in single precision can be wrong by (B,): Higham 2002, eq. 3.5, with the roundings of points and query."""
        size, longest = self.points.shape[1] + 4, self.single[2]
        reach = longest * (longest + 2 * np.sqrt(np.square(queries).sum(1)))
        return np.where(reach < MOST / 8, 4 * size * EPSILON * reach + LEAST, np.inf)

    def _best(self, queries: np.ndarray, possible: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The k nearest of the possible points (B, N) of each query, by their exact distances."""
        # in the order of queries, and of rows within one
        query, row = np.divmod(np.flatnonzero(possible), possible.shape[1])
        exact = _distances(queries[query], self.points[row])
        order = np.lexsort((row, exact, query))
        first = np.searchsorted(query, np.arange(len(queries)))  # every query has at least k
        best = order[first[:, None] + np.arange(k)]  # (B, k)
        return row[best], exact[best]

    @property
    def tree(self) -> Any:
        """The k-d tree over the points; built when first asked for."""
        with self._building:
            if self._tree is None:
                from scipy.spatial import cKDTree  # imported only here: a fifth of a second

                self._tree = cKDTree(self.points)
            return self._tree

    @property
    def single(self) -> tuple[np.ndarray, np.ndarray, float]:
        """The points (N, Z), their squared norms (N,) and the largest norm, in single precision; made when first asked for."""
        with self._building:
            if self._single is None:
                with np.errstate(over="ignore"):
                    points = np.ascontiguousarray(self.points, np.float32)
                    squares = np.square(points).sum(1)
                self._single = points, squares, float(np.sqrt(squares.max(initial=0)))
            return self._single


def _distances(queries: np.ndarray, points: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(queries - points.astype(np.float64)).sum(-1))


def nearest(
    points: np.ndarray, queries: np.ndarray, k: int, exclude: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """`Index.nearest` of points (N, Z) that are asked only once."""
    return Index(points).nearest(queries, k, exclude)


class Neighbours:
    """The codes (N, Z) of a test set with their labels (N,), ready to be asked about places."""

    def __init__(self, mu: np.ndarray, labels: np.ndarray):
        self.mu, self.labels = np.asarray(mu, np.float32), np.asarray(labels)
        self.index = Index(self.mu)
        self._gaps: np.ndarray | None = None
        self._lock = threading.Lock()

    @property
    def gaps(self) -> np.ndarray:
        """The distance of every code to its nearest other code (N,), ascending; computed once."""
        with self._lock:
            if self._gaps is None:
                self._gaps = np.sort(self._to_next())
            return self._gaps

    def _to_next(self) -> np.ndarray:
        count, size = self.mu.shape
        if count < 2:
            return np.zeros(count)
        if size <= ALL_BY_TREE:  # one call, during which other threads go on
            return self.index.tree.query(self.mu, [2])[0][:, 0]
        return self.index.nearest(self.mu, 1, np.arange(count))[1][:, 0]

    def support(self, z: np.ndarray) -> np.ndarray:
        """Share of codes that lie farther from their nearest other code than z (B, Z) from its nearest code (B,).

        1 is as close as anything, 0 farther out than every code.
        """
        return self._support(self.index.nearest(z, 1)[1][:, 0])

    def _support(self, distance: np.ndarray) -> np.ndarray:
        return 1 - np.searchsorted(self.gaps, distance, side="right") / len(self.gaps)

    def ask(self, z: np.ndarray, exclude: int | None = None) -> tuple[list[dict], dict[str, float]]:
        """The five codes nearest to z (Z,) and the votes of the fifteen nearest, zeros left out.

        `exclude` leaves one code out: that of the image the question is about.
        """
        rows, distances = self.index.nearest(
            np.asarray(z)[None], VOTERS, None if exclude is None else np.array([exclude])
        )
        return self._near(rows[0], distances[0]), self._votes(rows[0])

    def about(self, z: np.ndarray) -> tuple[list[dict], dict[str, float], float]:
        """What `ask` says of a place z (Z,), and its support, from one search."""
        rows, distances = self.index.nearest(np.asarray(z)[None], VOTERS)
        return (
            self._near(rows[0], distances[0]),
            self._votes(rows[0]),
            float(self._support(distances[0, :1])[0]),
        )

    def _near(self, rows: np.ndarray, distances: np.ndarray) -> list[dict]:
        return [
            {"index": int(row), "label": int(self.labels[row]), "distance": round(float(d), 6)}
            for row, d in zip(rows[:SHOWN], distances)
        ]

    def _votes(self, rows: np.ndarray) -> dict[str, float]:
        counts = Counter(
            sorted(self.labels[rows].tolist())
        ).most_common()  # equal ones in the order of labels
        return {str(int(label)): round(count / len(rows), 4) for label, count in counts}


def pointwise_trustworthiness(space: np.ndarray, view: np.ndarray, k: int = VOTERS) -> np.ndarray:
    """How far each point's k neighbours in `view` (N, 2) are its neighbours in `space` (N, Z) too: (N,), 1 is wholly.

    Venna & Kaski 2001; the mean over points is scikit-learn's `trustworthiness`, and with the two arguments exchanged it is continuity.
    """
    n = len(space)
    if not 0 < k < n / 2:
        raise InputError(f"k is {k}; trustworthiness of {n} points takes k from 1 to {(n - 1) // 2}.")
    near, _ = nearest(view, view, k, exclude=np.arange(n))
    space = np.asarray(space, np.float64)
    squares, penalty = np.square(space).sum(1), np.empty(n)
    for start in range(0, n, BLOCK):
        rows = slice(start, min(start + BLOCK, n))
        gap = squares - 2 * space[rows] @ space.T
        own = np.arange(rows.start, rows.stop)
        gap[own - start, own] = np.inf
        limit = np.take_along_axis(gap, near[rows], 1)  # (b, k)
        order = np.sort(gap, 1)
        # 1 is the nearest in `space`
        rank = np.stack([np.searchsorted(line, at) for line, at in zip(order, limit)]) + 1
        penalty[rows] = np.maximum(rank - k, 0).sum(1)
    return 1 - penalty * 2 / (k * (2 * n - 3 * k - 1))
