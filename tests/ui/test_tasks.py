"""Tasks: their order, their owners, their ends; threads wait for events, never for a time."""

from __future__ import annotations

import json
import threading
import types

import pytest

from vae.errors import DataError, InputError
from vae.ui.page import Downloads, owner_of
from vae.ui.tasks import PER_OWNER, Task, Tasks

WAIT = 60  # seconds after which something is broken, on the slowest machine


class Gate:
    """Work that says when it has begun and goes on when it is let."""

    def __init__(self, result: object = None):
        self.began, self.go, self.result = threading.Event(), threading.Event(), result

    def __call__(self, report, cancel):
        report(0.25, "a quarter")
        self.began.set()
        assert self.go.wait(WAIT)
        if cancel.is_set():
            raise DataError("The work was cancelled; start it again when you like.")
        return self.result


def test_a_task_reports_while_it_runs_and_ends_with_its_result():
    work = Gate(result=[1, 2])
    task = Tasks().submit("training", "ada", work)
    assert work.began.wait(WAIT)
    news = task.news()
    assert (news["state"], news["share"], news["text"]) == ("running", 0.25, "a quarter")
    work.go.set()
    assert task.finished.wait(WAIT)
    assert (task.state, task.share, task.result, task.error) == ("done", 1.0, [1, 2], None)
    json.dumps(task.news())


def test_one_at_a_time_runs_in_the_order_they_came_and_the_others_say_that_they_wait():
    tasks, works = Tasks(), [Gate() for _ in range(3)]
    running = [tasks.submit("training", f"visitor {i}", work) for i, work in enumerate(works)]
    for i, work in enumerate(works):
        assert work.began.wait(WAIT)
        assert [w.began.is_set() for w in works] == [n <= i for n in range(3)]
        assert all(task.news()["state"] in ("queued", "starting") for task in running[i + 1 :])
        work.go.set()
        assert running[i].finished.wait(WAIT)
    assert [task.state for task in running] == ["done"] * 3


def test_kinds_do_not_wait_for_each_other():
    tasks, training, download = Tasks(), Gate(), Gate()
    tasks.submit("training", "ada", training)
    tasks.submit("download", "ada", download)
    assert training.began.wait(WAIT) and download.began.wait(WAIT)
    training.go.set()
    download.go.set()


def test_cancel_ends_what_runs_at_its_next_look_and_what_waits_at_once_and_only_ones_own():
    tasks, first, second, other = Tasks(), Gate(), Gate(), Gate()
    running, waiting = tasks.submit("training", "ada", first), tasks.submit("training", "ada", second)
    theirs = tasks.submit("training", "bob", other)
    assert first.began.wait(WAIT)
    tasks.cancel("ada")
    assert waiting.finished.wait(WAIT) and waiting.state == "cancelled" and not second.began.is_set()
    assert "start it again" in waiting.error
    first.go.set()
    assert running.finished.wait(WAIT) and running.state == "cancelled"
    assert other.began.wait(WAIT) and not theirs.cancelled.is_set()
    other.go.set()
    assert theirs.finished.wait(WAIT) and theirs.state == "done"


def test_a_fault_of_the_library_is_its_sentence_and_any_other_is_one_of_ours():
    def refuse(report, cancel):
        raise DataError("The disk is full; make room and try again.")

    def fail(report, cancel):
        raise ZeroDivisionError("division by zero")

    refused, failed = (Tasks().submit("download", "ada", work) for work in (refuse, fail))
    assert refused.finished.wait(WAIT) and failed.finished.wait(WAIT)
    assert (refused.state, refused.error) == ("failed", "The disk is full; make room and try again.")
    assert failed.state == "failed" and "division by zero" in failed.error and "Try again" in failed.error


def test_after_a_fault_the_next_in_line_runs():
    tasks, work = Tasks(), Gate()

    def fail(report, cancel):
        raise ZeroDivisionError

    tasks.submit("training", "ada", fail)
    tasks.submit("training", "ada", work)
    assert work.began.wait(WAIT)
    work.go.set()


def test_a_visitor_cannot_queue_without_end_and_another_is_not_held_up():
    tasks, works = Tasks(), [Gate() for _ in range(PER_OWNER)]
    for work in works:
        tasks.submit("training", "ada", work)
    with pytest.raises(InputError, match=f"{PER_OWNER} tasks of yours"):
        tasks.submit("training", "ada", Gate())
    other = tasks.submit("training", "bob", lambda report, cancel: "bob's")
    for work in works:
        work.go.set()
    assert other.finished.wait(WAIT) and other.result == "bob's"


def test_time_left_is_what_remains_at_the_pace_so_far():
    now = [100.0]
    task = Task(
        1,
        "training",
        "ada",
        lambda report, cancel: report(0.2, "") or now.__setitem__(0, 108.0),
        lambda: now[0],
    )
    assert task.seconds_left is None
    seen = []
    task._work = lambda report, cancel: (
        report(0.2, ""),
        now.__setitem__(0, 108.0),
        seen.append(task.seconds_left),
    )
    task.run()
    assert seen == [pytest.approx(32.0)], "a fifth took 8 s, so four fifths take 32 s"
    assert task.seconds_left is None


# ---- the download, its first user


class Catalogue:
    """Only counts what it is asked to fetch."""

    def __init__(self):
        self.asked = []

    def fetch_images(self, dataset, progress, cancel) -> None:
        self.asked.append(dataset)
        progress(1, 4)


def visitor(session: object = "ada", host: str = "127.0.0.1") -> types.SimpleNamespace:
    return types.SimpleNamespace(session_hash=session, client=types.SimpleNamespace(host=host))


def fetched(public: bool, data: object = {"dataset": "mnist"}, by=None) -> tuple[list[str], dict]:  # noqa: B006
    catalogue = Catalogue()
    downloads = Downloads(types.SimpleNamespace(catalogue=catalogue), public)
    event = types.SimpleNamespace(_data=data)
    return catalogue.asked, [json.loads(news) for news in downloads.fetch(event, by or visitor())][-1]


@pytest.mark.parametrize(
    "data",
    [None, "mnist", ["mnist"], 3, {"dataset": None}, {"dataset": ["mnist"]}, {"dataset": "x" * 10**6}, {}],
    ids=lambda data: repr(data)[:20],
)
@pytest.mark.parametrize("public", [False, True])
def test_an_event_that_names_no_data_set_is_answered_in_a_short_sentence(data, public):
    asked, news = fetched(public, data)
    assert asked == [] and news["dataset"] == "" and len(json.dumps(news)) < 400
    assert news["error"].endswith(".") and ("mnist" in news["error"] or public)


@pytest.mark.parametrize("session", [None, "", 7])
def test_a_download_without_a_session_is_not_begun_and_cancels_nobody_elses(session):
    asked, news = fetched(False, by=visitor(session))
    assert asked == [] and "reload the page" in news["error"]
    downloads, work = Downloads(types.SimpleNamespace(catalogue=Catalogue())), Gate()
    for owner in ("None ", " ", "7 127.0.0.1"):
        downloads.tasks.submit("download", owner, work)
    downloads.stop(visitor(session))
    assert not any(task.cancelled.is_set() for task in downloads.tasks._tasks.values())
    work.go.set()


def test_cancel_ends_the_download_of_the_page_that_asks_and_of_no_other():
    downloads, work = Downloads(types.SimpleNamespace(catalogue=Catalogue())), Gate()
    asking = visitor("ada"), visitor("bob"), visitor("ada", "192.0.2.7")
    mine, theirs, forged = (downloads.tasks.submit("download", owner_of(one), work) for one in asking)
    downloads.stop(visitor("ada"))
    assert mine.cancelled.is_set() and not theirs.cancelled.is_set() and not forged.cancelled.is_set()
    work.go.set()


def test_a_visitor_of_a_public_page_cannot_start_a_download_and_is_told_so():
    asked, news = fetched(public=True)
    assert asked == [] and "done" not in news
    assert (
        news["dataset"] == "mnist"
        and "cannot start downloads" in news["error"]
        and news["error"].endswith(".")
    )


def test_the_owner_of_a_private_page_may_start_a_download():
    asked, news = fetched(public=False)
    assert asked == ["mnist"] and news["done"] and news["error"] is None
