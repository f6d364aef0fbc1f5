"""Where in the model super weights lie: layer over number of layers, one row a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from swa.reports.plots.run_rows import dots, nothing, run_rows
from swa.reports.plots.style import figure_style
from swa.schemas.summaries import ComparedRun

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(runs: Sequence[ComparedRun]) -> Figure:
    """Draw a dot a super weight at its relative depth, coloured by the severity of its removal."""
    with figure_style():
        figure, axes = run_rows(runs, "Relative depth of the super weights")
        axes.set_xlim(-0.02, 1.02)
        axes.set_xlabel("layer / number of layers", fontsize=9)
        for row, run in enumerate(runs):
            dots(axes, row, run.removals, [one.depth for one in run.removals], span=1.0)
            if not run.removals:
                nothing(axes, row)
    return figure
