"""Mixtures of experts: where the candidates are, how experts are used, co-spike scores, both impacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import MISSING

from swa.reports.plots.moe_maps import SUPER_EXPERT, draw_hits, draw_shares
from swa.reports.plots.moe_scores import Hit, draw_co_spikes, draw_impacts, write_names
from swa.reports.plots.panels import heading
from swa.reports.plots.style import CANDIDATE, CONFIRMED, figure_style, new_figure
from swa.schemas.detection import DetectionResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(result: DetectionResult) -> Figure:
    """Draw hits by layer and expert, p_active, co-spike scores, and both impacts where they were measured.

    Candidates are grey circles, larger where an expert has several; confirmed ones are stars; squares are super
    experts. Candidates outside of routed experts have a row of their own.
    """
    hits = [Hit(weight, weight.moe) for weight in result.super_weights if weight.moe is not MISSING]
    forced = [hit for hit in hits if MISSING not in (hit.block.impact_natural, hit.block.impact_interventional)]
    with figure_style():
        figure = new_figure(10.4, 9.8)
        figure.set_layout_engine("constrained", h_pad=0.08, w_pad=0.08)
        grid = figure.add_gridspec(2, 2, height_ratios=(1.25, 1.0))
        draw_hits(figure.add_subplot(grid[0, 0]), result)
        draw_shares(figure, figure.add_subplot(grid[0, 1]), result)
        below = figure.add_subplot(grid[1, 0] if forced else grid[1, :])
        names = [(below, draw_co_spikes(below, result, hits))]
        if forced:
            beside = figure.add_subplot(grid[1, 1])
            names.append((beside, draw_impacts(beside, forced)))
        _legend(figure)
        heading(figure, f"{result.model}: super weights in experts")
        figure.draw_without_rendering()
        for axes, some in names:
            write_names(axes, some)
    return figure


def _legend(figure: Any) -> None:
    from matplotlib.lines import Line2D

    plain: dict[str, Any] = {"linestyle": "none"}
    handles = [
        Line2D([], [], marker="*", markersize=11, color=CONFIRMED, **plain),
        Line2D([], [], marker="o", markersize=6, color=CANDIDATE, markerfacecolor="white", **plain),
        Line2D([], [], marker="s", markersize=8, color=SUPER_EXPERT, markerfacecolor="none", **plain),
    ]
    labels = ["confirmed", "candidate (larger: several in one expert)", "super expert"]
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
