"""Which addresses of the server are reachable: only what this page and its named endpoints use. Gradio brings more with every release."""

from __future__ import annotations

import re
from typing import NamedTuple

API = "/gradio_api"
NAME = r"[A-Za-z0-9_-]{1,64}"


class Kind(NamedTuple):
    """What an address is, for the limits that hold for it."""

    cost: float = 0.0  # seconds of the server that one answer takes beside what its door counts itself
    question: bool = False  # is asked by POST, and waits for its turn where the server is busy
    picture: bool = False  # its body may hold an image or a thousand latents
    stream: bool = False  # stays open until something has been told


FILE = Kind()  # from memory or from the disk as it is
PAGE = Kind(cost=0.005)
QUESTION = Kind(cost=0.0015, question=True)
PICTURE = Kind(cost=0.0015, question=True, picture=True)
STREAM = Kind(cost=0.001, stream=True)

LOOKED_AT = (
    (rf"/(assets|static|lx)/.+|/(theme\.css|favicon\.ico|manifest\.json|robots\.txt)|{API}/app_id/?", FILE),
    (rf"/|/config/?|{API}/(info/?|openapi\.json|startup-events|queue/status)", PAGE),
    (rf"{API}/(heartbeat/[^/]{{1,100}}|queue/data|call/(v2/)?{NAME}/[^/]{{1,100}})", STREAM),
)
ASKED = (
    # by name, and by number for programs that ask through Gradio's own client
    (rf"{API}/((call|call/v2|run)/(encode|decode)/?|queue/join)", PICTURE),
    (rf"{API}/(component_server/?|(call|call/v2|run)/{NAME}/?|cancel)", QUESTION),
)


def _compiled(table: tuple[tuple[str, Kind], ...]) -> list[tuple[re.Pattern[str], Kind]]:
    return [(re.compile(pattern), kind) for pattern, kind in table]


_TABLES = {"GET": _compiled(LOOKED_AT), "HEAD": _compiled(LOOKED_AT), "POST": _compiled(ASKED)}


def reachable(method: str, path: str) -> Kind | None:
    """What lies at an address, for this method; None where nothing does."""
    for pattern, kind in _TABLES.get(method, ()):
        if pattern.fullmatch(path):
            return kind
    return None


def methods_of(path: str) -> list[str]:
    """The methods by which an address can be reached, [] where it cannot."""
    return [method for method in _TABLES if reachable(method, path)]
