"""The first signal that ends a program is obeyed as it would have been, after what is being written; later ones interrupt nothing."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from vae.interrupts import ENDING, ObeyedOnce, signals_wait


@pytest.fixture(autouse=True)
def handlers():
    before = {number: signal.getsignal(number) for number in ENDING}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield before
    for number, way in before.items():
        signal.signal(number, way)


@pytest.mark.parametrize(
    ("number", "error", "code"), [(signal.SIGINT, KeyboardInterrupt, None), (signal.SIGTERM, SystemExit, 143)]
)
def test_the_first_signal_is_obeyed_and_those_that_follow_are_not(number, error, code):
    with ObeyedOnce():
        with pytest.raises(error) as raised:
            signal.raise_signal(number)
        for other in ENDING:
            signal.raise_signal(other)
    assert getattr(raised.value, "code", None) == code
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_signal_counts_again_after_a_while(monkeypatch):
    with ObeyedOnce():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        later = time.monotonic() + 60
        monkeypatch.setattr(time, "monotonic", lambda: later)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_after_a_block_for_good_the_program_ends_undisturbed():
    with ObeyedOnce(for_good=True):
        pass
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    with ObeyedOnce(for_good=True), ObeyedOnce():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    for other in ENDING:
        signal.raise_signal(other)
    assert all(signal.getsignal(number) == signal.SIG_IGN for number in ENDING)


def test_a_handler_that_ends_nothing_hears_every_signal():
    heard = []
    signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    with ObeyedOnce():
        for _ in range(3):
            signal.raise_signal(signal.SIGTERM)
    assert heard == [signal.SIGTERM] * 3


def test_what_is_ignored_stays_ignored():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with ObeyedOnce():
        signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


def test_what_is_written_is_written_before_a_signal_is_obeyed():
    done = []
    with ObeyedOnce():
        with pytest.raises(SystemExit):
            with signals_wait():
                signal.raise_signal(signal.SIGTERM)
                signal.raise_signal(signal.SIGINT)
                done.append("written")
        with signals_wait():  # of the unwinding
            signal.raise_signal(signal.SIGINT)
            done.append("written")
    assert done == ["written"] * 2


def test_another_thread_leaves_the_signals_alone():
    found = []

    def work() -> None:
        with ObeyedOnce(), signals_wait():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    assert found == [signal.SIG_DFL]
