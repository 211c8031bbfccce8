"""What the page says of drawings is what the models do with them."""

from __future__ import annotations

import runpy

import pytest
from support import MODELS, ROOT, needs_model

from vae.explorer import Explorer
from vae.texts import texts


@pytest.mark.parametrize("dataset", texts()["drawing"])
def test_as_many_drawings_are_recognised_as_the_draw_tab_says(dataset, mnist):
    said = texts()["drawing"][dataset]
    needs_model(said["model"])
    bench = runpy.run_path(str(ROOT / "benchmarks" / "bench_digits.py"))
    share = bench["right"](Explorer(MODELS), said["model"], mnist[1]) / bench["COUNT"]
    assert 100 * share == pytest.approx(said["right"], abs=2)
