"""The one object that views talk to: every question about the models, numpy in and numpy out."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from vae.catalogue import OpenModel, Shelf
from vae.data.load import load_split
from vae.data.sketch import sketch
from vae.errors import InputError, VAEError
from vae.space.chart import Chart, default_chart, make_chart
from vae.space.geodesic import evenly, shortest
from vae.space.latent import interpolate, manifold_grid, pixel_length, traverse

PATH_SAMPLES = 256  # steps a path's pixel length is measured over
TRAINING_PART = 5_000  # training codes of one answer: a convolution's take seconds


class Explorer(Shelf):
    """Every question a view, an endpoint or a notebook asks about the models of one folder.

    Reading only; safe to ask from several threads. Models are opened when first asked about and kept while there is
    room. Every refusal is a `VAEError` whose text can be shown as it is.
    """

    # ---- test images -----------------------------------------------------------------------------------------------

    def index_of_class(self, model: str, label: int | None, seed: int = 0) -> int:
        """A random test index, of one class where a label is given."""
        labels = self._get(model, network=False).labels
        rows = np.arange(len(labels)) if label is None else np.flatnonzero(labels == label)
        if not len(rows):
            raise InputError(
                f"label is {label!r}; the test set of {self.folder(model).dataset} has labels from 0 to {int(labels.max())}."
            )
        return int(rows[np.random.default_rng(seed).integers(len(rows))])

    def thumbnails(self, model: str, indices: list[int]) -> np.ndarray:
        """Test images (n, C, H, W) uint8 where they are at hand, else their reconstructions."""
        opened = self._get(model, network=False)
        rows = np.array([self._row(opened, i) for i in indices], np.int64)
        try:
            return self.test_set(opened.folder.dataset).images[rows]
        except VAEError:
            label = opened.labels[rows] if opened.folder.model.conditional else None
            return np.round(opened.decode(opened.mu[rows], label) * 255).astype(np.uint8)

    # ---- places ----------------------------------------------------------------------------------------------------

    def codes(self, model: str) -> dict[str, np.ndarray]:
        """The test set's mu and logvar (N, Z) and labels (N,), in test-set order."""
        opened = self._get(model, network=False)
        return {"mu": opened.mu, "logvar": opened.logvar, "labels": opened.labels}

    def chart(self, model: str, chart: str | None = None, anchor: int | None = None) -> Chart:
        """A chart of a model, by name; `anchor` is the test image whose mu an axes chart passes through."""
        opened = self._get(model, network=False)
        z0 = None if anchor is None else opened.mu[self._row(opened, anchor)]
        return self._charts.get((model, chart, anchor), lambda: make_chart(chart, opened.mu, opened.umap, z0))

    def map(self, model: str, chart: str | None = None, anchor: int | None = None) -> dict[str, Any]:
        """The places uv (N, 2) of all codes on a chart, their labels, and the chart itself where it is linear."""
        opened, found = self._get(model, network=False), self.chart(model, chart, anchor)
        uv = opened.umap if found.name == "umap" else found.to_plane(opened.mu)
        offered = (
            ["axes:0,1"]
            + ["pca"] * (opened.folder.model.latent_dim > 2)
            + ["umap"] * (opened.umap is not None)
        )
        return {
            "uv": np.asarray(uv, np.float32),
            "labels": opened.labels,
            "chart": found.name,
            "default": default_chart(opened.folder.model.latent_dim),
            "charts": offered,
            "origin": found.origin,
            "basis": found.basis,
            "explained": found.explained,
        }

    def training_map(self, model: str, start: int = 0, chart: str | None = None) -> dict[str, Any]:
        """The places uv (n, 2) and labels (n,) of the training images' codes from `start` on, at most 5,000, and the `total` of them.

        A model folder does not hold these codes: they are encoded when first asked for. `DataError` where the images are not on disk.
        """
        opened, found = self._get(model), self.chart(model, chart)
        dataset = opened.folder.dataset
        train = self._training.get(
            dataset, lambda: load_split(dataset, "train", self.data_dir, download=False)
        )
        if not 0 <= start < len(train) or start % TRAINING_PART:
            raise InputError(
                f"start is {start}; it must be a multiple of {TRAINING_PART:,} below {len(train):,}, the training images of {dataset}."
            )
        rows = slice(start, start + TRAINING_PART)
        mu = self._parts.get((model, start), lambda: opened.means(train.images[rows], train.labels[rows]))
        return {
            "uv": found.to_plane(mu).astype(np.float32),
            "labels": train.labels[rows].astype(np.uint8),
            "start": start,
            "total": len(train),
        }

    def place(self, model: str, z: np.ndarray, label: int | None = None) -> dict[str, Any]:
        """What is at z (Z,): the decoded image, its support, the votes and the nearest codes."""
        opened = self._get(model)
        z = self._latent(opened, np.asarray(z)[None])
        near, votes = opened.neighbours.ask(z[0])
        image = opened.decode(z, self._label(opened, label))[0]
        return {
            "image": image,
            "support": float(opened.neighbours.support(z)[0]),
            "label_votes": votes,
            "nearest": near,
        }

    def support(self, model: str, z: np.ndarray) -> np.ndarray:
        """The support of places z (N, Z): (N,)."""
        opened = self._get(model, network=False)
        return opened.neighbours.support(self._latent(opened, z))

    def select(self, model: str, index: int) -> dict[str, Any]:
        """All about one test image in one model: original, x_recon, error, mu, logvar, recon and kl at the mean, votes without itself."""
        opened = self._get(model)
        row = self._row(opened, index)
        answer = self._through(opened, row, original := self._original(opened.folder.dataset, row))
        near, votes = opened.neighbours.ask(opened.mu[row], exclude=row)
        error = None if original is None else original - answer["x_recon"]
        return (
            {
                "index": row,
                "label": int(opened.labels[row]),
                "original": original,
                "error": error,
                "logvar": opened.logvar[row],
            }
            | answer
            | {"nearest": near, "label_votes": votes}
        )

    def recons(self, model: str) -> np.ndarray | None:
        """recon at the mean of every test image (N,), in nats; None where the images are not at hand."""
        opened = self._get(model)
        try:
            images = self.test_set(opened.folder.dataset).images
        except VAEError:
            return None
        return opened.recons(images) if len(images) == len(opened.mu) else None

    def _through(self, opened: OpenModel, row: int, original: np.ndarray | None) -> dict[str, Any]:
        label = int(opened.labels[row]) if opened.folder.model.conditional else None
        recon, kl = (None, None) if original is None else opened.terms(original, row, label)
        return {
            "x_recon": opened.decode(opened.mu[[row]], label)[0],
            "mu": opened.mu[row],
            "recon": recon,
            "kl": kl,
        }

    # ---- the questions of the named endpoints ----------------------------------------------------------------------

    def decode(self, model: str, z: np.ndarray, label: int | None = None) -> np.ndarray:
        """Images (N, C, H, W) in [0, 1] at z (N, Z)."""
        opened = self._get(model)
        return opened.decode(self._latent(opened, z), self._label(opened, label))

    def encode(
        self,
        model: str,
        image: np.ndarray,
        raw: bool = False,
        label: int | None = None,
        exclude: int | None = None,
    ) -> dict[str, Any]:
        """An image's mu and logvar (Z,), x as the model saw it, x_recon at mu, the nearest codes and their votes.

        `image` is (H', W') or (H', W', 3) in [0, 1]; `raw` says that it already is a data-set image (exact shape, ink
        bright), else it goes through `sketch`. `exclude` leaves a test image's own code out of the votes.
        """
        opened = self._get(model)
        label, config = self._label(opened, label), opened.folder.model
        image = np.asarray(image, np.float32)
        if image.ndim not in (2, 3) or not image.size or (image.ndim == 3 and image.shape[2] not in (1, 3)):
            raise InputError(f"image has shape {image.shape}; it must be (H, W), or (H, W, 3) for colour.")
        if not np.isfinite(image).all() or image.min() < 0 or image.max() > 1:
            raise InputError("image holds values outside [0, 1]; scale them into it.")
        if raw:
            channels, height, width = config.image_shape
            if image.shape not in ((height, width), (height, width, channels)):
                raise InputError(
                    f"image has shape {image.shape}; with raw it must be {(height, width) if channels == 1 else (height, width, channels)}."
                )
            x = image.reshape(height, width, channels).transpose(2, 0, 1)
        else:
            x = sketch(image, opened.folder.dataset, config.image_shape)
        mu, logvar = opened.encode(x[None], label)
        near, votes = opened.neighbours.ask(mu[0], exclude)
        return {
            "mu": mu[0],
            "logvar": logvar[0],
            "x": x,
            "x_recon": opened.decode(mu, label)[0],
            "nearest": near,
            "label_votes": votes,
        }

    def reconstruct(self, dataset: str, index: int, models: list[str] | None = None) -> dict[str, Any]:
        """One test image through several models (all of its data set where None): original, label, {name: x_recon, mu, recon, kl}."""
        names = [
            f.name for f in self._folders()[0].values() if f.dataset == dataset and f.name not in self._failed
        ]
        if not names:
            known = sorted({f.dataset for f in self._folders()[0].values()})
            raise InputError(
                f"dataset is {dataset!r}; there are models of {', '.join(known) or 'no data set yet'}."
            )
        for name in models or ():
            if self.folder(name).dataset != dataset:
                raise InputError(
                    f"models names {name!r}, a model of {self.folder(name).dataset}; here they must be of {dataset}."
                )
        opened = [self._get(name) for name in models] if models is not None else self._sound(names)
        first = opened[0] if opened else self._get(names[0])
        row = self._row(first, index)
        original = self._original(dataset, row)
        through = {o.folder.name: self._through(o, self._row(o, index), original) for o in opened}
        return {"original": original, "label": int(first.labels[row]), "models": through}

    def manifold(
        self,
        model: str,
        n: int = 20,
        extent: float = 2.0,
        spacing: str = "even",
        chart: str | None = None,
        label: int | None = None,
        anchor: int | None = None,
    ) -> dict[str, np.ndarray]:
        """The decoded grid of a chart: images (n, n, C, H, W), z (n, n, Z), uv (n, n, 2); row 0 is the top (Kingma & Welling 2014, fig. 4)."""
        opened, found = self._get(model), self.chart(model, chart, anchor)
        uv, z = manifold_grid(found, opened.mu, n, extent, spacing)
        images = opened.decode(z.reshape(n * n, -1), self._label(opened, label))
        return {"images": images.reshape(n, n, *images.shape[1:]), "z": z, "uv": uv}

    def sample(
        self, model: str, n: int, temperature: float = 1.0, label: int | None = None, seed: int = 0
    ) -> dict[str, np.ndarray]:
        """n images (n, C, H, W) decoded from z ~ N(0, temperature^2 I), and those z (n, Z)."""
        opened = self._get(model)
        z = (np.random.default_rng(seed).standard_normal((n, opened.mu.shape[1])) * temperature).astype(
            np.float32
        )
        return {"z": z, "images": opened.decode(z, self._label(opened, label))}

    def interpolate(
        self,
        model: str,
        z_start: np.ndarray,
        z_end: np.ndarray,
        steps: int = 12,
        method: str = "linear",
        label: int | None = None,
    ):
        """The path (steps, Z) between two places, decoded, with the support of each step."""
        opened = self._get(model)
        ends = self._latent(opened, np.stack([np.asarray(z_start), np.asarray(z_end)]))
        z = interpolate(ends[0], ends[1], steps, method)
        return {
            "z": z,
            "images": opened.decode(z, self._label(opened, label)),
            "support": opened.neighbours.support(z),
        }

    def path_length(
        self,
        model: str,
        z_start: np.ndarray,
        z_end: np.ndarray,
        method: str = "linear",
        label: int | None = None,
        steps: int = PATH_SAMPLES,
    ) -> float:
        """The pixel length of the path between two places, over even steps."""
        return pixel_length(self.interpolate(model, z_start, z_end, steps + 1, method, label)["images"])

    def shortest_path(
        self,
        model: str,
        start: np.ndarray,
        end: np.ndarray,
        steps: int = 12,
        chart: str | None = None,
        label: int | None = None,
        anchor: int | None = None,
        line: np.ndarray | None = None,
        turns: int = 12,
    ) -> dict[str, Any]:
        """The way between two places (2,) of a plane chart along which the image changes least, as far as `turns` of relaxation find it.

        `steps` places of it, evenly by pixel length: uv (steps, 2), z (steps, Z), images, support; its `length` and that of the `straight`
        way, which it is where none shorter is found; its corners, `path` (P, 2). `line` (P, 2) goes on from an earlier answer's.
        """
        opened, plane = self._get(model), self.chart(model, chart, anchor)
        if plane.basis is None:
            raise InputError(
                f"chart is {plane.name!r}; a shortest path needs a plane: axes:i,j, pca or plane:a,b,c."
            )
        ends, label = (
            np.stack([np.asarray(start, np.float64), np.asarray(end, np.float64)]),
            self._label(opened, label),
        )
        if (ends[0] == ends[1]).all():
            raise InputError(
                f"start and end are both ({ends[0, 0]:g}, {ends[0, 1]:g}); a path needs two places."
            )

        def decode(uv: np.ndarray) -> np.ndarray:
            return opened.decode(plane.to_latent(uv), label).reshape(len(uv), -1)  # (N, 2) -> (N, C*H*W)

        def inside(uv: np.ndarray) -> np.ndarray:
            return opened.neighbours.support(plane.to_latent(uv)) > 0

        found = shortest(*ends, decode, inside, line, turns, PATH_SAMPLES)
        uv = evenly(found.places, steps, found.gone)
        z = plane.to_latent(uv).astype(np.float32)
        return {
            "uv": uv,
            "z": z,
            "images": opened.decode(z, label),
            "support": opened.neighbours.support(z),
            "length": float(found.gone[-1]),
            "straight": found.straight,
            "path": found.path,
            "line": found.line,
            "moved": found.moved,
        }

    def traverse(
        self,
        model: str,
        z: np.ndarray,
        dim: int,
        low: float,
        high: float,
        steps: int = 11,
        label: int | None = None,
    ):
        """z (Z,) with one dimension running from low to high: z (steps, Z) and its images."""
        opened = self._get(model)
        if not 0 <= dim < opened.mu.shape[1]:
            raise InputError(f"dim is {dim}; {model} has dimensions from 0 to {opened.mu.shape[1] - 1}.")
        path = traverse(self._latent(opened, np.asarray(z)[None])[0], dim, low, high, steps)
        return {"z": path, "images": opened.decode(path, self._label(opened, label))}

    def twin(self, model: str, places: int = 1000, count: int = 100, seed: int = 0) -> dict[str, Any]:
        """What another implementation of this net is held against: z ~ N(0, 4 I) (places, Z) with their images, and mu and logvar of `count` images x.

        x are the first test images, or the first decoded ones where those are not at hand (`real` says which); `decode_ms` and
        `encode_ms` are medians of one at a time.
        """
        opened, z = (
            self._get(model),
            (
                np.random.default_rng(seed).standard_normal((places, self.folder(model).model.latent_dim)) * 2
            ).astype(np.float32),
        )
        images = opened.decode(z, self._label(opened, None))
        try:
            x, real = self.test_set(opened.folder.dataset).images[:count].astype(np.float32) / 255, True
        except VAEError:
            x, real = images[:count], False
        mu, logvar = opened.encode(x, None)

        def median(work: Callable[[np.ndarray], Any], rows: np.ndarray) -> float:
            times = []
            for i in range(len(rows)):
                start = time.perf_counter()
                work(rows[i : i + 1])
                times.append(time.perf_counter() - start)
            return float(np.median(times)) * 1000

        times = {
            "decode_ms": median(lambda one: opened.decode(one, None), z[:count]),
            "encode_ms": median(lambda one: opened.encode(one, None), x),
        }
        return {"z": z, "images": images, "x": x, "mu": mu, "logvar": logvar, "real": real, **times}
