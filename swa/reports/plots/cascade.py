"""One super weight: how its removal spreads through the layers, read through the logit lens."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from swa.reports.plots.panels import heading
from swa.reports.plots.style import CANDIDATE, CONFIRMED, figure_style, new_figure
from swa.schemas.cards import CascadeBlock

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INTACT, REMOVED = "#404040", CONFIRMED


class ResidualRow(NamedTuple):
    """|h[row]| at the spike's position, by layer.

    Attributes:
        baseline: Intact.
        removed: With the scalar removed.
    """

    baseline: Sequence[float]
    removed: Sequence[float]


def draw(block: CascadeBlock, *, title: str, layer: int, residual: ResidualRow | None = None) -> Figure:
    """Draw entropy, margin and divergence by layer, removed against intact.

    Args:
        block: What a card or a cascade record holds.
        title: Model and super weight.
        layer: Layer of the scalar, which gets a line.
        residual: A further panel, which only a cascade record can fill.
    """
    curves = {
        "Δ entropy, nats": block.delta_entropy,
        "Δ top-2 margin": block.delta_margin,
        "KL(intact ‖ removed), nats": block.kl,
    }
    n_panels = len(curves) + (residual is not None)
    with figure_style():
        figure = new_figure(7.6, 5.2 if n_panels > 3 else 2.9)
        grid = figure.subplots(2, 2, sharex=True) if n_panels > 3 else figure.subplots(1, 3)
        panels = list(grid.flat)
        for axes, (name, values) in zip(panels, curves.items(), strict=False):
            axes.axhline(0.0, color="black", linewidth=0.8, zorder=1)
            _draw_curve(axes, block.layers, values, REMOVED, "removed")
            _dress(axes, name, block.layers, layer)
        if residual is not None:
            axes = panels[-1]
            _draw_curve(axes, block.layers, residual.baseline, INTACT, "intact")
            _draw_curve(axes, block.layers, residual.removed, REMOVED, "removed")
            _dress(axes, "|h[row]| at the spike", block.layers, layer)
            _log_where_possible(axes, [*residual.baseline, *residual.removed])
            axes.legend(frameon=False, fontsize=8)
        for axes in panels[-3 if n_panels == 3 else -2 :]:
            axes.set_xlabel("layer", fontsize=8)
        heading(figure, title)
        _legend(figure)
    return figure


def _draw_curve(axes: Any, layers: Sequence[int], values: Sequence[float], colour: str, label: str) -> None:
    """A line through what is finite; what is not is a cross at the edge above, NaN one on the axis of layers."""
    finite = [value if math.isfinite(value) else math.nan for value in values]
    axes.plot(layers, finite, marker="o", markersize=3.5, linewidth=1.3, color=colour, label=label, zorder=3)
    for number, value in zip(layers, values, strict=True):
        if not math.isfinite(value):
            edge = 1.0 if value > 0 else 0.0
            axes.plot(number, edge, marker="x", color=colour, transform=axes.get_xaxis_transform(), clip_on=False)


def _dress(axes: Any, name: str, layers: Sequence[int], layer: int) -> None:
    axes.axvline(layer, color=CANDIDATE, linewidth=0.9, linestyle="--", zorder=1)
    axes.set_title(name, loc="left", fontsize=9)
    axes.set_xlim(min(layers) - 0.5, max(layers) + 0.5)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.tick_params(labelsize=8)
    axes.grid(axis="y", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def _legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D

    line = Line2D([], [], color=CANDIDATE, linewidth=0.9, linestyle="--", label="layer of the scalar")
    figure.legend(handles=[line], loc="outside lower left", frameon=False, fontsize=8)


def _log_where_possible(axes: Any, values: Sequence[float]) -> None:
    """A logarithmic scale where values of very different size are all above 0."""
    finite = [value for value in values if math.isfinite(value)]
    if finite and min(finite) > 0 and max(finite) > 20 * min(finite):
        axes.set_yscale("log")
