"""Figures of built-in items say that they are no benchmark."""

from __future__ import annotations

from swa.reports.plots import combined_analysis, impact_comparison


def test_built_in_items_are_called_a_smoke_test_in_figures(evaluation, swa, monkeypatch):
    drawn = []
    for figure in (impact_comparison, combined_analysis):
        monkeypatch.setattr(figure, "draw", drawn.append)
    words = ("--super-weights", "L11.mlp.down_proj[507,1229]", "--accuracy-tasks", "builtin", "--dataset", "builtin")
    assert swa("evaluate", "a/x", *words).code == 0
    assert len(drawn) == 2
    assert all(list(analysis.baseline.accuracy) == ["builtin (smoke test, no benchmark)"] for analysis in drawn)
