"""The shortest path between two places of a chart: the one along which the decoded image changes least.

The length of a path is the length of its images' way through pixel space, so the decoder pulls the Euclidean metric back to
the chart (Arvanitidis et al. 2018). It is looked for over a lattice of decoded places and then relaxed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vae.errors import InputError
from vae.space.latent import walked

Decode = Callable[[np.ndarray], np.ndarray]  # places (N, 2) -> flat images (N, D)
Inside = Callable[[np.ndarray], np.ndarray]  # places (N, 2) -> whether a path may go there (N,)

OFFSETS = (
    (1, 0),
    (0, 1),
    (1, 1),
    (1, -1),
    (2, 1),
    (2, -1),
    (1, 2),
    (1, -2),
)  # with their opposites: sixteen neighbours
LATTICE = 24  # cells of the coarser lattice between the two ends
NEAR = 3  # cells of the finer lattice on either side of the way found over the coarser one
POINTS = 49  # of the line that is relaxed
STEP = 1e-2  # of the derivatives, as a share of the line's mean step


@dataclass(frozen=True)
class Found:
    """The shortest path as far as it was looked for, and the line from which a search goes on."""

    # its corners (P, 2); the two ends alone where nothing shorter than the straight way was found
    path: np.ndarray
    places: np.ndarray  # (samples + 1, 2) in even steps along it
    gone: np.ndarray  # (samples + 1,) pixel length gone at each
    straight: float  # pixel length of the straight way
    line: np.ndarray  # (POINTS, 2)
    moved: int  # points of the line that still moved in its last turn


def shortest(
    a: np.ndarray,
    b: np.ndarray,
    decode: Decode,
    inside: Inside,
    line: np.ndarray | None,
    turns: int,
    samples: int,
) -> Found:
    """The shortest path found between the places a and b (2,): over a lattice where there is no `line` yet, then `turns` of relaxation at most."""
    path = np.stack([a, b])
    best = straight = measured(path, decode, samples)
    if line is None:
        line = lattice_path(a, b, decode, inside, LATTICE)
        line = evenly(line, POINTS, walked(decode(line)))
    moved = len(line)
    for turn in range(turns + 1):
        if turn:
            line, moved = relax(line, decode, inside)
        way = measured(line, decode, samples)
        if way[1][-1] < best[1][-1]:
            best, path = way, line
        if not moved:
            break
    return Found(path, *best, float(straight[1][-1]), line, moved)


def evenly(points: np.ndarray, count: int, gone: np.ndarray | None = None) -> np.ndarray:
    """`count` places evenly along a line of points (P, D), ends included, by its length or by what is `gone` (P,) at each point."""
    points, gone = np.asarray(points, np.float64), walked(points) if gone is None else gone
    at = np.linspace(0, gone[-1], count)
    return np.stack([np.interp(at, gone, column) for column in points.T], 1)


def measured(line: np.ndarray, decode: Decode, samples: int) -> tuple[np.ndarray, np.ndarray]:
    """A line of places in `samples` even steps (samples + 1, 2), and the pixel length gone at each of them."""
    places = evenly(line, samples + 1)
    return places, walked(decode(places))


def lattice_path(a: np.ndarray, b: np.ndarray, decode: Decode, inside: Inside, between: int) -> np.ndarray:
    """The shortest way (P, 2) from a to b over a lattice around them (Dijkstra 1959), then over one twice as fine near that way.

    The lattice has `between` cells from a to b, half as many beyond each and as many to either side; the straight way is one of its rows
    and always open.
    """
    coarse, fine = _lattice(a, b, between), _lattice(a, b, 2 * between)
    way = _dijkstra(coarse, _open(coarse, np.ones(coarse.shape[:2], bool), inside), decode)
    way = _dijkstra(fine, _open(fine, _around(2 * way, *fine.shape[:2]), inside), decode)
    return fine[way[:, 0], way[:, 1]]


def _open(uv: np.ndarray, near: np.ndarray, inside: Inside) -> np.ndarray:
    """Which nodes (rows, columns) a way may take: of the near ones those inside, and the straight way in the middle row."""
    allowed = np.zeros_like(near)
    allowed[near] = inside(uv[near])
    allowed[len(uv) // 2] |= near[len(uv) // 2]
    return allowed


def _lattice(a: np.ndarray, b: np.ndarray, between: int) -> np.ndarray:
    """Places (rows, columns, 2) turned so that the way from a to b is part of the middle row."""
    right = (np.asarray(b, np.float64) - a) / between
    up, beyond = np.array([-right[1], right[0]]), between // 2
    i, j = np.arange(-beyond, between + beyond + 1), np.arange(-between, between + 1)
    return np.asarray(a, np.float64) + i[None, :, None] * right + j[:, None, None] * up


def _around(way: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Which nodes lie within `NEAR` cells of a way (P, 2) of rows and columns."""
    near = np.zeros((rows, columns), bool)
    for row, column in way:
        near[max(0, row - NEAR) : row + NEAR + 1, max(0, column - NEAR) : column + NEAR + 1] = True
    return near


def _dijkstra(uv: np.ndarray, allowed: np.ndarray, decode: Decode) -> np.ndarray:
    """The cheapest way over the allowed nodes as rows and columns (P, 2); an edge costs the distance of its two images."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import dijkstra

    rows, columns = allowed.shape
    number = np.full(allowed.shape, -1)
    number[allowed] = np.arange(allowed.sum())
    images, pairs, costs = decode(uv[allowed]), [], []
    for down, across in OFFSETS:
        here = number[: rows - down, max(0, -across) : columns - max(0, across)]
        there = number[down:, max(0, across) : columns - max(0, -across)]
        both = (here >= 0) & (there >= 0)
        pairs.append(np.stack([here[both], there[both]]))
        costs.append(np.linalg.norm(images[here[both]] - images[there[both]], axis=1))
    (start, end), cost = np.concatenate(pairs, 1), np.concatenate(costs).astype(np.float64)
    if not np.isfinite(cost).all():
        raise InputError(
            "The images around start and end are not finite numbers; choose two places nearer the codes."
        )
    # a cost of 0 would be no edge
    graph = csr_matrix((np.maximum(cost, 1e-12), (start, end)), (len(images), len(images)))
    middle, beyond = rows // 2, (columns - 1) // 4
    first, last = number[middle, beyond], number[middle, columns - 1 - beyond]
    before = dijkstra(graph, directed=False, indices=first, return_predecessors=True)[1]
    nodes = [last]
    while nodes[-1] != first:
        nodes.append(before[nodes[-1]])
    return np.argwhere(allowed)[nodes[::-1]]


def relax(line: np.ndarray, decode: Decode, inside: Inside) -> tuple[np.ndarray, int]:
    """One turn of relaxation of a line of places (P, 2), and how many of them moved.

    Each inner place goes where its image lies in the middle of its neighbours' (a Gauss-Newton step along the chart), every other
    one at a time, and only where the two pieces beside it get no longer and a path may go there.
    """
    line, moved = np.array(line, np.float64), 0
    images = decode(line)
    step = STEP * walked(line)[-1] / (len(line) - 1)
    for first in (1, 2):
        at = np.arange(first, len(line) - 1, 2)
        if not len(at):
            continue
        before, after, here = images[at - 1], images[at + 1], images[at]
        shifts = step * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
        sides = decode((line[at] + shifts[:, None]).reshape(-1, 2)).reshape(4, len(at), -1)
        slopes = np.stack([sides[0] - sides[1], sides[2] - sides[3]], 1) / (2 * step)  # (n, 2, D)
        metric = slopes @ slopes.transpose(0, 2, 1) + 1e-9 * np.eye(2)  # (n, 2, 2)
        pull = (slopes @ ((before + after) / 2 - here)[..., None])[..., 0]  # (n, 2)
        move = np.linalg.solve(metric, pull[..., None])[..., 0]
        size, reach = np.linalg.norm(move, axis=1), np.linalg.norm(line[at + 1] - line[at - 1], axis=1) / 2
        wanted = line[at] + move * np.minimum(1, reach / np.maximum(size, 1e-30))[:, None]
        seen = decode(wanted)

        def pieces(middle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return np.linalg.norm(middle - before, axis=1), np.linalg.norm(after - middle, axis=1)  # noqa: B023

        (old_left, old_right), (left, right) = pieces(here), pieces(seen)
        better = (
            (left + right <= old_left + old_right)
            & (left**2 + right**2 < old_left**2 + old_right**2)
            & inside(wanted)
        )
        line[at[better]], images[at[better]] = wanted[better], seen[better]
        moved += int(better.sum())
    return line, moved
