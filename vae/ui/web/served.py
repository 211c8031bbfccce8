"""What the browser reads to work by itself: weights and codes of the listed models, and a data set's test images. Nothing else of any folder."""

from __future__ import annotations

import functools
import gzip
import hashlib
import os
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from vae.errors import VAEError

if TYPE_CHECKING:
    from vae.catalogue import Catalogue

PREFIX = "/lx/models"
IMAGES = "/lx/images"
SERVED = ("model.safetensors", "codes.safetensors", "charts.safetensors")


class ModelFiles(StaticFiles):
    """`<model>/` weights, codes and charts of listed models, with an etag; every other path does not exist."""

    def __init__(self, catalogue: Catalogue):
        super().__init__(directory=None, packages=None, check_dir=False)
        self.catalogue = catalogue

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """The file of an address, looked up by name and never by path."""
        name, _, file = path.replace(os.sep, "/").partition("/")
        if file not in SERVED:
            return "", None
        try:
            full = self.catalogue.folder(name).path / file
            return str(full), os.stat(full)
        except (VAEError, OSError):
            return "", None

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """The file, to be kept and asked for again by its etag: a model may be trained anew under its name."""
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        if isinstance(response, FileResponse):
            response.chunk_size = 1 << 20  # each piece is a trip through a thread; 64 KB is the usual
        return response


class TestImages:
    """All test images of a data set as bytes (N, C, H, W), one after the other: one answer instead of one a thumbnail."""

    def __init__(self, catalogue: Catalogue):
        self.catalogue = catalogue
        self._packed = functools.lru_cache(maxsize=4)(self._pack)

    def _pack(self, dataset: str) -> tuple[bytes, str]:
        raw = self.catalogue.images(dataset, "test").images.tobytes()
        return gzip.compress(raw, compresslevel=4, mtime=0), f'"{hashlib.sha256(raw).hexdigest()[:20]}"'

    def __call__(self, request: Request) -> Response:
        dataset = request.path_params["dataset"]
        try:
            if not self.catalogue.images_at_hand(dataset):
                return Response(status_code=404)
            body, etag = self._packed(dataset)
        except VAEError:
            return Response(status_code=404)
        headers = {"ETag": etag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") in (etag, "W/" + etag):
            return Response(status_code=304, headers=headers)
        return Response(
            body, media_type="application/octet-stream", headers={**headers, "Content-Encoding": "gzip"}
        )


def routes(catalogue: Catalogue) -> list[Any]:
    """The two addresses, for reading only."""
    images = TestImages(catalogue)

    def test_images(request: Request) -> Response:
        return images(request)

    return [Mount(PREFIX, ModelFiles(catalogue)), Route(IMAGES + "/{dataset}", test_images, methods=["GET"])]
