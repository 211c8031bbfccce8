"""Geometry of z: grids over a chart, paths between two places, traversals of one dimension."""

from __future__ import annotations

from statistics import NormalDist
from typing import Protocol

import numpy as np

from vae.errors import InputError

METHODS = ("linear", "slerp")


class Chart(Protocol):
    """What a grid needs of a chart."""

    @property
    def name(self) -> str: ...
    def to_plane(self, z: np.ndarray) -> np.ndarray: ...
    def to_latent(self, uv: np.ndarray) -> np.ndarray: ...


def grid_axis(n: int, extent: float, spacing: str) -> np.ndarray:
    """n places of one axis, ascending: even steps over +-extent, or the quantiles (i + 0.5) / n of N(0, 1)."""
    if spacing == "even":
        return np.linspace(-extent, extent, n)
    if spacing == "equal-mass":
        return np.array([NormalDist().inv_cdf((i + 0.5) / n) for i in range(n)])
    raise InputError(f"spacing is {spacing!r}; it must be even or equal-mass.")


def manifold_grid(
    chart: Chart, mu: np.ndarray, n: int, extent: float, spacing: str
) -> tuple[np.ndarray, np.ndarray]:
    """The grid (n, n, 2) of a chart and its latents (n, n, Z); row 0 is the top, the largest v.

    In units of z for `axes`; for other charts in standard deviations of the codes' places around their mean.
    """
    axis = grid_axis(n, extent, spacing)
    uv = np.stack(np.meshgrid(axis, axis[::-1]), -1)  # (n, n, 2)
    if not chart.name.startswith("axes"):
        places = chart.to_plane(mu)
        uv = places.mean(0) + uv * places.std(0)
    z = chart.to_latent(uv.reshape(-1, 2)).reshape(n, n, -1)
    return uv.astype(np.float32), z.astype(np.float32)


def cells(box: tuple[float, float, float, float], columns: int, rows: int) -> np.ndarray:
    """The middles (rows * columns, 2) of the cells of a grid over `box` (u0, u1, v0, v1), the top row first."""
    u0, u1, v0, v1 = (float(edge) for edge in box)
    u = u0 + (np.arange(columns) + 0.5) / columns * (u1 - u0)
    v = v1 - (np.arange(rows) + 0.5) / rows * (v1 - v0)
    return np.stack(np.meshgrid(u, v), -1).reshape(-1, 2)


def lerp(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """The straight path between a and b (Z,) at t (T,): (T, Z)."""
    return a + t[:, None] * (b - a)


def slerp(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Spherical interpolation (Shoemake 1985; White 2016 for latents) at t (T,): (T, Z).

    The angle turns evenly; where it is undefined or its sine vanishes, the path is straight.
    """
    length_a, length_b = np.linalg.norm(a), np.linalg.norm(b)
    if length_a == 0 or length_b == 0:
        return lerp(a, b, t)
    unit_a, unit_b = a / length_a, b / length_b
    angle = np.arccos(np.clip(unit_a @ unit_b, -1, 1))
    if np.sin(angle) < 1e-6:
        return lerp(a, b, t)
    t = t[:, None]
    return (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)


def interpolate(a: np.ndarray, b: np.ndarray, steps: int, method: str) -> np.ndarray:
    """The path (steps, Z) from a to b (Z,), ends included."""
    if method not in METHODS:
        raise InputError(f"method is {method!r}; it must be linear or slerp.")
    t = np.linspace(0, 1, steps)
    return (lerp if method == "linear" else slerp)(
        np.asarray(a, np.float64), np.asarray(b, np.float64), t
    ).astype(np.float32)


def walked(points: np.ndarray) -> np.ndarray:
    """What has been walked from the first to each of the points (P, D): (P,), Euclidean."""
    return np.concatenate(
        [[0.0], np.cumsum(np.linalg.norm(np.diff(np.asarray(points, np.float64), axis=0), axis=1))]
    )


def pixel_length(images: np.ndarray) -> float:
    """How much images (N, ...) change one after the other: the sum of the Euclidean distances of neighbours, pixels in [0, 1]."""
    return float(walked(np.asarray(images).reshape(len(images), -1))[-1])


def traverse(z: np.ndarray, dim: int, low: float, high: float, steps: int) -> np.ndarray:
    """Copies of z (Z,) whose entry `dim` runs from low to high: (steps, Z)."""
    path = np.repeat(np.asarray(z, np.float32)[None], steps, 0)
    path[:, dim] = np.linspace(low, high, steps)
    return path
