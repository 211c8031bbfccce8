"""What the browser reads to work by itself: weights and codes of the listed models, and a data set's test images. Nothing else of any folder."""

from __future__ import annotations

import functools
import gzip
import hashlib
import os
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

from vae.errors import VAEError
from vae.folders.stamps import file_stamp

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
        try:
            folder = self.catalogue.folders().get(name)
            if folder is None or file not in SERVED:
                return "", None
            full = folder.path / file
            return str(full), os.stat(full)
        except (VAEError, OSError):
            return "", None

    def file_response(
        self, full_path: Any, stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """The file, to be kept and asked for again by its etag: a model may be trained anew under its name, in the same second and size."""
        etag = hashlib.sha256(repr(file_stamp(stat_result)).encode()).hexdigest()[:20]
        headers = {"ETag": f'"{etag}"', "Cache-Control": "no-cache"}
        response = FileResponse(full_path, status_code, headers, stat_result=stat_result)
        response.chunk_size = 1 << 20  # each piece is a trip through a thread; 64 KB is the usual
        unchanged = self.is_not_modified(response.headers, Headers(scope=scope))
        return NotModifiedResponse(response.headers) if unchanged else response

    def is_not_modified(self, response_headers: Headers, request_headers: Headers) -> bool:
        """By the etag alone: the time of a file stays when another with its time takes its place."""
        return "if-none-match" in request_headers and super().is_not_modified(
            response_headers, request_headers
        )


class TestImages:
    """All test images of a data set as bytes (N, C, H, W), one after the other: one answer instead of one a thumbnail."""

    def __init__(self, catalogue: Catalogue):
        self.catalogue = catalogue
        self._packed = functools.lru_cache(maxsize=4)(self._pack)

    def _pack(self, dataset: str, stamp: tuple) -> tuple[bytes, str]:
        raw = self.catalogue.images(dataset, "test").images.tobytes()
        return gzip.compress(raw, compresslevel=4, mtime=0), f'"{hashlib.sha256(raw).hexdigest()[:20]}"'

    def __call__(self, request: Request) -> Response:
        dataset = request.path_params["dataset"]
        try:
            if not self.catalogue.images_at_hand(dataset):
                return Response(status_code=404)
            body, etag = self._packed(dataset, self.catalogue.images_stamp(dataset, "test"))
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
