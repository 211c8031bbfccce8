"""The page's own questions: one method each, one dict in, one dict out, arrays as bytes."""

from __future__ import annotations

import numpy as np

from vae.checks import MOST_EXTENT, refuse
from vae.errors import DataError
from vae.ui import arrays
from vae.ui import fields as checks
from vae.ui.answering import Answering, door
from vae.ui.fields import optional
from vae.ui.packing import Fields, pack, pack_images, pack_signed, plain
from vae.ui.page_data import page_data
from vae.ui.pools import LONG, READING, SLOW
from vae.ui.twin import twin
from vae.ui.web.assets import tokens

DRAWS = tokens()["draw"]["samples"]  # of a posterior, where it is no ellipse


class Doors(Answering):
    """What the page may ask."""

    # ---- what there is

    @door(first=True)
    def start(self) -> Fields:
        """All the page must know before anything is drawn; reads only small files."""
        return page_data(self.explorer.catalogue, self.public)

    @door()
    def revision(self) -> Fields:
        """A word that changes when a model is added, replaced or removed."""
        return {"revision": self.explorer.catalogue.revision()}

    @door(READING)
    def device(self) -> Fields:
        """The name of what computes."""
        return {"device": self.explorer.device_name()}

    @door(quick=True, model=checks.model)
    def card(self, model: str) -> Fields:
        """A model's configuration, network, metrics and provenance."""
        return {
            "card": self.told(plain(self.explorer.card(model))),
            "metrics": self.told(plain(self.explorer.metrics(model))),
        }

    @door(network=False, models=checks.models)
    def history(self, models: list[str]) -> Fields:
        """The training histories of several models."""
        return {"histories": {name: plain(self.explorer.history(name)) for name in models}}

    # ---- the map

    @door(
        quick=True,
        first=True,
        network=False,
        model=checks.model,
        chart=optional(checks.chart),
        anchor=optional(checks.index),
    )
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

    @door(LONG, model=checks.model, start=optional(checks.whole(0), 0), chart=optional(checks.chart))
    def training(self, model: str, start: int, chart: str | None) -> Fields:
        """The places of some training codes on a chart, from row `start` on: the page asks until it has the `total`. `absent`: why there are no images."""
        try:
            answer = self.explorer.training_map(model, start, chart)
        except DataError as error:
            return {"absent": self.told(error)}
        return {**answer, "uv": pack(answer["uv"]), "labels": pack(answer["labels"])}

    @door(
        quick=True,
        model=checks.model,
        z=optional(arrays.vector()),
        uv=optional(arrays.vector(2)),
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
            refuse("z", z, "a place: the numbers of z, or uv on a chart")
        answer = self.explorer.place(model, z, label)
        return {
            **plain({k: v for k, v in answer.items() if k != "image"}),
            "image": pack_images(answer["image"]),
            "z": np.asarray(z, float).tolist(),
        }

    @door(SLOW, model=checks.model, z=arrays.latents, label=checks.label)
    def decode(self, model: str, z: np.ndarray, label: int | None) -> Fields:
        """Places decoded, for models that the browser cannot run itself."""
        return {"images": pack_images(self.explorer.decode(model, z, label))}

    @door(quick=True, model=checks.model, index=checks.index, chart=optional(checks.chart))
    def select(self, model: str, index: int, chart: str | None) -> Fields:
        """One test image: original, reconstruction, error, posterior, neighbours, and its spread on a chart that is no plane."""
        answer = dict(self.explorer.select(model, index))
        images = {
            "original": pack_images(answer.pop("original")),
            "x_recon": pack_images(answer.pop("x_recon")),
        }
        images["error_image"] = pack_signed(answer.pop("error"))
        spread = self.explorer.spread(model, index, chart, DRAWS) if chart == "umap" else None
        return {**plain(answer), **images, "spread": plain(spread)}

    @door(
        network=False, model=checks.model, label=optional(checks.whole(0, 255)), seed=optional(checks.seed, 0)
    )
    def find(self, model: str, label: int | None, seed: int) -> Fields:
        """A random test image, of a class where a label is given."""
        return {"index": int(self.explorer.index_of_class(model, label, seed))}

    @door(model=checks.model, indices=checks.indices(tokens()["pick"]["sheet"]))
    def thumbnails(self, model: str, indices: list[int]) -> Fields:
        """Small pictures of test images."""
        return {"images": pack_images(self.explorer.thumbnails(model, indices))}

    @door(SLOW, dataset=checks.dataset, models=checks.models, index=checks.index)
    def reconstruct(self, dataset: str, models: list[str], index: int) -> Fields:
        """One test image through several models."""
        answer = self.explorer.reconstruct(dataset, index, models)
        rows = {
            name: {"x_recon": pack_images(m["x_recon"]), "recon": plain(m["recon"]), "kl": plain(m["kl"])}
            for name, m in answer["models"].items()
        }
        return {"original": pack_images(answer["original"]), "label": plain(answer["label"]), "models": rows}

    @door(SLOW, dataset=checks.dataset, models=checks.models, indices=checks.indices(16))
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
        SLOW,
        model=checks.model,
        n=optional(checks.whole(1, 30), 20),
        extent=optional(checks.number(0, MOST_EXTENT), 2.0),
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

    @door(SLOW, model=checks.model)
    def twin(self, model: str) -> Fields:
        """The library's own answers, for the browser's to be held against."""
        answer = twin(self.explorer, model)
        return {
            key: pack(value.astype(np.float32)) if isinstance(value, np.ndarray) else value
            for key, value in answer.items()
        }

    @door(LONG, model=checks.model)
    def recons(self, model: str) -> Fields:
        """recon of every code, null without the test images; counted once."""
        values = self.explorer.recons(model)
        return {"values": None if values is None else pack(values.astype(np.float32))}

    @door(
        SLOW,
        models=checks.models,
        image=arrays.square_bytes(tokens()["draw"]["side"]),
        exclude=optional(checks.index),
        label=optional(checks.whole(0, 255)),
    )
    def sketch(self, models: list[str], image: np.ndarray, exclude: int | None, label: int | None) -> Fields:
        """A drawing through several models; the same picture is prepared once by each as its data set was made."""
        answers: Fields = {}
        for name in models:
            asked = label if self.explorer.catalogue.folder(name).model.conditional else None
            a = self.explorer.encode(name, image, label=asked, exclude=exclude, ink="bright")
            answers[name] = {
                **plain({k: a[k] for k in ("mu", "logvar", "nearest", "label_votes")}),
                "x_recon": pack_images(a["x_recon"]),
            }
            answers[name]["x"] = pack_images(a["x"])
            answers[name]["pictures"] = pack_images(
                self.explorer.thumbnails(name, [int(n["index"]) for n in a["nearest"]])
            )
        return {"models": answers}
