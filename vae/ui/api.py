"""The named endpoints: the page's questions for any other program, JSON in and JSON out."""

import functools
import inspect
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np

from vae.checks import MOST_EXTENT, MOST_TEMPERATURE, MOST_Z
from vae.errors import VAEError
from vae.ui import arrays, fields
from vae.ui.fields import optional
from vae.ui.pools import HEAVY, SLOW, SMALL, Busy, Pool
from vae.ui.web.costs import counted
from vae.ui.web.gradio_patches import pass_through

if TYPE_CHECKING:
    from vae.explorer import Explorer

log = logging.getLogger("vae.ui")
# every value of four digits once: lists of images share them, which spares memory and time
SHADES = np.array([i / 10_000 for i in range(10_001)], object)
PART = 32  # images that become lists at once
Vector, Vectors, Image = list[float], list[list[float]], list[list[float]] | list[list[list[float]]]


def image_lists(images: np.ndarray) -> list:
    """Images (..., C, H, W) as nested lists (..., H, W), or (..., H, W, 3) for colour, rounded to four digits."""
    images = images[..., 0, :, :] if images.shape[-3] == 1 else np.moveaxis(images, -3, -1)
    if len(images) > PART:  # in parts, between which other threads have their turn
        return [one for start in range(0, len(images), PART) for one in _lists(images[start : start + PART])]
    return _lists(images)


def _lists(images: np.ndarray) -> list:
    return SHADES[np.rint(np.clip(images, 0, 1).astype(np.float64) * 10_000).astype(np.int64)].tolist()


def endpoint(
    pool: Pool | None = None, *, heavy: bool = False, **checks: fields.Check
) -> Callable[[Callable], Callable]:
    """A method of `Endpoints` as an endpoint: its fields checked, a parameter's default put where null came, its faults as `gr.Error`.

    It is computed by the threads of a pool; `heavy` ones take long and wait in a queue of their own before.
    """

    def wrap(method: Callable) -> Callable:
        defaults = {name: p.default for name, p in list(inspect.signature(method).parameters.items())[1:]}
        if list(defaults) != list(checks):
            raise TypeError(f"{method.__name__} takes {list(defaults)}, but {list(checks)} are checked.")
        complete = {
            name: check if defaults[name] is None else optional(check, defaults[name])
            for name, check in checks.items()
        }
        question = f"/{method.__name__}"

        @functools.wraps(method)
        def answer(self: "Endpoints", *values: Any, **named: Any) -> Any:
            try:
                with counted():
                    given = dict(zip(checks, values)) | named
                    return method(self, **fields.check(question, complete, given, self.explorer))
            except VAEError as error:
                text = self.explorer.catalogue.shown(error if self.public else str(error))
                raise gr.Error(text, print_exception=False) from None
            except Exception:
                log.exception("the endpoint %s failed", question)
                text = f"{question} could not be answered; the server's log says why. Try other values or another model."
                raise gr.Error(text, print_exception=False) from None

        answer.heavy, answer.pool = heavy, pool or (HEAVY if heavy else SLOW)  # type: ignore[attr-defined]
        return answer

    return wrap


class Endpoints:
    """One method an endpoint; the docstrings are what the API page says, and a field that must be given is None by default so that we name it."""

    NAMES = (
        "models",
        "decode",
        "encode",
        "reconstruct",
        "codes",
        "manifold",
        "sample",
        "interpolate",
        "traverse",
        "metrics",
    )

    def __init__(self, explorer: "Explorer", public: bool = False):
        self.explorer, self.public = explorer, public

    @endpoint(SMALL)
    def models(self) -> list[dict[str, Any]]:
        """Every model: name, dataset, recipe, latent_dim, image_shape, conditional, variational, metrics."""
        return self.explorer.models()

    @endpoint(heavy=True, model=fields.model, z=arrays.latents, label=fields.label)
    def decode(self, model: str = None, z: Vectors = None, label: int | None = None) -> dict[str, Any]:
        """Images (N, H, W) in [0, 1] at the latents z (N, Z), N up to 1024; conditional models need a label."""
        return {"images": image_lists(self.explorer.decode(model, z, label))}

    @endpoint(model=fields.model, image=arrays.image, raw=fields.flag, label=fields.label)
    def encode(
        self, model: str = None, image: Image = None, raw: bool = False, label: int | None = None
    ) -> dict[str, Any]:
        """Posterior mu and logvar (Z,) of an image (H, W) in [0, 1], x as the model saw it, x_recon at mu, the five nearest codes and the votes.

        raw: the image already is a data-set image of exact shape, ink bright; otherwise it is cropped and scaled like one.
        """
        found = self.explorer.encode(model, image, raw, label)
        return {
            "mu": found["mu"].tolist(),
            "logvar": found["logvar"].tolist(),
            "x": image_lists(found["x"]),
            "x_recon": image_lists(found["x_recon"]),
            "nearest": found["nearest"],
            "label_votes": found["label_votes"],
        }

    @endpoint(heavy=True, dataset=fields.dataset, index=fields.index, models=optional(fields.models))
    def reconstruct(
        self, dataset: str = None, index: int = None, models: list[str] | None = None
    ) -> dict[str, Any]:
        """One test image through several models (all of its data set, where null): x_recon and mu, recon and kl in nats at the mean."""
        found = self.explorer.reconstruct(dataset, index, models)
        through = {
            name: one | {"x_recon": image_lists(one["x_recon"]), "mu": one["mu"].tolist()}
            for name, one in found["models"].items()
        }
        return {
            "original": None if found["original"] is None else image_lists(found["original"]),
            "label": found["label"],
            "models": through,
        }

    @endpoint(heavy=True, model=fields.model)
    def codes(self, model: str = None) -> dict[str, Any]:
        """The test set's codes mu (N, Z) and labels (N,), in test-set order."""
        found = self.explorer.codes(model)
        return {"mu": found["mu"].tolist(), "labels": found["labels"].tolist()}

    @endpoint(
        heavy=True,
        model=fields.model,
        n=fields.whole(1, 30),
        extent=fields.number(0, MOST_EXTENT),
        spacing=fields.choice("even", "equal-mass"),
        chart=optional(fields.chart),
        label=fields.label,
    )
    def manifold(
        self,
        model: str = None,
        n: int = 20,
        extent: float = 2.0,
        spacing: str = "even",
        chart: str | None = None,
        label: int | None = None,
    ) -> dict[str, Any]:
        """A grid of a chart, decoded: images (n, n, H, W) and z (n, n, Z), row 0 at the top; chart axes:i,j, pca, plane:a,b,c or umap."""
        found = self.explorer.manifold(model, n, extent, spacing, chart, label)
        return {"images": image_lists(found["images"]), "z": found["z"].tolist()}

    @endpoint(
        heavy=True,
        model=fields.model,
        n=fields.whole(1, arrays.MOST_ROWS),
        temperature=fields.number(0, MOST_TEMPERATURE),
        label=fields.label,
        seed=fields.seed,
    )
    def sample(
        self,
        model: str = None,
        n: int = None,
        temperature: float = 1.0,
        label: int | None = None,
        seed: int = 0,
    ) -> dict[str, Any]:
        """n images (1 to 1024) decoded from z ~ N(0, temperature^2 I), temperature 0 to 3; the same seed gives the same z."""
        found = self.explorer.sample(model, n, temperature, label, seed)
        return {"z": found["z"].tolist(), "images": image_lists(found["images"])}

    @endpoint(
        model=fields.model,
        z_start=arrays.vector(),
        z_end=arrays.vector(),
        steps=fields.whole(2, 100),
        method=fields.choice("linear", "slerp"),
        label=fields.label,
    )
    def interpolate(
        self,
        model: str = None,
        z_start: Vector = None,
        z_end: Vector = None,
        steps: int = 12,
        method: str = "linear",
        label: int | None = None,
    ) -> dict[str, Any]:
        """The path between two latents (Z,), linear or slerp, in 2 to 100 steps: z, images and the support of each step."""
        found = self.explorer.interpolate(model, z_start, z_end, steps, method, label)
        return {
            "z": found["z"].tolist(),
            "images": image_lists(found["images"]),
            "support": found["support"].tolist(),
        }

    @endpoint(
        model=fields.model,
        z=arrays.vector(),
        dim=fields.dim,
        low=fields.number(-MOST_Z, MOST_Z),
        high=fields.number(-MOST_Z, MOST_Z),
        steps=fields.whole(2, 100),
        label=fields.label,
    )
    def traverse(
        self,
        model: str = None,
        z: Vector = None,
        dim: int = None,
        low: float = None,
        high: float = None,
        steps: int = 11,
        label: int | None = None,
    ) -> dict[str, Any]:
        """z (Z,) with its dimension dim (from 0) running from low to high in 2 to 100 steps: z and images."""
        found = self.explorer.traverse(model, z, dim, low, high, steps, label)
        return {"z": found["z"].tolist(), "images": image_lists(found["images"])}

    @endpoint(SMALL, model=fields.model)
    def metrics(self, model: str = None) -> dict[str, Any]:
        """A model's figures: value, unit and the command that computes each."""
        return self.explorer.metrics(model)


def in_a_thread(endpoint: Callable) -> Callable:
    """An endpoint for Gradio: computed by its pool, so that it shares no thread with what it could hold up."""

    @functools.wraps(endpoint)
    async def asked(*values: Any, **named: Any) -> Any:
        try:
            return await endpoint.pool.run(functools.partial(endpoint, *values, **named))  # type: ignore[attr-defined]
        except Busy as busy:
            raise gr.Error(str(busy), print_exception=False) from None

    return asked


def add_endpoints(demo: gr.Blocks, explorer: "Explorer", public: bool = False) -> None:
    """Gives the page its named endpoints; works inside its `with` block and after it."""
    endpoints = Endpoints(explorer, public)
    with demo:
        for name in Endpoints.NAMES:
            ask = getattr(endpoints, name)
            group, limit = ("endpoints-heavy", 2) if ask.heavy else ("endpoints", 8)
            gr.api(
                in_a_thread(ask),
                api_name=name,
                queue=ask.heavy,
                concurrency_id=group,
                concurrency_limit=limit,
                api_visibility="public",
            )
    pass_through(demo)
