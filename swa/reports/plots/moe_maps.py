"""Experts as a map, layer by layer: where candidates are, and how often tokens select each expert."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from pydantic import MISSING

from swa.findings.verdict import is_confirmed
from swa.reports.plots.style import CANDIDATE, CONFIRMED
from swa.schemas.detection import DetectionResult
from swa.schemas.moe import LayerRouting
from swa.text.numbers import number

SUPER_EXPERT = "#2b6ca3"
NEVER = "#d9d9d9"
OUTSIDE = -1
"""Row of candidates that are in no routed expert."""


def _n_experts(result: DetectionResult) -> int:
    return max((layer.n_experts for layer in _layers(result)), default=1)


def _layers(result: DetectionResult) -> Sequence[LayerRouting]:
    return [] if result.routing is MISSING else result.routing


def draw_hits(axes: Any, result: DetectionResult) -> None:
    """Circles where candidates are, stars where one is confirmed, squares around super experts."""
    counts: Counter[tuple[int, int]] = Counter()
    confirmed: set[tuple[int, int]] = set()
    for weight in result.super_weights:
        place = (weight.layer, OUTSIDE if weight.expert is None else weight.expert)
        counts[place] += 1
        if is_confirmed(weight):
            confirmed.add(place)
    for layer in _layers(result):
        axes.fill_between(
            (layer.layer - 0.5, layer.layer + 0.5), -0.5, layer.n_experts - 0.5, color="#f2f4f6", zorder=0
        )
        places = [(layer.layer, expert) for expert in layer.super_experts]
        _mark(axes, places, s=70, marker="s", facecolor="none", edgecolor=SUPER_EXPERT, linewidth=1.2, zorder=3)
    sizes = [14 + 10 * min(count, 12) for count in counts.values()]
    _mark(axes, counts, s=sizes, facecolor="white", edgecolor=CANDIDATE, linewidth=0.8, zorder=2)
    _mark(axes, confirmed, s=60, marker="*", color=CONFIRMED, linewidth=0, zorder=4)
    _by_layer_and_expert(axes, result, outside=any(expert == OUTSIDE for _, expert in counts))
    axes.set_title("candidates by layer and expert", loc="left", fontsize=10)


def _mark(axes: Any, places: Iterable[tuple[int, int]], **look: Any) -> None:
    """Mark layers and experts, whole marks at the border too."""
    points = np.array(list(places), dtype=int).reshape(-1, 2)
    axes.scatter(points[:, 0], points[:, 1], clip_on=False, **look)


def draw_shares(figure: Any, axes: Any, result: DetectionResult) -> None:
    """The share of tokens that select each expert, on a log scale; white where a layer has no such expert."""
    from matplotlib import colormaps
    from matplotlib.colors import LogNorm

    shares = np.full((_n_experts(result), result.coverage.n_layers), np.nan)
    for layer in _layers(result):
        shares[: layer.n_experts, layer.layer] = layer.p_active
    used = shares[shares > 0]
    smallest, largest = (used.min(), used.max()) if used.size else (0.5, 1.0)
    if smallest == largest:
        smallest = largest / 2
    colours = colormaps["viridis"].with_extremes(bad="white", under=NEVER)
    image = axes.imshow(
        np.where(shares == 0, smallest / 10, shares),
        aspect="auto",
        origin="lower",
        interpolation="nearest",
        cmap=colours,
        norm=LogNorm(smallest, largest),
    )
    bar = figure.colorbar(image, ax=axes, pad=0.02, extend="min" if (shares == 0).any() else "neither")
    bar.set_label("share of tokens that select it" + (" (grey: none)" if (shares == 0).any() else ""), fontsize=8.5)
    bar.ax.tick_params(labelsize=8)
    bar.ax.yaxis.set_major_formatter(lambda value, _: number(value))
    bar.ax.yaxis.set_minor_formatter(lambda value, _: number(value) if largest < 10 * smallest else "")
    _by_layer_and_expert(axes, result, outside=False)
    axes.set_title("p_active", loc="left", fontsize=10)


def _by_layer_and_expert(axes: Any, result: DetectionResult, *, outside: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    n_experts = _n_experts(result)
    axes.set_xlim(-0.5, result.coverage.n_layers - 0.5)
    axes.set_ylim(OUTSIDE - 0.5 if outside else -0.5, n_experts - 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    ticks = [int(tick) for tick in MaxNLocator(8, integer=True).tick_values(0, n_experts - 1) if 0 <= tick < n_experts]
    labels = [str(tick) for tick in ticks]
    if outside:
        room = n_experts / 24  # a label needs that many experts of height
        kept = [(tick, label) for tick, label in zip(ticks, labels, strict=True) if tick - OUTSIDE > room]
        ticks, labels = [OUTSIDE, *(tick for tick, _ in kept)], ["not\nrouted", *(label for _, label in kept)]
    axes.set_yticks(ticks, labels)
    axes.tick_params(labelsize=8.5)
    axes.set_xlabel("layer", fontsize=9.5)
    axes.set_ylabel("expert", fontsize=9.5)
