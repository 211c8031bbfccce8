"""What `docs/serving.md` says of the server's limits is what the program holds to."""

from __future__ import annotations

import re

import pytest
from support import ROOT

from vae.ui.web import bodies, guard, limits, sockets, steady_queue

TEXT = " ".join((ROOT / "docs" / "serving.md").read_text(encoding="utf-8").split())
MB, SHARES = limits.MB, limits.Shares()


@pytest.mark.parametrize(
    ("sentence", "numbers"),
    [
        (
            "at most (1) MB, and (12) MB \\((32) MB on a private server\\)",
            (limits.LARGE // MB, guard.PUBLIC_MAX_BODY // MB, guard.MAX_BODY // MB),
        ),
        ("connections \\| (512)", (sockets.MOST,)),
        ("head of a request \\| (10) s", (sockets.HEAD_SECONDS,)),
        ("bodies above (1) MB that are being sent \\| (4)", (limits.LARGE // MB, limits.LARGE_BODIES)),
        ("a body may take \\| (5) s", (bodies.BODY_SECONDS,)),
        (
            "bodies in memory \\| (32) MB \\((64) MB of all addresses, (8) of them",
            (limits.BODY_SHARE // MB, limits.BODY_BUDGET // MB, limits.FOR_SMALL // MB),
        ),
        ("questions in the air \\| (128) \\((256) of all", (limits.FULL_OF_ONE, limits.FULL)),
        ("in the queue \\| (24)", (steady_queue.WAITING_OF_ONE,)),
        (
            "nobody fetches \\| (16) for a minute \\((128) of all",
            (steady_queue.UNHEARD_OF_ONE, steady_queue.UNHEARD),
        ),
        ("event streams \\| (20) \\((400) of all", (limits.STREAMS, limits.ALL_STREAMS)),
        ("not taken \\| (30) s", (sockets.TAKE_SECONDS,)),
        ("fewer than (32) questions are in the air, and fewer than (8)", (limits.BUSY, limits.BUSY_OF_ONE)),
        (
            "([0-9.]+) s a second after a burst of (10) s",
            (SHARES.visitors.rate, SHARES.visitors.burst),
        ),
        (
            "address ([0-9.]+) s a second after a burst of (60) s",
            (SHARES.addresses.rate, SHARES.addresses.burst),
        ),
        ("finish for up to (two) seconds", ("two",) if sockets.GRACE == 2 else ()),
    ],
)
def test_the_page_about_serving_has_the_programs_numbers(sentence, numbers):
    found = re.search(sentence, TEXT)
    assert found, f"docs/serving.md no longer says: {sentence}"
    assert found.groups() == tuple(f"{n:g}" if not isinstance(n, str) else n for n in numbers)


def test_an_unfetched_answer_is_kept_for_the_minute_that_the_page_says():
    assert steady_queue.KEPT == 60 and SHARES.hard.rate == 1 and SHARES.hard.burst == 120
