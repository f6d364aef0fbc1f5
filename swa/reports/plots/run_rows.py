"""Figures with one row a compared run, and a dot a super weight in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from swa.reports.plots.panels import heading
from swa.reports.plots.severity import SEVERITY_COLOURS, severity_legend
from swa.reports.plots.style import new_figure, wrapped
from swa.schemas.summaries import ComparedRun, Removal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME_WIDTH = 34
"""Letters in a line of a label."""
LINE_HEIGHT = 0.16
"""Inches of a line of a label."""
SPREAD = 0.13
"""Rows by which dots at one place step aside."""
NEAR = 0.012
"""Share of the axis within which dots count as at one place."""


def run_rows(runs: Sequence[ComparedRun], title: str) -> tuple[Figure, Any]:
    """A figure with a labelled row for each run, the first on top."""
    labels = [wrapped(run.label, NAME_WIDTH) for run in runs]
    heights = [max(0.42, LINE_HEIGHT * (label.count("\n") + 1) + 0.1) for label in labels]
    figure = new_figure(8.0, max(heights, default=0.42) * max(1, len(runs)) + 1.7)
    axes = figure.subplots()
    axes.set_yticks(range(len(labels)), labels, fontsize=8)
    axes.set_ylim(max(1, len(labels)) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(axis="both", alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    heading(figure, title)
    used = {one.severity for run in runs for one in run.removals}
    if used:
        figure.legend(handles=severity_legend(used), loc="outside lower left", ncols=3, frameon=False, fontsize=8)
    return figure, axes


def dots(axes: Any, row: int, removals: Sequence[Removal], places: Sequence[float], *, span: float) -> None:
    """A dot a removal, coloured by severity; dots at one place step aside.

    Args:
        axes: Where.
        row: The run's row.
        removals: What is drawn.
        places: Where on the horizontal axis, one a removal.
        span: Length of the axis, in which nearness is measured.
    """
    taken: list[tuple[float, float]] = []
    for one, place in zip(removals, places, strict=True):
        n_near = sum(abs(place - other) < NEAR * span for other, _ in taken)
        aside = SPREAD * ((n_near + 1) // 2) * (1 if n_near % 2 else -1)
        taken.append((place, aside))
        colour = SEVERITY_COLOURS[one.severity]
        axes.scatter(place, row + aside, s=46, color=colour, edgecolor="#404040", linewidth=0.6, zorder=3)


def nothing(axes: Any, row: int) -> None:
    """Say, beside its row, that a run has no super weight to draw."""
    beside(axes, row, "none")


def beside(axes: Any, row: int, text: str) -> None:
    """Text right of a row."""
    axes.annotate(
        text,
        (1.0, row),
        xycoords=axes.get_yaxis_transform(),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        fontsize=8,
    )
