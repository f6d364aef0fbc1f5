"""Whether a bootstrap has enough windows to draw from, and what is advised where it has not."""

from __future__ import annotations

from dataclasses import replace

from swa.data.options import WindowOptions
from swa.runs.inputs.text_budget import TextBudget, bootstrap_warning

TEXT = TextBudget(n_tokens=3000, n_prefix=1, context_length=2048)
FEW = WindowOptions(tokens=500, window_len=200, stride=100)


def test_each_way_out_gives_enough():
    said = bootstrap_warning(TEXT, FEW)
    assert said is not None
    assert said.startswith("--bootstrap has 4 windows to draw from; below 20 intervals are rough. --tokens 2100 or")
    _, length, _, stride = said.split(" or ")[1].split()[:4]
    assert bootstrap_warning(TEXT, replace(FEW, tokens=2100)) is None
    assert bootstrap_warning(TEXT, replace(FEW, window_len=int(length), stride=int(stride))) is None


def test_a_short_text_has_no_way_out():
    said = bootstrap_warning(TextBudget(10, 1, 2048), FEW)
    assert said is not None
    assert said.endswith("The text is too short for more.")
