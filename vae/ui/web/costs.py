"""What an answer costs the server: its processor time, charged to the visitor who asked."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar

ADDRESS = "lx.address"  # where a request's scope holds by which address its visitor is known
BILL = "lx.bill"  # where a request's scope holds the same, for what is answered later
# Takes seconds of the processor from the share of the visitor whose question is being answered; None where nobody counts
bill: ContextVar[Callable[[float], None] | None] = ContextVar("bill", default=None)


def charge(seconds: float) -> None:
    """Take from the share of the visitor whose question is being answered, if there is one."""
    if (spend := bill.get()) is not None:
        spend(seconds)


@contextlib.contextmanager
def counted() -> Iterator[None]:
    """The processor time that this thread spends inside is charged."""
    began = time.thread_time()
    try:
        yield
    finally:
        charge(time.thread_time() - began)
