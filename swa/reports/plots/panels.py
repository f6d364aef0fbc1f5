"""Panels that share their rows: one wide panel, and below it small ones side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from swa.reports.plots.style import new_figure, wrapped

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_ABREAST = 4
PANELS_WIDTH = 7.6
"""Inches for the panels of a line, the numbers beside them included."""
LETTER_WIDTH = 0.075
"""Inches of a letter in a row's label."""
ROW_HEIGHT = 0.235
"""Inches of a row with one bar."""
LEAST_HEIGHT = 0.5
"""Inches of a panel, so that a single bar is no beam."""
AROUND = 0.95
"""Inches above and below a panel for its heading, ticks and name."""


def stacked(
    top: Sequence[str], below: Sequence[str], n_below: int, *, row_height: float = ROW_HEIGHT
) -> tuple[Figure, Any, list[Any]]:
    """A wide panel and, below it, `n_below` small ones in lines of at most four.

    Args:
        top: Labels of the wide panel's rows; without any there is no such panel.
        below: Labels of the small panels' rows.
        n_below: How many small panels.
        row_height: Inches.

    Returns:
        The figure, the wide panel (or `None`) and the small ones.
    """
    n_lines = math.ceil(n_below / MAX_ABREAST)
    n_columns = math.ceil(n_below / n_lines) if n_lines else 1
    heights = [_rows(len(labels), row_height) * row_height for labels in [top] * bool(top) + [below] * n_lines]
    letters = max((len(line) for label in [*top, *below] for line in label.split("\n")), default=0)
    figure = new_figure(PANELS_WIDTH + LETTER_WIDTH * letters, sum(height + AROUND for height in heights) + 0.8)
    figure.set_layout_engine("constrained", w_pad=0.09)  # numbers beside a panel keep away from the next one
    if not heights:
        return figure, None, []
    grid = figure.add_gridspec(len(heights), n_columns, height_ratios=heights)
    wide = None
    if top:
        wide = figure.add_subplot(grid[0, :])
        label_rows(wide, top, row_height)
    small = []
    for index in range(n_below):
        line, column = divmod(index, n_columns)
        axes = figure.add_subplot(grid[line + bool(top), column])
        label_rows(axes, below, row_height)
        axes.tick_params(axis="y", labelleft=column == 0)
        small.append(axes)
    return figure, wide, small


def heading(figure: Figure, text: str) -> None:
    """What is shown, over all panels, broken to the figure's width."""
    width = int(figure.get_size_inches()[0] * 11)
    figure.suptitle(wrapped(text, width), x=0.01, ha="left", fontsize=11)


def _rows(n_labels: int, row_height: float) -> float:
    return max(n_labels, LEAST_HEIGHT / row_height)


def label_rows(axes: Any, labels: Sequence[str], row_height: float) -> None:
    """Rows from the top, each with its label, and a faint grid."""
    spare = (_rows(len(labels), row_height) - len(labels)) / 2
    axes.set_yticks(range(len(labels)), labels, fontsize=8)
    axes.set_ylim(len(labels) - 0.4 + spare, -0.6 - spare)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
