"""The one object that views talk to: every question about the models, numpy in and numpy out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from vae import checks
from vae.cache import Cache
from vae.catalogue import Catalogue
from vae.errors import InputError, VAEError
from vae.folders.folder import read_history
from vae.loaded_model import LoadedModel
from vae.space.chart import Chart, default_chart
from vae.space.geodesic import evenly, shortest
from vae.space.latent import cells, interpolate, manifold_grid, pixel_length, traverse

PATH_SAMPLES = 256  # steps a path's pixel length is measured over
MOST_SIDE = 300  # images of one side of a grid; the endpoints and the page ask for 30
MOST_TURNS = 10_000  # of relaxation of a path in one question
TRAINING_PART = 5_000  # training codes of one answer: a convolution's take seconds


class Explorer:
    """Every question a view, an endpoint or a notebook asks about the models of a catalogue.

    `Explorer("models")` makes the catalogue of that folder itself, `Explorer()` that of the shipped models. Reading only; safe to ask from several threads.
    Every refusal is a `VAEError` whose text can be shown as it is. Grids, samples and paths may be larger here than the endpoints allow.
    """

    def __init__(self, catalogue: Catalogue | str | Path | None = None, data_dir: str | Path | None = None):
        self.catalogue = catalogue if isinstance(catalogue, Catalogue) else Catalogue(catalogue, data_dir)
        self._cache = Cache()

    # ---- models ----------------------------------------------------------------------------------------------------

    def models(self) -> list[dict[str, Any]]:
        """Every model: name, dataset, recipe, latent_dim, image_shape, conditional, variational, metrics."""
        return self.catalogue.models()

    def metrics(self, model: str) -> dict[str, Any]:
        """Every figure of `metrics.json` that this program knows."""
        return self.catalogue.folder(model).figures

    def history(self, model: str) -> dict[str, list]:
        """`history.json`."""
        return read_history(self.catalogue.folder(model).path)

    def card(self, model: str) -> dict[str, Any]:
        """Everything written down about a model: config, provenance, metrics, and its layers with their shapes."""
        folder, layers = self.catalogue.folder(model), self.catalogue.load(model).vae.state_dict()
        return {
            "name": model,
            "dataset": folder.dataset,
            "recipe": folder.recipe,
            "model": folder.model.to_dict(),
            "train": folder.train.to_dict(),
            "provenance": folder.origin,
            "metrics": folder.figures,
            "layers": [{"name": k, "shape": list(v.shape)} for k, v in layers.items()],
        }

    def device_name(self) -> str:
        """What decodes: the CPU and its threads. Answers of one image are faster there than on any GPU."""
        from vae.device import device_name

        return device_name()

    # ---- test images -----------------------------------------------------------------------------------------------

    def index_of_class(self, model: str, label: int | None, seed: int = 0) -> int:
        """A random test index, of one class where a label is given."""
        labels = self.catalogue.load(model, network=False).labels
        seed = checks.whole("seed", seed, 0)
        known = label is None or checks.whole("label", label, 0)
        rows = np.arange(len(labels)) if label is None else np.flatnonzero(labels == known)
        if not len(rows):
            raise InputError(
                f"label is {label!r}; the test set of {self.catalogue.folder(model).dataset} has labels from 0 to {int(labels.max())}."
            )
        return int(rows[np.random.default_rng(seed).integers(len(rows))])

    def thumbnails(self, model: str, indices: list[int]) -> np.ndarray:
        """Test images (n, C, H, W) uint8 where they are at hand, else their reconstructions."""
        loaded = self.catalogue.load(model, network=False)
        rows = np.array([loaded.row(i) for i in checks.listed("indices", indices)], np.int64)
        try:
            images = self.catalogue.images(loaded.folder.dataset, "test").images
            if not len(rows) or rows.max() < len(images):
                return images[rows]
        except VAEError:
            pass
        label = loaded.labels[rows] if loaded.folder.model.conditional else None
        return np.round(loaded.decode(loaded.mu[rows], label) * 255).astype(np.uint8)

    # ---- places ----------------------------------------------------------------------------------------------------

    def codes(self, model: str) -> dict[str, np.ndarray]:
        """The test set's mu and logvar (N, Z) and labels (N,), in test-set order."""
        loaded = self.catalogue.load(model, network=False)
        return {"mu": loaded.mu, "logvar": loaded.logvar, "labels": loaded.labels}

    def chart(self, model: str, chart: str | None = None, anchor: int | None = None) -> Chart:
        """A chart of a model, by name; `anchor` is the test image whose mu an axes chart passes through."""
        loaded = self.catalogue.load(model, network=False)
        if chart is not None and not isinstance(chart, str):
            checks.refuse("chart", chart, "a chart's name")
        return self._cache.chart(loaded, chart, None if anchor is None else loaded.row(anchor, "anchor"))

    def map(self, model: str, chart: str | None = None, anchor: int | None = None) -> dict[str, Any]:
        """The places uv (N, 2) of all codes on a chart, their labels, and the chart itself where it is linear."""
        loaded, found = self.catalogue.load(model, network=False), self.chart(model, chart, anchor)
        uv = loaded.umap if found.name == "umap" else found.to_plane(loaded.mu)
        offered = ["axes:0,1"] + ["pca"] * (loaded.latent_dim > 2) + ["umap"] * (loaded.umap is not None)
        return {
            "uv": np.asarray(uv, np.float32),
            "labels": loaded.labels,
            "chart": found.name,
            "default": default_chart(loaded.folder.model.latent_dim),
            "charts": offered,
            "origin": found.origin,
            "basis": found.basis,
            "explained": found.explained,
        }

    def training_map(self, model: str, start: int = 0, chart: str | None = None) -> dict[str, Any]:
        """The places uv (n, 2) and labels (n,) of the training images' codes from `start` on, at most 5,000, and the `total` of them.

        A model folder does not hold these codes: they are encoded when first asked for. `DataError` where the images are not on disk.
        """
        loaded, found = self.catalogue.load(model), self.chart(model, chart)
        dataset = loaded.folder.dataset
        stamp = self.catalogue.images_stamp(dataset, "train")
        train = self.catalogue.images(dataset, "train")
        if not checks.is_whole(start) or not 0 <= start < len(train) or start % TRAINING_PART:
            allowed = (
                f"a multiple of {TRAINING_PART:,} below {len(train):,}, the training images of {dataset}"
            )
            raise InputError(f"start is {checks.short(start)}; it must be {allowed}.")
        rows = slice(start, start + TRAINING_PART)
        labels = train.labels[rows]
        mu = self._cache.means(loaded, rows, train, stamp)
        return {
            "uv": found.to_plane(mu).astype(np.float32),
            "labels": labels.astype(np.uint8),
            "start": start,
            "total": len(train),
        }

    def place(self, model: str, z: np.ndarray, label: int | None = None) -> dict[str, Any]:
        """What is at z (Z,): the decoded image, its support, the votes and the nearest codes."""
        loaded = self.catalogue.load(model)
        z = loaded.latent(z)[None]
        near, votes, support = loaded.neighbours.about(z[0])
        image = loaded.decode(z, loaded.label(label))[0]
        return {"image": image, "support": support, "label_votes": votes, "nearest": near}

    def support(self, model: str, z: np.ndarray) -> np.ndarray:
        """The support of places z (N, Z): (N,)."""
        loaded = self.catalogue.load(model, network=False)
        return loaded.neighbours.support(loaded.latents(z))

    def select(self, model: str, index: int) -> dict[str, Any]:
        """All about one test image in one model: original, x_recon, error, mu, logvar, recon and kl at the mean, votes without itself."""
        loaded = self.catalogue.load(model)
        row = loaded.row(index)
        answer = self._through(loaded, row, original := self.catalogue.original(loaded.folder.dataset, row))
        near, votes = loaded.neighbours.ask(loaded.mu[row], exclude=row)
        error = None if original is None else original - answer["x_recon"]
        return (
            {
                "index": row,
                "label": int(loaded.labels[row]),
                "original": original,
                "error": error,
                "logvar": loaded.logvar[row],
            }
            | answer
            | {"nearest": near, "label_votes": votes}
        )

    def spread(self, model: str, index: int, chart: str, count: int, seed: int = 0) -> np.ndarray:
        """Places (count, 2) on a chart of draws from one test image's posterior, for charts on which it is no ellipse."""
        loaded = self.catalogue.load(model, network=False)
        row = loaded.row(index)
        count, seed = checks.whole("count", count, 1, checks.MOST_IMAGES), checks.whole("seed", seed, 0)
        eps = np.random.default_rng(seed).standard_normal((count, loaded.latent_dim))
        z = loaded.mu[row] + np.exp(loaded.logvar[row] / 2) * eps  # (count, Z)
        return self.chart(model, chart).to_plane(z.astype(np.float32))

    def recons(self, model: str) -> np.ndarray | None:
        """recon at the mean of every test image (N,), in nats; None where the images are not at hand."""
        loaded = self.catalogue.load(model)
        stamp = self.catalogue.images_stamp(loaded.folder.dataset, "test")
        try:
            images = self.catalogue.images(loaded.folder.dataset, "test").images
        except VAEError:
            return None
        return self._cache.recons(loaded, images, stamp) if len(images) == len(loaded.mu) else None

    def _through(self, loaded: LoadedModel, row: int, original: np.ndarray | None) -> dict[str, Any]:
        label = int(loaded.labels[row]) if loaded.folder.model.conditional else None
        return {
            "x_recon": loaded.decode(loaded.mu[[row]], label)[0],
            "mu": loaded.mu[row],
            "recon": None if original is None else float(loaded.recon(original[None], np.array([row]))[0]),
            "kl": None if original is None else loaded.kl(row),
        }

    # ---- areas of a chart ------------------------------------------------------------------------------------------

    def ground(
        self,
        model: str,
        box: tuple[float, float, float, float],
        columns: int,
        rows: int,
        chart: str | None = None,
        anchor: int | None = None,
        label: int | None = None,
    ) -> dict[str, np.ndarray]:
        """A part of a chart decoded: a tile at the middle of each cell of a grid over `box` (u0, u1, v0, v1).

        images (rows * columns, C, H, W), the top row first, and the support (rows * columns,) of each.
        """
        loaded = self.catalogue.load(model)
        for name, count in (("columns", columns), ("rows", rows)):
            checks.whole(name, count, 1, MOST_SIDE)
        u0, u1, v0, v1 = checks.vector("box", box, 4, "(u0, u1, v0, v1) is", np.float64).tolist()
        z = (
            self.chart(model, chart, anchor)
            .to_latent(cells((u0, u1, v0, v1), columns, rows))
            .astype(np.float32)
        )
        return {"images": loaded.decode(z, loaded.label(label)), "support": loaded.neighbours.support(z)}

    # ---- the questions of the named endpoints ----------------------------------------------------------------------

    def decode(self, model: str, z: np.ndarray, label: int | None = None) -> np.ndarray:
        """Images (N, C, H, W) in [0, 1] at z (N, Z)."""
        loaded = self.catalogue.load(model)
        return loaded.decode(loaded.latents(z), loaded.label(label))

    def encode(
        self,
        model: str,
        image: np.ndarray,
        raw: bool = False,
        label: int | None = None,
        exclude: int | None = None,
        ink: str | None = None,
    ) -> dict[str, Any]:
        """An image's mu and logvar (Z,), x as the model saw it, x_recon at mu, the nearest codes and their votes.

        `image` is (H', W'), or (H', W', 1), 3 or 4, in [0, 1]; `raw` says that it already is a data-set image (exact shape,
        ink bright), else it goes through `sketch`, which `ink` tells how it was drawn. `exclude` leaves a test image's own
        code out of the votes.
        """
        loaded = self.catalogue.load(model)
        label, x = loaded.label(label), loaded.picture(image, raw, ink)
        mu, logvar = loaded.encode(x[None], label)
        left_out = None if exclude is None else loaded.row(exclude, "exclude")
        near, votes = loaded.neighbours.ask(mu[0], left_out)
        return {
            "mu": mu[0],
            "logvar": logvar[0],
            "x": x,
            "x_recon": loaded.decode(mu, label)[0],
            "nearest": near,
            "label_votes": votes,
        }

    def reconstruct(self, dataset: str, index: int, models: list[str] | None = None) -> dict[str, Any]:
        """One test image through several models (all of its data set where None): original, label, {name: x_recon, mu, recon, kl}."""
        names = self.catalogue.of_dataset(dataset)
        for name in () if models is None else checks.listed("models", models):
            found = self.catalogue.folder(name).dataset
            if found != dataset:
                raise InputError(
                    f"models names {name!r}, a model of {found}; here they must be of {dataset}."
                )
        if models is None:
            loadable = self.catalogue.loadable(names)
            whole = checks.is_whole(index)
            through = [one for one in loadable if whole and index < len(one.mu)] or loadable
        else:
            through = [self.catalogue.load(name) for name in models]
        first = through[0] if through else self.catalogue.load(names[0])
        row = first.row(index)
        original = self.catalogue.original(dataset, row)
        answers = {one.name: self._through(one, one.row(index), original) for one in through}
        return {"original": original, "label": int(first.labels[row]), "models": answers}

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
        loaded, found = self.catalogue.load(model), self.chart(model, chart, anchor)
        n = checks.whole("n", n, 1, MOST_SIDE)
        extent = checks.number("extent", extent, 0, checks.MOST_EXTENT)
        uv, z = manifold_grid(found, loaded.mu, n, extent, spacing)
        images = loaded.decode(z.reshape(n * n, -1), loaded.label(label))
        return {"images": images.reshape(n, n, *images.shape[1:]), "z": z, "uv": uv}

    def sample(
        self, model: str, n: int, temperature: float = 1.0, label: int | None = None, seed: int = 0
    ) -> dict[str, np.ndarray]:
        """n images (n, C, H, W) decoded from z ~ N(0, temperature^2 I), and those z (n, Z)."""
        loaded = self.catalogue.load(model)
        n, seed = checks.whole("n", n, 1, checks.MOST_IMAGES), checks.whole("seed", seed, 0)
        temperature = checks.number("temperature", temperature, 0, checks.MOST_TEMPERATURE)
        z = (np.random.default_rng(seed).standard_normal((n, loaded.latent_dim)) * temperature).astype(
            np.float32
        )
        return {"z": z, "images": loaded.decode(z, loaded.label(label))}

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
        loaded = self.catalogue.load(model)
        start, end = loaded.latent(z_start, "z_start"), loaded.latent(z_end, "z_end")
        z = interpolate(start, end, checks.whole("steps", steps, 2, checks.MOST_IMAGES), method)
        return {
            "z": z,
            "images": loaded.decode(z, loaded.label(label)),
            "support": loaded.neighbours.support(z),
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
        steps = checks.whole("steps", steps, 1, checks.MOST_IMAGES - 1)
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
        loaded, plane = self.catalogue.load(model), self.chart(model, chart, anchor)
        ends, label = _ends(plane, start, end), loaded.label(label)
        steps = checks.whole("steps", steps, 2, checks.MOST_IMAGES)
        turns = checks.whole("turns", turns, 0, MOST_TURNS)
        if line is not None:
            line = checks.latents("line", line, 2, "places of a chart are", np.float64)

        def decode(uv: np.ndarray) -> np.ndarray:
            return loaded.decode(plane.to_latent(uv), label).reshape(len(uv), -1)  # (N, 2) -> (N, C*H*W)

        def inside(uv: np.ndarray) -> np.ndarray:
            return loaded.neighbours.support(plane.to_latent(uv)) > 0

        found = shortest(ends[0], ends[1], decode, inside, line, turns, PATH_SAMPLES)
        uv = evenly(found.places, steps, found.gone)
        z = plane.to_latent(uv).astype(np.float32)
        return {
            "uv": uv,
            "z": z,
            "images": loaded.decode(z, label),
            "support": loaded.neighbours.support(z),
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
        loaded = self.catalogue.load(model)
        if not checks.is_whole(dim) or not 0 <= dim < loaded.latent_dim:
            raise InputError(
                f"dim is {checks.short(dim)}; {model} has dimensions from 0 to {loaded.latent_dim - 1}."
            )
        low, high = (
            checks.number(name, value, -checks.MOST_Z, checks.MOST_Z)
            for name, value in (("low", low), ("high", high))
        )
        steps = checks.whole("steps", steps, 2, checks.MOST_IMAGES)
        path = traverse(loaded.latent(z), dim, low, high, steps)
        return {"z": path, "images": loaded.decode(path, loaded.label(label))}


def _ends(chart: Chart, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The two ends (2, 2) of a path that can be looked for: two places of a plane."""
    if chart.basis is None:
        raise InputError(
            f"chart is {chart.name!r}; a shortest path needs a plane: axes:i,j, pca or plane:a,b,c."
        )
    ends = np.stack(
        [
            checks.vector(name, place, 2, "a place of a chart is", np.float64)
            for name, place in (("start", start), ("end", end))
        ]
    )
    if (ends[0] == ends[1]).all():
        raise InputError(f"start and end are both ({ends[0, 0]:g}, {ends[0, 1]:g}); a path needs two places.")
    return ends
