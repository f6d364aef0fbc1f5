"""Input against output value of every candidate, each labelled with its layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import MISSING

from swa.findings.verdict import is_confirmed
from swa.reports.plots.style import CANDIDATE, CONFIRMED, figure_style, new_figure, plain
from swa.schemas.detection import DetectionResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class _Point(NamedTuple):
    x: float
    y: float
    layer: int
    confirmed: bool


def draw(result: DetectionResult) -> Figure:
    """Draw |x| against |y| at the spike's token on log scales.

    Candidates are circles with their layer's number inside; confirmed ones are stars with `L` and the layer beside.
    """
    points = _points(result)
    with figure_style():
        figure = new_figure(7.6, 6.0)
        axes = figure.subplots()
        axes.set_xscale("log")
        axes.set_yscale("log")
        for confirmed in (False, True):
            chosen = [point for point in points if point.confirmed is confirmed]
            axes.scatter(
                [point.x for point in chosen],
                [point.y for point in chosen],
                s=130 if confirmed else 80,
                marker="*" if confirmed else "o",
                facecolor=CONFIRMED if confirmed else "white",
                edgecolor=CONFIRMED if confirmed else CANDIDATE,
                linewidth=0.7,
                label=f"{'confirmed' if confirmed else 'candidate'} ({len(chosen)})",
                zorder=3 if confirmed else 2,
            )
        if result.threshold.value is not MISSING:
            axes.axvline(result.threshold.value, color="black", linewidth=0.8, linestyle="--", zorder=1)
            axes.axhline(result.threshold.value, color="black", linewidth=0.8, linestyle="--", zorder=1)
        axes.set_xlabel("|input| x[t, col]")
        axes.set_ylabel("|output| y[t, row]")
        axes.set_title(plain(f"{result.model}: candidates and super weights"), loc="left")
        axes.grid(alpha=0.3)
        if points:
            axes.legend(frameon=False)
            _label(axes, points)
    return figure


def _points(result: DetectionResult) -> list[_Point]:
    """Candidates whose values were seen and are not zero, which a log scale cannot show."""
    points = []
    for weight in result.super_weights:
        if weight.input_value is MISSING or weight.output_value is MISSING:
            continue
        if weight.input_value and weight.output_value:
            points.append(_Point(abs(weight.input_value), abs(weight.output_value), weight.layer, is_confirmed(weight)))
    return points


def _label(axes: Any, points: list[_Point]) -> None:
    """Write each point's layer; labels of stars that would cover one another step aside."""
    axes.figure.draw_without_rendering()
    taken: list[tuple[float, float]] = []
    for point in points:
        if not point.confirmed:
            axes.annotate(
                str(point.layer), (point.x, point.y), ha="center", va="center", fontsize=5.5, color="#404040", zorder=2
            )
            continue
        x, y = axes.transData.transform((point.x, point.y))
        dy = 4.0
        while any(abs(x - other_x) < 26 and abs(y + dy - other_y) < 11 for other_x, other_y in taken):
            dy += 11.0
        taken.append((x, y + dy))
        axes.annotate(
            f"L{point.layer}",
            (point.x, point.y),
            xytext=(5, 0.72 * dy),
            textcoords="offset points",
            fontsize=8,
            fontweight="bold",
            color=CONFIRMED,
            zorder=4,
        )
