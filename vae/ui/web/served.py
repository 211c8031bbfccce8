"""What the browser reads to work by itself: weights and codes of the listed models, and a data set's test images. Nothing else of any folder."""

from __future__ import annotations

import functools
import gzip
import hashlib
import os
import re
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, BinaryIO

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from vae.errors import UnreadableError, VAEError
from vae.folders.stamps import file_stamp
from vae.reading import PIECE, Refused, open_file
from vae.texts import text
from vae.ui.web.refusals import refused

if TYPE_CHECKING:
    from vae.catalogue import Catalogue
    from vae.folders.model_folder import ModelFolder

PREFIX = "/lx/models"
IMAGES = "/lx/images"
NOT_KEPT = {"Cache-Control": "no-store"}
SERVED = ("model.safetensors", "codes.safetensors", "charts.safetensors")


class OpenedFile(Response):
    """A file, or a part of it, sent from the handle that is open: one that takes its place meanwhile does not mix with it."""

    def __init__(self, file: BinaryIO, size: int, wanted: str | None, headers: dict[str, str]):
        self.file, self.first, self.last = file, 0, size - 1
        part = _part(wanted, size)
        if part:
            self.first, self.last = part
            headers = {**headers, "Content-Range": f"bytes {self.first}-{self.last}/{size}"}
        length = self.last - self.first + 1
        headers = {**headers, "Content-Length": str(length), "Accept-Ranges": "bytes"}
        self.status_code, self.background, self.body = 206 if part else 200, None, b""
        self.media_type = "application/octet-stream"
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Each piece is a trip through a thread; a visitor who goes leaves no handle open."""
        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        try:
            await send(start)
            left = 0 if scope["method"] == "HEAD" else self.last - self.first + 1
            self.file.seek(self.first)
            while left and (piece := await run_in_threadpool(self.file.read, min(left, PIECE))):
                left -= len(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            if left:  # the connection is ended, so that the visitor does not wait for the rest
                raise UnreadableError("A file was cut while it was sent; ask again.")
            await send({"type": "http.response.body", "body": b""})
        finally:
            self.file.close()


def _part(wanted: str | None, size: int) -> tuple[int, int] | None:
    """First and last byte of the one part that is asked for; None for the whole, also where several or none are meant."""
    found = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", wanted or "")
    if not found or not any(found.groups()):
        return None
    first, last = found.groups()
    low = int(first) if first else max(0, size - int(last))
    high = min(int(last), size - 1) if first and last else size - 1
    return (low, high) if low <= high else None


class ModelFiles:
    """`<model>/` weights, codes and charts of listed models, with an etag; every other path does not exist.

    With `?rev=`, the revision that a page knows a model by, it gets that model's files or 409: never those of another net.
    """

    def __init__(self, catalogue: Catalogue):
        self.catalogue = catalogue

    def __call__(self, request: Request) -> Response:
        name, file = request.path_params["model"], request.path_params["file"]
        if file not in SERVED:
            return Response(status_code=404)
        try:
            opened, folder = self._opened(name, file)
        except UnreadableError as error:
            return refused(503, self.catalogue.shown(error), NOT_KEPT | {"Retry-After": "1"})
        except (VAEError, Refused):
            return Response(status_code=404)
        try:
            found = os.fstat(opened.fileno())
            changed = self._changed(folder, file, found, request.query_params.get("rev"))
            answer = changed or self._answer(request, opened, found)
        except BaseException:
            opened.close()
            raise
        if not isinstance(answer, OpenedFile):
            opened.close()
        return answer

    def _opened(self, name: str, file: str) -> tuple[BinaryIO, ModelFolder]:
        """The file of a listed model, and the folder as it is listed; looked up by name and never by path."""
        for attempt in (1, 2, 3):
            folder = self.catalogue.folder(name)  # says why it is not listed
            if name not in self.catalogue.folders():
                raise Refused("is damaged")
            opened = open_file(folder.path / file, folder.path)
            if attempt == 3 or _is_listed(folder, file, os.fstat(opened.fileno())):
                return opened, folder
            opened.close()
            self.catalogue.refresh()  # it was exchanged since
        raise AssertionError("the last attempt returns or raises")

    def _changed(
        self, folder: ModelFolder, file: str, found: os.stat_result, wanted: str | None
    ) -> Response | None:
        """Why the file is not of the revision that is asked for."""
        if wanted is None:
            return None
        try:
            if _is_listed(folder, file, found) and folder.revision == wanted:
                return None
        except UnreadableError as error:
            return refused(503, self.catalogue.shown(error), NOT_KEPT | {"Retry-After": "1"})
        except VAEError:
            return Response(status_code=404)
        return refused(409, text("served", "changed", model=folder.name), NOT_KEPT)

    def _answer(self, request: Request, opened: BinaryIO, found: os.stat_result) -> Response:
        """The file, to be kept and asked for again by its etag: a model may be trained anew under its name, in the same second and size."""
        etag = f'"{hashlib.sha256(repr(file_stamp(found)).encode()).hexdigest()[:20]}"'
        headers = {
            "ETag": etag,
            "Cache-Control": "no-cache",
            "Last-Modified": formatdate(found.st_mtime, usegmt=True),
        }
        asked = request.headers.get("if-none-match", "")
        if etag in [one.strip().removeprefix("W/") for one in asked.split(",")]:
            return Response(status_code=304, headers=headers)
        whole = request.headers.get("if-range") not in (None, etag)
        return OpenedFile(opened, found.st_size, None if whole else request.headers.get("range"), headers)


def _is_listed(folder: ModelFolder, file: str, found: os.stat_result) -> bool:
    """Whether an open file is the one that the folder had when it was listed."""
    return dict(folder.stamp).get(file) == file_stamp(found)


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
    files, images = ModelFiles(catalogue), TestImages(catalogue)

    def model_files(request: Request) -> Response:
        return files(request)

    def test_images(request: Request) -> Response:
        return images(request)

    return [
        Route(PREFIX + "/{model}/{file:path}", model_files, methods=["GET"]),
        Route(IMAGES + "/{dataset}", test_images, methods=["GET"]),
    ]
