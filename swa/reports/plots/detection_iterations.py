"""Extremes of every layer's down projection, iteration by iteration, with stars on the detections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import MISSING

from swa.findings.verdict import is_confirmed
from swa.reports.plots.style import CANDIDATE, CONFIRMED, figure_style, new_figure, plain
from swa.schemas.detection import DetectionResult, Iteration, SiteExtremes, SuperWeight

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Side = Literal["input", "output"]


def draw(result: DetectionResult) -> Figure:
    """Draw |input| and |output| extremes per layer, one line an iteration, on a log scale.

    A star lies exactly on the point in which a candidate was found; it is filled when removal confirmed it.
    """
    with figure_style():
        figure = new_figure(9.0, 6.4)
        top, bottom = figure.subplots(2, 1, sharex=True)
        _draw_side(top, result, "input")
        _draw_side(bottom, result, "output")
        top.set_title(plain(f"{result.model}: largest activations of the down projections"), loc="left")
        bottom.set_xlabel("layer")
        bottom.xaxis.get_major_locator().set_params(integer=True)
        _legend(figure, top)
    return figure


def _draw_side(axes: Any, result: DetectionResult, side: Side) -> None:
    import seaborn as sns

    colours = sns.color_palette("viridis", max(1, len(result.iterations)))
    for colour, iteration in zip(colours, result.iterations, strict=False):
        points = _largest_per_layer(iteration, side)
        axes.plot(
            list(points),
            list(points.values()),
            marker=".",
            markersize=4,
            linewidth=1.1,
            color=colour,
            label=f"iteration {iteration.number}",
            zorder=2,
        )
    for spike in result.super_weights:
        place = _place(result.iterations, spike, side)
        if place is not None:
            sure = is_confirmed(spike)
            axes.plot(
                *place,
                marker="*",
                markersize=14 if sure else 10,
                color=CONFIRMED if sure else CANDIDATE,
                markerfacecolor=CONFIRMED if sure else "none",
                linestyle="none",
                zorder=4 if sure else 3,
            )
    if result.threshold.value is not MISSING:
        axes.axhline(result.threshold.value, color="black", linewidth=0.8, linestyle="--", zorder=1)
    axes.set_yscale("log")
    axes.set_ylabel(f"largest |{side}|")
    axes.grid(axis="y", alpha=0.3)


def _largest_per_layer(iteration: Iteration, side: Side) -> dict[int, float]:
    largest: dict[int, float] = {}
    for site in iteration.layers:
        value = abs(_value(site, side))
        if value > 0:
            largest[site.layer] = max(largest.get(site.layer, 0.0), value)
    return dict(sorted(largest.items()))


def _value(site: SiteExtremes, side: Side) -> float:
    return site.input_value if side == "input" else site.output_value


def _place(iterations: Sequence[Iteration], spike: SuperWeight, side: Side) -> tuple[int, float] | None:
    """Layer and extreme of the iteration that found a spike."""
    if spike.iteration is MISSING:
        return None
    for site in iterations[spike.iteration - 1].layers:
        if site.module == spike.module and site.layer == spike.layer:
            return spike.layer, abs(_value(site, side))
    return None


def _legend(figure: Any, axes: Any) -> None:
    from matplotlib.lines import Line2D

    handles, labels = axes.get_legend_handles_labels()
    star: dict[str, Any] = {"marker": "*", "linestyle": "none", "markersize": 11}
    handles += [
        Line2D([], [], color=CONFIRMED, **star),
        Line2D([], [], color=CANDIDATE, markerfacecolor="none", **star),
        Line2D([], [], color="black", linewidth=0.8, linestyle="--"),
    ]
    labels += ["confirmed", "candidate", "threshold"]
    figure.legend(handles, labels, loc="outside right upper", frameon=False)
