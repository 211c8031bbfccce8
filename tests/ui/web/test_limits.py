"""What one visitor and one address may use and hold: shares of the server's time, bodies in the air."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vae.ui.web import bodies, limits
from vae.ui.web.bodies import Body, session_of
from vae.ui.web.limits import MB, Bucket, Held, Shares
from vae.ui.web.refusals import Refusal


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0, 2), st.sampled_from("ab")), max_size=60))
def test_no_name_ever_uses_more_than_its_burst_its_rate_and_one_answer(steps):
    now, used = [0.0], {"a": [], "b": []}
    bucket = Bucket(rate=2, burst=5, clock=lambda: now[0])
    for pause, cost, name in steps:
        now[0] += pause
        wait = bucket.wait(name)
        assert wait >= 0
        if wait == 0:
            bucket.spend(name, cost)
            used[name].append((now[0], cost))
    for spent in used.values():
        for i, (start, _) in enumerate(spent):
            for j in range(i, len(spent)):
                total = sum(cost for _, cost in spent[i : j + 1])
                assert total <= 5 + 2 * (spent[j][0] - start) + spent[j][1] + 1e-6


def test_the_table_of_names_is_bounded_and_forgets_who_was_silent_for_longest():
    bucket = Bucket(rate=1, burst=1, size=100)
    for i in range(1000):
        bucket.spend(f"8.8.{i // 256}.{i % 256}", 0.1)
    assert len(bucket.table) == 100 and "8.8.3.231" in bucket.table
    bucket.wait("9.9.9.9")
    assert "9.9.9.9" not in bucket.table, "who only asks takes no place"


def test_a_class_of_forty_that_opens_the_page_and_then_drags_is_never_made_to_wait():
    """Forty pages behind one address: opened in ten seconds (170 ms of the server each), then five answers a second of 5 ms each for a minute."""
    now = [0.0]
    shares = Shares()
    for bucket in (shares.visitors, shares.addresses, shares.hard):
        bucket.clock = lambda: now[0]
    for second in range(70):
        now[0] = float(second)
        for page in range(40):
            asked = 40  # all at once
            cost = 0.17 if 4 * second <= page < 4 * second + 4 else 0.025 if second >= 10 else 0
            assert shares.wait("10.0.0.1", f"10.0.0.1 {page}", asked, asked) == 0
            shares.spend("10.0.0.1", f"10.0.0.1 {page}", cost)


def test_one_that_keeps_two_processors_busy_is_held_back_even_while_nobody_else_asks():
    now = [0.0]
    shares = Shares()
    shares.hard.clock = lambda: now[0]
    for second in range(600):
        now[0] = float(second)
        if shares.wait("a", None, 0) == 0:
            shares.hard.spend("a", 2.0)
    assert shares.hard.level("a") < shares.hard.rate


def test_one_address_with_many_questions_in_the_air_has_its_shares_counted_before_the_server_is_busy():
    shares = Shares()
    shares.addresses.spend("a", shares.addresses.burst + 1)
    assert shares.wait("a", None, limits.BUSY_OF_ONE - 1, limits.BUSY_OF_ONE - 1) == 0
    assert shares.wait("a", None, limits.BUSY_OF_ONE, limits.BUSY_OF_ONE) > 0
    assert shares.wait("b", None, limits.BUSY_OF_ONE + 1, 1) == 0


# ---- bodies --------------------------------------------------------------------------------------------------------


def sender(*parts: bytes, then: str = "ends"):
    """A `receive` of a client that sends these parts and then ends, hangs or goes."""
    left = list(parts)

    async def receive():
        if left:
            body = left.pop(0)
            return {"type": "http.request", "body": body, "more_body": bool(left) or then != "ends"}
        if then == "goes":
            return {"type": "http.disconnect"}
        await asyncio.Event().wait()

    return receive


def read(held: Held, *parts: bytes, announced: str | None = None, most: int = 12 * MB, then: str = "ends"):
    return asyncio.run(Body(held, "a", most).read(sender(*parts, then=then), announced))


def test_a_body_is_counted_until_it_is_closed():
    held = Held()
    body = Body(held, "a", 12 * MB)
    assert asyncio.run(body.read(sender(b"x" * 10, b"y"), "11")) == b"x" * 10 + b"y"
    assert dict(held.bytes) == {"a": 11}
    body.close()
    body.close()
    assert not held.bytes


def test_a_body_that_does_not_come_is_given_up(monkeypatch):
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.01)
    held = Held()
    with pytest.raises(Refusal) as refused:
        read(held, b"x", announced="100", then="hangs")
    assert refused.value.status == 408 and not held.large


def test_a_body_of_several_megabytes_has_a_second_for_each(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(bodies.time, "monotonic", lambda: now[0])

    async def slow():
        now[0] += 0.9 if now[0] < 8 else 3
        return {"type": "http.request", "body": b"x" * MB, "more_body": True}

    with pytest.raises(Refusal) as refused:
        asyncio.run(Body(Held(), "a", 20 * MB).read(slow, None))
    assert refused.value.status == 408 and now[0] > 8


def test_few_large_bodies_of_one_address_are_taken_at_once_whatever_they_announce():
    held = Held()
    held.large["a"] = limits.LARGE_BODIES
    for announced, parts in ((str(2 * MB), [b"x"]), (None, [b"x" * MB, b"x" * MB]), ("1", [b"x" * (MB + 1)])):
        with pytest.raises(Refusal) as refused:
            read(held, *parts, announced=announced)
        assert refused.value.status == 429 and refused.value.later
    assert read(held, b"x" * MB) == b"x" * MB
    assert dict(held.large) == {"a": limits.LARGE_BODIES}


def test_all_bodies_together_have_a_budget():
    held = Held()
    held.bytes["others"] = limits.BODY_BUDGET - 5
    with pytest.raises(Refusal) as refused:
        read(held, b"x" * 6)
    assert refused.value.status == 503 and refused.value.later
    assert sum(held.bytes.values()) == limits.BODY_BUDGET - 5, "what was refused is not counted"
    assert read(held, b"x" * 5) == b"x" * 5


def test_one_address_takes_no_more_than_its_part_of_the_budget_and_leaves_room_for_small_bodies():
    held = Held()
    assert held.take("a", limits.BODY_SHARE, limits.BODY_SHARE) and not held.take("a", 1, 1)
    rest = limits.BODY_BUDGET - limits.FOR_SMALL - limits.BODY_SHARE
    assert held.take("b", rest, rest)
    assert not held.take("c", 2 * MB, 2 * MB) and held.take("c", limits.SMALL, limits.SMALL)
    held.give("a", limits.BODY_SHARE)
    assert held.take("a", 1, 1) and dict(held.bytes) == {"a": 1, "b": rest, "c": limits.SMALL}


@pytest.mark.parametrize(
    ("body", "known"),
    [
        (b'{"data": {}, "session_hash": "abc-1_Z"}', "abc-1_Z"),
        (b'{"session_hash":"a","data":["' + b"x" * 100_000 + b'"]}', "a"),
        (b'{"data":["' + b"x" * 100_000 + b'"],"session_hash":"a"}', "a"),
        (b'{"data": [1]}', None),
        (b'{"session_hash": null}', None),
        (b'{"session_hash": ""}', None),
        (b'{"session_hash": "' + b"a" * 65 + b'"}', None),
        (b"", None),
    ],
)
def test_a_page_is_known_by_its_session_without_reading_the_picture(body, known):
    assert session_of(body) == known
