"""One super weight: what its removal does to each metric, beside the controls of its matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import MISSING

from swa.findings.names import place_of
from swa.reports.plots.bars import Bar, draw_bars, or_nan
from swa.reports.plots.panels import heading, stacked
from swa.reports.plots.style import CANDIDATE, CONFIRMED, figure_style, wrapped
from swa.schemas.cards import BootstrapInterval, Metrics, SuperWeightCard
from swa.text.numbers import change, metric

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NEURON = "#4c72b0"
"""Colour of the whole neuron."""
TITLES = {
    "loss": "loss, nats a token",
    "entropy": "entropy, nats",
    "topk_margin": "top-2 margin",
    "stopword_mass": "function-word mass",
}
"""Names of the metrics, which are the keys of a card."""
_DIAMOND: dict[str, Any] = {
    "marker": "D",
    "markersize": 4,
    "color": "black",
    "markerfacecolor": "white",
    "linestyle": "none",
    "clip_on": False,
    "zorder": 5,
}


class _Measured(NamedTuple):
    """One metric of a card."""

    baseline: float
    removed: float
    control: float
    control_std: float
    control_max: float
    neuron: float
    interval: BootstrapInterval | None


def draw(card: SuperWeightCard) -> Figure:
    """Draw one panel a metric, each on its own scale, as modified minus baseline.

    The bar of the removal has its 95 % interval over windows, that of the controls their mean with one standard
    deviation to each side and a diamond at the largest of them.
    """
    n_controls = 0 if card.controls.random_coords is MISSING else len(card.controls.random_coords)
    rows = ["scalar removed", f"control scalars ({n_controls})" if n_controls else "control scalars", "neuron zeroed"]
    with figure_style():
        figure, _, panels = stacked([], rows, len(TITLES), row_height=0.34)
        for axes, (name, title) in zip(panels, TITLES.items(), strict=True):
            _draw_metric(axes, title, _measured(card, name))
        heading(figure, f"{card.model}: {place_of(card)}, change when edited")
        _legend(figure, card, n_controls)
    return figure


def _measured(card: SuperWeightCard, name: str) -> _Measured:
    def value(metrics: Metrics | MISSING) -> float:
        return or_nan(MISSING if metrics is MISSING else getattr(metrics, name))

    interval = MISSING if card.bootstrap is MISSING else getattr(card.bootstrap, name)
    return _Measured(
        baseline=value(card.baselines),
        removed=value(card.deltas),
        control=value(card.controls.random_coord_delta),
        control_std=value(card.controls.random_coord_std),
        control_max=value(card.controls.random_coord_max),
        neuron=value(card.controls.neuron_zero_delta),
        interval=None if interval is MISSING else interval,
    )


def _draw_metric(axes: Any, title: str, seen: _Measured) -> None:
    low, high = (seen.interval.ci_low, seen.interval.ci_high) if seen.interval else (float("nan"),) * 2
    bars = [
        Bar(0, seen.removed, CONFIRMED, change(seen.removed), low=low, high=high),
        Bar(
            1,
            seen.control,
            CANDIDATE,
            change(seen.control),
            low=seen.control - seen.control_std,
            high=seen.control + seen.control_std,
        ),
        Bar(2, seen.neuron, NEURON, change(seen.neuron)),
    ]
    draw_bars(axes, bars, start=0.0, log=False, reach=0.0, marks=[seen.control_max])
    left, right = axes.get_xlim()
    if left <= seen.control_max <= right:
        axes.plot(seen.control_max, 1, **_DIAMOND)
    axes.locator_params(axis="x", nbins=3)
    axes.set_title(wrapped(title, 24), loc="left", fontsize=9)
    axes.set_xlabel(f"baseline {metric(seen.baseline)}", fontsize=8)


def _legend(figure: Figure, card: SuperWeightCard, n_controls: int) -> None:
    from matplotlib.lines import Line2D

    handles: list[Any] = []
    if card.bootstrap is not MISSING:
        n_windows = card.bootstrap.loss.n_windows
        label = f"scalar removed: 95 % interval over {n_windows} windows"
        handles.append(Line2D([], [], color="black", linewidth=1.0, marker="|", markersize=4, label=label))
    if card.controls.random_coord_std is not MISSING:
        label = "control scalars: mean ± standard deviation"
        handles.append(Line2D([], [], color="black", linewidth=1.0, marker="|", markersize=4, label=label))
    if card.controls.random_coord_max is not MISSING and n_controls != 1:
        handles.append(Line2D([], [], label="control scalar of the largest change", **_DIAMOND))
    if handles:
        figure.legend(handles=handles, loc="outside lower left", ncols=2, frameon=False, fontsize=8)
