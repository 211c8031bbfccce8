"""An unexpected fault while a question is answered."""

from __future__ import annotations

import asyncio
import logging

import gradio as gr
import pytest
from digits_models import Z2

from vae.ui.api import Endpoints


def test_an_unexpected_fault_is_a_plain_sentence_for_the_asker_and_a_trace_for_the_log(
    explorer, doors, caplog, monkeypatch
):
    def fail(*_, **__):
        raise ZeroDivisionError("inner detail")

    monkeypatch.setattr(explorer, "metrics", fail)
    with caplog.at_level(logging.ERROR, "vae.ui"), pytest.raises(gr.Error) as told:
        Endpoints(explorer).metrics(model=Z2)
    assert "could not be answered" in told.value.message and "inner detail" not in told.value.message
    assert "inner detail" in caplog.text
    reply = asyncio.run(doors["card"]({"model": Z2}))
    assert "inner detail" not in reply["error"] and reply["error"].endswith(".")
