"""Charts: the pairs of maps between a latent space of Z dimensions and the plane of the screen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from vae.errors import InputError
from vae.space.neighbours import VOTERS, Index


@dataclass(frozen=True)
class LinearChart:
    """A plane in z: `origin` (Z,) and two orthonormal directions `basis` (2, Z); exact both ways on the plane."""

    name: str
    origin: np.ndarray
    basis: np.ndarray
    explained: float | None = None  # share of the codes' variance that lies in the plane

    def to_plane(self, z: np.ndarray) -> np.ndarray:
        """Orthogonal projection (N, Z) -> (N, 2)."""
        return (np.asarray(z, np.float64) - self.origin) @ self.basis.T

    def to_latent(self, uv: np.ndarray) -> np.ndarray:
        """(N, 2) -> (N, Z) on the plane."""
        return self.origin + np.asarray(uv, np.float64) @ self.basis


@dataclass(frozen=True)
class UmapChart:
    """UMAP's places (N, 2) of the codes (N, Z), read both ways through the 15 nearest (McInnes et al. 2018 for the places)."""

    name: str
    codes: np.ndarray
    places: np.ndarray
    origin: None = None
    basis: None = None
    explained: None = None

    def to_plane(self, z: np.ndarray) -> np.ndarray:
        """A code's own place; any other z gets the weighted mean of its nearest codes' places, w = 1 / (d + 1e-6)."""
        return _carry(self._near_codes, self.places, z)

    def to_latent(self, uv: np.ndarray) -> np.ndarray:
        """A place's own code; any other uv gets the weighted mean of the codes of its nearest places."""
        return _carry(self._near_places, self.codes, uv)

    @cached_property
    def _near_codes(self) -> Index:
        return Index(self.codes)

    @cached_property
    def _near_places(self) -> Index:
        return Index(self.places)


Chart = LinearChart | UmapChart


def _carry(points: Index, values: np.ndarray, queries: np.ndarray) -> np.ndarray:
    rows, distances = points.nearest(queries, VOTERS)
    weight = 1 / (distances + 1e-6)
    mean = (weight[..., None] * values[rows]).sum(1) / weight.sum(1)[:, None]  # (N, 15, D) -> (N, D)
    return np.where(distances[:, :1] == 0, values[rows[:, 0]], mean)


def default_chart(latent_dim: int) -> str:
    """The chart a map opens with."""
    return "axes:0,1" if latent_dim == 2 else "pca"


def make_chart(
    name: str | None, mu: np.ndarray, umap: np.ndarray | None = None, anchor: np.ndarray | None = None
) -> Chart:
    """The chart called `name` of the codes mu (N, Z): `axes:i,j`, `pca`, `plane:a,b,c` (test indices) or `umap`.

    `anchor` (Z,) is what `axes` keeps in the other dimensions, the mean of the codes where None; `umap` (N, 2) are its
    shipped places. `InputError` names what is wrong with the name.
    """
    size, latent_dim = mu.shape
    name = name or default_chart(latent_dim)
    if name == "pca":
        return pca_chart(mu)
    if name == "umap":
        if umap is None:
            raise InputError(
                "chart is 'umap', but this model has no charts.safetensors, so use pca",
                "python -m vae charts NAME makes it",
            )
        return UmapChart(name, mu, umap)
    if match := re.fullmatch(r"axes:([0-9]{1,3}),([0-9]{1,3})", name):
        i, j = map(int, match.groups())
        if i == j or max(i, j) >= latent_dim:
            raise InputError(
                f"chart is {name!r}; axes:i,j takes two different dimensions from 0 to {latent_dim - 1}."
            )
        origin = np.array(mu.mean(0, dtype=np.float64) if anchor is None else anchor, np.float64)
        origin[[i, j]] = 0
        basis = np.eye(latent_dim)[[i, j]]
        variance = mu.var(0, dtype=np.float64)
        return LinearChart(name, origin, basis, _share(variance[[i, j]].sum(), variance.sum()))
    if match := re.fullmatch(r"plane:([0-9]{1,7}),([0-9]{1,7}),([0-9]{1,7})", name):
        rows = [int(r) for r in match.groups()]
        if max(rows) >= size:
            raise InputError(f"chart is {name!r}; plane:a,b,c takes three test images from 0 to {size - 1}.")
        return plane_chart(name, mu, rows)
    raise InputError(f"chart is {name!r}; it must be axes:i,j, pca, plane:a,b,c or umap.")


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else 0.0


def pca_chart(mu: np.ndarray) -> LinearChart:
    """The plane of the codes' two principal components; the largest entry of each is positive, so the picture is always the same way up."""
    mean = mu.mean(0, dtype=np.float64)
    values, vectors = np.linalg.eigh(np.cov(mu.astype(np.float64) - mean, rowvar=False, bias=True))
    basis = vectors[:, ::-1][:, :2].T  # (Z, Z) ascending -> (2, Z) descending
    signs = np.sign(np.take_along_axis(basis, np.abs(basis).argmax(1)[:, None], 1))
    return LinearChart("pca", mean, basis * signs, _share(values[-2:].sum(), values.sum()))


def plane_chart(name: str, mu: np.ndarray, rows: list[int]) -> LinearChart:
    """The plane through three codes: the first is its origin, the second lies to its right."""
    a, b, c = mu[rows].astype(np.float64)
    first = np.linalg.norm(b - a)
    across = b - a if first == 0 else (b - a) / first
    up = (c - a) - ((c - a) @ across) * across
    height = np.linalg.norm(up)
    if first == 0 or height <= 1e-6 * first:
        raise InputError(
            f"chart is {name!r}; the codes of these three images lie on one line, choose three others."
        )
    basis = np.stack([across, up / height])
    centred = mu - mu.mean(0, dtype=np.float64)
    return LinearChart(name, a, basis, _share(np.square(centred @ basis.T).sum(), np.square(centred).sum()))


def fit_umap(mu: np.ndarray, seed: int = 0) -> np.ndarray:
    """UMAP's places (N, 2) float32 of the codes (N, Z); takes half a minute for 10,000 codes."""
    import warnings

    with warnings.catch_warnings():
        # umap warns that a seed costs its parallelism, which is what a seed is for
        warnings.simplefilter("ignore")
        from umap import UMAP

        return (
            UMAP(n_components=2, random_state=seed, n_neighbors=min(15, len(mu) - 1))
            .fit_transform(mu)
            .astype(np.float32)
        )
