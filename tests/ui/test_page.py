"""How the page is wired: who may call a listener, how often, and what waits."""

from __future__ import annotations

from vae.ui.api import Endpoints


def test_every_listener_says_who_may_call_it_how_often_and_what_waits(demo):
    for wired in demo.config["dependencies"]:
        function = demo.fns[wired["id"]]
        about = f"{wired['api_name']} {wired['targets']}"
        # Gradio's default is the function's id()
        assert not function.concurrency_id.isdigit(), f"{about} has no concurrency_id of its own"
        assert wired["api_visibility"] in ("public", "private"), about
        assert (wired["api_visibility"] == "public") == (wired["api_name"] in Endpoints.NAMES), about
        assert wired["trigger_mode"] in ("once", "multiple", "always_last") or not wired["targets"], about
        assert function.fn.__name__ != "<lambda>", about
        assert isinstance(wired["queue"], bool), about


def test_functions_that_share_a_group_share_its_limit(demo):
    limits: dict[str, set] = {}
    for function in demo.fns.values():
        limits.setdefault(function.concurrency_id, set()).add(function.concurrency_limit)
    assert all(len(found) == 1 for found in limits.values()), limits
