"""Everything of Gradio that is replaced or reached into, in one place: an upgrade has one file to look at."""

from __future__ import annotations

import inspect
from typing import Any

import gradio as gr
from gradio.components.api_component import Api
from gradio.utils import LRUCache

UNHEARD = 256  # sessions whose answers wait to be fetched; Gradio would keep 2,000, each up to megabytes


def event_fields(event: gr.EventData) -> dict[str, Any]:
    """What the browser sent with a part's own event."""
    return event._data or {}


def bound_queue(demo: Any) -> None:
    """After `demo.queue(...)`: answers that nobody fetches are kept for few sessions."""
    demo._queue.pending_messages_per_session = LRUCache(UNHEARD)


def pass_through(demo: gr.Blocks) -> None:
    """Hand the endpoints' fields and answers on as they are.

    Gradio would look into every number for files to fetch from addresses that the caller names, hold up its loop meanwhile,
    keep each session's last question and answer in memory, and refuse a list that ends before the last parameter.
    """
    inputs_of, outputs_of = demo.preprocess_data, demo.postprocess_data

    async def preprocess_data(
        block_fn: Any, inputs: list[Any], state: Any, explicit_call: bool = False
    ) -> list[Any]:
        if not _is_endpoint(block_fn):
            return await inputs_of(block_fn, inputs, state, explicit_call)
        if len(inputs) > len(block_fn.inputs):
            names = ", ".join(inspect.signature(block_fn.fn).parameters) or "none"
            raise gr.Error(
                f"/{block_fn.api_name} was sent {len(inputs)} fields; it takes {len(block_fn.inputs)}: {names}.",
                print_exception=False,
            )
        return [*inputs, *(block.value for block in block_fn.inputs[len(inputs) :])]

    async def postprocess_data(block_fn: Any, predictions: Any, state: Any) -> list[Any]:
        return [predictions] if _is_endpoint(block_fn) else await outputs_of(block_fn, predictions, state)

    demo.preprocess_data, demo.postprocess_data = preprocess_data, postprocess_data  # type: ignore[method-assign]


def _is_endpoint(block_fn: Any) -> bool:
    return bool(block_fn.outputs) and isinstance(block_fn.outputs[0], Api)
