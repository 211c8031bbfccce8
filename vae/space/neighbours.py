"""Nearest codes and what they say of a place: labels, support. Euclidean between means, in z."""

from __future__ import annotations

import threading

import numpy as np

from vae.errors import InputError

VOTERS = 15  # nearest codes whose labels are the votes of a place
SHOWN = 5  # nearest codes that are named
BLOCK = 512  # queries whose distances to all codes are held at once


def nearest(
    points: np.ndarray, queries: np.ndarray, k: int, exclude: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Rows and distances of the k points (N, Z) nearest to each query (B, Z), each (B, k), nearest first.

    `exclude` (B,) names one row a query must not find, -1 for none. Equally near ones stand in the order of their rows.
    """
    points, queries = np.asarray(points, np.float64), np.asarray(queries, np.float64)
    k = min(k, len(points) - (exclude is not None))
    rows, distances = np.empty((len(queries), k), np.int64), np.empty((len(queries), k))
    squares = np.square(points).sum(1)
    for start in range(0, len(queries), BLOCK):
        block = queries[start : start + BLOCK]
        # (B, N): squared distance less the query's own square, the same for all
        gap = squares - 2 * block @ points.T
        if exclude is not None:
            mask = exclude[start : start + BLOCK]
            gap[np.flatnonzero(mask >= 0), mask[mask >= 0]] = np.inf
        found = np.argpartition(gap, min(k, gap.shape[1] - 1), axis=1)[:, :k]
        # the expansion above loses digits where it matters
        exact = np.sqrt(np.square(block[:, None] - points[found]).sum(2))
        order = np.lexsort((found, exact), axis=1)
        rows[start : start + BLOCK] = np.take_along_axis(found, order, 1)
        distances[start : start + BLOCK] = np.take_along_axis(exact, order, 1)
    return rows, distances


class Neighbours:
    """The codes (N, Z) of a test set with their labels (N,), ready to be asked about places."""

    def __init__(self, mu: np.ndarray, labels: np.ndarray):
        self.mu, self.labels = np.asarray(mu, np.float32), np.asarray(labels)
        self._gaps: np.ndarray | None = None
        self._lock = threading.Lock()

    @property
    def gaps(self) -> np.ndarray:
        """The distance of every code to its nearest other code (N,), ascending; computed once."""
        with self._lock:
            if self._gaps is None:
                from scipy.spatial import (
                    cKDTree,
                )  # ten to two hundred times faster than all pairs, and imported only here

                itself_and_next = (
                    cKDTree(self.mu).query(self.mu, min(2, len(self.mu)))[0].reshape(len(self.mu), -1)
                )
                self._gaps = np.sort(itself_and_next[:, -1])
            return self._gaps

    def support(self, z: np.ndarray) -> np.ndarray:
        """Share of codes that lie farther from their nearest other code than z (B, Z) from its nearest code (B,).

        1 is as close as anything, 0 farther out than every code.
        """
        distance = nearest(self.mu, z, 1)[1][:, 0]
        return 1 - np.searchsorted(self.gaps, distance, side="right") / len(self.gaps)

    def ask(self, z: np.ndarray, exclude: int | None = None) -> tuple[list[dict], dict[str, float]]:
        """The five codes nearest to z (Z,) and the votes of the fifteen nearest, zeros left out.

        `exclude` leaves one code out: that of the image the question is about.
        """
        rows, distances = nearest(
            self.mu, np.asarray(z)[None], VOTERS, None if exclude is None else np.array([exclude])
        )
        near = [
            {"index": int(row), "label": int(self.labels[row]), "distance": round(float(d), 6)}
            for row, d in zip(rows[0][:SHOWN], distances[0])
        ]
        values, counts = np.unique(self.labels[rows[0]], return_counts=True)
        best_first = np.argsort(-counts, kind="stable")
        return near, {str(int(values[i])): round(float(counts[i] / rows.shape[1]), 4) for i in best_first}


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
