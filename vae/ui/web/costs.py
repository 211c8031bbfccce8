"""What an answer costs: the processor time of whoever computes it, added to the bill of the request it is for."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextvars import ContextVar

# {"seconds": of the request that is answered here}; who counts puts one in place before the question is passed on
bill: ContextVar[dict[str, float] | None] = ContextVar("bill", default=None)


def charge(seconds: float) -> None:
    """Add processor time to the request's bill, if there is one."""
    found = bill.get()
    if found is not None:
        found["seconds"] += seconds


@contextlib.contextmanager
def counted() -> Iterator[None]:
    """The processor time that this thread spends meanwhile is charged, also where it ends in an error."""
    began = time.thread_time()
    try:
        yield
    finally:
        charge(time.thread_time() - began)
