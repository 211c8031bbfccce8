"""The page's own doors: one plain function a question, one dict in, one dict out, arrays as bytes, faults as {"error": text}."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from vae.errors import DataError, VAEError
from vae.ui import fields as checks
from vae.ui.fields import optional
from vae.ui.packing import Fields, pack, pack_images, pack_signed, plain
from vae.ui.web.assets import tokens

log = logging.getLogger("vae.ui")
GROUND_MOST = tokens()["ground"]["tiles"]
PATIENCE = 10  # seconds without a visitor after which the networks are loaded anyway
FIGURES_MOST = 64  # figures of all codes that are kept


def door(**wanted: checks.Check) -> Callable[[Callable[..., Fields]], Callable[..., Fields]]:
    """A method of `Doors` that the page may ask, with the check of each of its fields."""

    def wrap(method: Callable[..., Fields]) -> Callable[..., Fields]:
        method.checks = wanted  # type: ignore[attr-defined]
        return method

    return wrap


class Doors:
    """What the page may ask. `functions()` hands them out as the plain functions that Gradio wants."""

    def __init__(self, explorer: Any, public: bool = False):
        self.explorer, self.public = explorer, public
        self._figures: dict[str, np.ndarray] = {}
        self._counting, self._arithmetic = threading.Lock(), threading.Lock()
        self.beyond = threading.Event()  # set once a page asks for more than its first map
        self.warm = (
            threading.Event()
        )  # set once torch is loaded: before that no answer may hold up the server's own loop

    FIRST = ("start", "map")  # all that a page needs to draw its map
    QUICK = (
        "start",
        "map",
        "place",
        "select",
        "card",
    )  # a few milliseconds each once warm: answered on the loop, without a thread's round trip
    SLOW = (
        "training",
        "device",
        "decode",
        "reconstruct",
        "thumbnails",
        "find",
        "manifold",
        "ground",
        "recons",
        "twin",
        "compare",
        "history",
        "sketch",
        "interpolate",
        "shorten",
    )

    def functions(self) -> list[Callable[..., Any]]:
        return [self._door(name, name in self.QUICK) for name in (*self.QUICK, *self.SLOW)]

    def _door(self, name: str, quick: bool) -> Callable[..., Any]:
        method = getattr(self, name)

        def answer(fields: Any) -> Fields:
            try:
                return method(**checks.check(name, method.checks, fields, self.explorer))
            except VAEError as error:
                return {"error": str(error)}
            except Exception:
                log.exception("the door %s failed", name)
                return {
                    "error": f"The server could not answer this question ({name}); its log says why. Try another model or reload the page."
                }

        met: set[str] = (
            set()
        )  # models this door has answered about: the first answer opens the model, which takes seconds

        async def door(fields):
            if name not in self.FIRST:
                self.beyond.set()
            model = fields.get("model") if isinstance(fields, dict) else None
            if quick and self.warm.is_set() and isinstance(model, str) and model in met:
                return answer(fields)
            reply = await asyncio.to_thread(answer, fields)
            if isinstance(model, str) and "error" not in reply:
                met.add(model)
            return reply

        door.__name__ = door.__qualname__ = name
        door.__doc__ = method.__doc__
        return door

    # ---- what there is

    @door()
    def start(self) -> Fields:
        """All the page must know before anything is drawn; reads only small files."""
        from vae.data.sets import DATASETS
        from vae.recipes import RECIPES

        models = [
            {
                **m,
                "variant": "-".join((m["recipe"], *self.explorer.variant(m["name"]))),
                "config": self.explorer.folder(m["name"]).model.to_dict(),
            }
            for m in self.explorer.models()
        ]
        present = {m["dataset"] for m in models}
        datasets = [
            {
                "name": name,
                "title": d.title,
                "classes": list(d.class_names),
                "shape": list(d.image_shape),
                "images": self.explorer.images_at_hand(name),
                "sizes": sorted(
                    set(tokens()["sizes"].get(name, [2]))
                    | {m["latent_dim"] for m in models if m["dataset"] == name}
                ),
            }
            for name, d in DATASETS.items()
            if name in present or name in ("mnist", "fashion-mnist", "digits")
        ]
        space = (
            os.environ.get("SPACE_HOST", "").split(",")[0] or None
        )  # what links to this page begin with, where it is a Space
        return {
            "models": plain(models),
            "broken": self.explorer.broken(),
            "datasets": datasets,
            "recipes": list(RECIPES),
            "space": space,
            "public": self.public,
            "folder": "models"
            if self.public or space
            else self.explorer.models_dir.as_posix(),  # strangers need not know where it lies
        }

    @door()
    def device(self) -> Fields:
        """The name of what computes."""
        return {"device": self.explorer.device_name()}

    @door(model=checks.model)
    def card(self, model: str) -> Fields:
        """A model's configuration, network, metrics and provenance."""
        return {"card": plain(self.explorer.card(model)), "metrics": plain(self.explorer.metrics(model))}

    @door(models=checks.models)
    def history(self, models: list[str]) -> Fields:
        """The training histories of several models."""
        return {"histories": {name: plain(self.explorer.history(name)) for name in models}}

    # ---- the map

    @door(model=checks.model, chart=optional(checks.chart), anchor=optional(checks.index))
    def map(self, model: str, chart: str | None, anchor: int | None) -> Fields:
        """The places of all test codes on a chart."""
        answer = self.explorer.map(model, chart, anchor)
        origin, basis = answer["origin"], answer["basis"]
        return {
            **answer,
            "uv": pack(np.asarray(answer["uv"], np.float32)),
            "labels": pack(answer["labels"]),
            "origin": None if origin is None else np.asarray(origin).tolist(),
            "basis": None if basis is None else np.asarray(basis).tolist(),
        }

    @door(model=checks.model, start=optional(checks.whole(0), 0), chart=optional(checks.chart))
    def training(self, model: str, start: int, chart: str | None) -> Fields:
        """The places of some training codes on a chart, from row `start` on: the page asks until it has the `total`. `absent`: why there are no images."""
        with self._arithmetic:  # seconds of arithmetic: one at a time, whoever asks
            try:
                answer = self.explorer.training_map(model, start, chart)
            except DataError as error:
                return {"absent": str(error)}
        return {**answer, "uv": pack(answer["uv"]), "labels": pack(answer["labels"])}

    @door(
        model=checks.model,
        z=optional(checks.vector()),
        uv=optional(checks.vector(2)),
        chart=optional(checks.chart),
        anchor=optional(checks.index),
        label=checks.label,
    )
    def place(
        self,
        model: str,
        z: np.ndarray | None,
        uv: np.ndarray | None,
        chart: str | None,
        anchor: int | None,
        label: int | None,
    ) -> Fields:
        """One place: decoded, and what lies around it. Comes as `z`, or as `uv` on a chart that the browser cannot apply."""
        if uv is not None:
            z = self.explorer.chart(model, chart, anchor).to_latent(uv[None])[0]
        if z is None:
            checks.refuse("z", z, "a place: the numbers of z, or uv on a chart")
        answer = self.explorer.place(model, z, label)
        return {
            **plain({k: v for k, v in answer.items() if k != "image"}),
            "image": pack_images(answer["image"]),
            "z": np.asarray(z, float).tolist(),
        }

    @door(model=checks.model, z=checks.latents, label=checks.label)
    def decode(self, model: str, z: np.ndarray, label: int | None) -> Fields:
        """Places decoded, for models that the browser cannot run itself."""
        return {"images": pack_images(self.explorer.decode(model, z, label))}

    @door(
        model=checks.model,
        z_start=checks.vector(),
        z_end=checks.vector(),
        steps=checks.whole(2, 100),
        method=checks.choice("linear", "slerp"),
        label=checks.label,
    )
    def interpolate(
        self, model: str, z_start: np.ndarray, z_end: np.ndarray, steps: int, method: str, label: int | None
    ) -> Fields:
        """The path between two places and its pixel length, for models that the browser cannot run itself."""
        found = self.explorer.interpolate(model, z_start, z_end, steps, method, label)
        length = self.explorer.path_length(model, z_start, z_end, method, label, tokens()["path"]["samples"])
        return {
            "z": plain(found["z"]),
            "images": pack_images(found["images"]),
            "support": plain(found["support"]),
            "length": length,
        }

    @door(
        model=checks.model,
        start=checks.vector(2),
        end=checks.vector(2),
        steps=checks.whole(2, 100),
        chart=optional(checks.chart),
        anchor=optional(checks.index),
        label=checks.label,
        line=optional(checks.rows(2, 2, 100, "P")),
        turns=checks.whole(0, 12),
    )
    def shorten(self, model: str, turns: int, line: np.ndarray | None, **fields: Any) -> Fields:
        """The shortest path between two places of a chart, a few turns at a time, for models that the browser cannot run itself."""
        with self._arithmetic:
            found = self.explorer.shortest_path(model, line=line, turns=turns, **fields)
        return {
            **plain({k: v for k, v in found.items() if k != "images"}),
            "images": pack_images(found["images"]),
        }

    @door(model=checks.model, index=checks.index, chart=optional(checks.chart))
    def select(self, model: str, index: int, chart: str | None) -> Fields:
        """One test image: original, reconstruction, error, posterior, neighbours, and its spread on a chart that is no plane."""
        answer = dict(self.explorer.select(model, index))
        images = {
            "original": pack_images(answer.pop("original")),
            "x_recon": pack_images(answer.pop("x_recon")),
        }
        images["error_image"] = pack_signed(answer.pop("error"))
        spread = self._spread(model, answer["mu"], answer["logvar"]) if chart == "umap" else None
        return {**plain(answer), **images, "spread": spread}

    def _spread(self, model: str, mu: np.ndarray, logvar: np.ndarray) -> list[list[float]]:
        eps = np.random.default_rng(0).standard_normal((tokens()["draw"]["samples"], len(mu)))
        z = np.asarray(mu) + np.exp(np.asarray(logvar) / 2) * eps
        return np.asarray(self.explorer.chart(model, "umap").to_plane(z.astype(np.float32)), float).tolist()

    @door(model=checks.model, label=optional(checks.whole(0, 255)), seed=optional(checks.seed, 0))
    def find(self, model: str, label: int | None, seed: int) -> Fields:
        """A random test image, of a class where a label is given."""
        return {"index": int(self.explorer.index_of_class(model, label, seed))}

    @door(model=checks.model, indices=checks.indices(tokens()["pick"]["sheet"]))
    def thumbnails(self, model: str, indices: list[int]) -> Fields:
        """Small pictures of test images."""
        return {"images": pack_images(self.explorer.thumbnails(model, indices))}

    @door(dataset=checks.dataset, models=checks.models, index=checks.index)
    def reconstruct(self, dataset: str, models: list[str], index: int) -> Fields:
        """One test image through several models."""
        answer = self.explorer.reconstruct(dataset, index, models)
        rows = {
            name: {"x_recon": pack_images(m["x_recon"]), "recon": plain(m["recon"]), "kl": plain(m["kl"])}
            for name, m in answer["models"].items()
        }
        return {"original": pack_images(answer["original"]), "label": plain(answer["label"]), "models": rows}

    @door(dataset=checks.dataset, models=checks.models, indices=checks.indices(16))
    def compare(self, dataset: str, models: list[str], indices: list[int]) -> Fields:
        """Several test images through several models: originals, and a row of reconstructions with recon and kl a model."""
        answers = [self.explorer.reconstruct(dataset, index, models) for index in indices]
        originals = (
            None
            if answers[0]["original"] is None
            else pack_images(np.stack([a["original"] for a in answers]))
        )
        rows = {
            name: {
                "images": pack_images(np.stack([a["models"][name]["x_recon"] for a in answers])),
                "recon": [plain(a["models"][name]["recon"]) for a in answers],
                "kl": [plain(a["models"][name]["kl"]) for a in answers],
            }
            for name in models
        }
        return {
            "originals": originals,
            "labels": [int(a["label"]) for a in answers],
            "indices": indices,
            "models": rows,
        }

    # ---- manifold and drawing

    @door(
        model=checks.model,
        n=optional(checks.whole(1, 30), 20),
        extent=optional(checks.number(0, 100), 2.0),
        spacing=optional(checks.choice("even", "equal-mass"), "even"),
        chart=optional(checks.chart),
        label=checks.label,
    )
    def manifold(
        self, model: str, n: int, extent: float, spacing: str, chart: str | None, label: int | None
    ) -> Fields:
        """A grid of decoded places; row 0 is the top."""
        answer = self.explorer.manifold(model, n, extent, spacing, chart, label)
        return {
            "images": pack_images(answer["images"]),
            "z": pack(np.asarray(answer["z"], np.float32)),
            "uv": pack(np.asarray(answer["uv"], np.float32)),
        }

    @door(
        model=checks.model,
        chart=optional(checks.chart),
        anchor=optional(checks.index),
        box=checks.vector(4),
        columns=checks.whole(1, 100),
        rows=checks.whole(1, 100),
        label=checks.label,
    )
    def ground(
        self,
        model: str,
        chart: str | None,
        anchor: int | None,
        box: np.ndarray,
        columns: int,
        rows: int,
        label: int | None,
    ) -> Fields:
        """The decoded ground of a part of a chart: a tile at the middle of each cell of a grid over `box` (u0, u1, v0, v1), the top row first."""
        if columns * rows > GROUND_MOST:
            checks.refuse("columns", columns, f"few enough that columns x rows is at most {GROUND_MOST}")
        u0, u1, v0, v1 = (float(edge) for edge in box)
        u = u0 + (np.arange(columns) + 0.5) / columns * (u1 - u0)
        v = v1 - (np.arange(rows) + 0.5) / rows * (v1 - v0)
        uv = np.stack(np.meshgrid(u, v), -1).reshape(-1, 2)  # (rows * columns, 2)
        z = self.explorer.chart(model, chart, anchor).to_latent(uv).astype(np.float32)
        support = self.explorer.support(model, z)
        return {
            "images": pack_images(self.explorer.decode(model, z, label)),
            "support": np.round(support, 4).tolist(),
        }

    @door(model=checks.model)
    def twin(self, model: str) -> Fields:
        """The library's own answers, for the browser's to be held against."""
        answer = self.explorer.twin(model)
        return {
            key: pack(value.astype(np.float32)) if isinstance(value, np.ndarray) else value
            for key, value in answer.items()
        }

    @door(model=checks.model)
    def recons(self, model: str) -> Fields:
        """recon of every code, null without the test images; counted once."""
        with self._counting:  # a second of arithmetic: one at a time, whoever asks
            if model not in self._figures:
                if len(self._figures) >= FIGURES_MOST:
                    self._figures.clear()
                values = self.explorer.recons(model)
                if values is None:
                    return {"values": None}
                self._figures[model] = values.astype(np.float32)
            return {"values": pack(self._figures[model])}

    @door(
        models=checks.models,
        image=checks.square_bytes(tokens()["draw"]["side"]),
        exclude=optional(checks.index),
        label=optional(checks.whole(0, 255)),
    )
    def sketch(self, models: list[str], image: np.ndarray, exclude: int | None, label: int | None) -> Fields:
        """A drawing through several models; the same picture is prepared once by each as its data set was made."""
        answers: Fields = {}
        for name in models:
            asked = label if self.explorer.folder(name).model.conditional else None
            a = self.explorer.encode(name, image, label=asked, exclude=exclude)
            answers[name] = {
                **plain({k: a[k] for k in ("mu", "logvar", "nearest", "label_votes")}),
                "x_recon": pack_images(a["x_recon"]),
            }
            answers[name]["x"] = pack_images(a["x"])
            answers[name]["pictures"] = pack_images(
                self.explorer.thumbnails(name, [int(n["index"]) for n in a["nearest"]])
            )
        return {"models": answers}


def once(explorer: Any, doors: Doors) -> None:
    """Loads torch and the model that the page opens with, so that the first click finds them ready; then its other sizes.

    Only once a page asks for more than its first map, which needs neither: loading them would share the processor with its drawing.
    """
    doors.beyond.wait(PATIENCE)
    try:
        models = explorer.models()
        opens = next(
            (m for m in models if (m["dataset"], m["recipe"], m["latent_dim"]) == ("mnist", "default", 2)),
            models[0] if models else None,
        )
        same = [
            m
            for m in models
            if opens and (m["dataset"], m["recipe"]) == (opens["dataset"], opens["recipe"]) and m is not opens
        ]
        for model in [opens, *same] if opens else []:
            try:
                explorer.place(
                    model["name"],
                    np.zeros(model["latent_dim"], np.float32),
                    0 if model["conditional"] else None,
                )
                explorer.map(model["name"])
            except VAEError as error:
                log.warning("%s", error)
            doors.warm.set()
        explorer.device_name()
    except Exception:
        log.exception("the first model could not be loaded ahead")
    finally:
        gc.freeze()  # gradio, torch and the first models stay: a collection that walked over them would hold up an answer by a quarter of a second
        gc.enable()
        doors.warm.set()
