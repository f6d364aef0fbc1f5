"""One super weight: the tokens that its removal makes more and less likely."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import MISSING

from swa.findings.names import place_of
from swa.reports.plots.bars import Bar, draw_bars
from swa.reports.plots.panels import heading, label_rows
from swa.reports.plots.style import figure_style, new_figure
from swa.reports.plots.token_ticks import piece_tick
from swa.schemas.cards import SuperWeightCard, TokenShift
from swa.text.numbers import metric

if TYPE_CHECKING:
    from matplotlib.figure import Figure

N_SHOWN = 20
"""Tokens of each end; a record may hold more."""
UP, DOWN = "#55833d", "#b0413e"
ROW_HEIGHT = 0.21


def draw(card: SuperWeightCard) -> Figure:
    """Draw the mean change of probability of the tokens that gain and lose most, each with its means before and after.

    A card without token shifts gives a figure that says so.
    """
    shifts = card.token_shifts
    up, down = ([], []) if shifts is MISSING else (shifts.up[:N_SHOWN], shifts.down[:N_SHOWN])
    n_rows = max(len(up), len(down), 3)
    with figure_style():
        figure = new_figure(8.6, n_rows * ROW_HEIGHT + 1.6)
        figure.set_layout_engine("constrained", w_pad=0.12)
        left, right = figure.subplots(1, 2)
        _draw_side(left, up, n_rows, title="more likely without the scalar", colour=UP)
        _draw_side(right, down, n_rows, title="less likely without the scalar", colour=DOWN)
        heading(figure, f"{card.model}: {place_of(card)}, token shifts")
        if shifts is not MISSING:
            _note(figure, f"total variation over the whole vocabulary: {metric(shifts.total_variation)}")
    return figure


def _draw_side(axes: Any, shifts: Sequence[TokenShift], n_rows: int, *, title: str, colour: str) -> None:
    labels = [piece_tick(shift.tok, shift.str_) for shift in shifts]
    label_rows(axes, [*labels, *[""] * (n_rows - len(shifts))], ROW_HEIGHT)
    axes.set_title(title, loc="left", fontsize=9)
    axes.set_xlabel("mean change of probability", fontsize=8)
    if not shifts:
        axes.text(0.5, 0.5, "no token", transform=axes.transAxes, ha="center", va="center", fontsize=9)
        axes.set_xticks([])
        return
    bars = [
        Bar(row, shift.delta_p, colour, f"{metric(shift.p_baseline)} → {metric(shift.p_modified)}")
        for row, shift in enumerate(shifts)
    ]
    draw_bars(axes, bars, start=0.0, log=False, reach=0.0)
    axes.locator_params(axis="x", nbins=4)


def _note(figure: Figure, text: str) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(facecolor="none", label=text)]
    figure.legend(handles=handles, loc="outside lower left", handlelength=0, frameon=False, fontsize=8)
