"""Scores of candidates in experts: co-spike against share of tokens, natural against forced impact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from swa.findings.verdict import is_confirmed
from swa.reports.plots.bars import or_nan
from swa.reports.plots.style import CANDIDATE, CONFIRMED
from swa.schemas.detection import DetectionResult, SuperWeight
from swa.schemas.moe import MoeBlock
from swa.text.numbers import number

LINEAR_BELOW = 1e-3
"""Nats per token: smaller impacts lie on a linear piece of the axes."""
MAX_NAMES = 10
LETTER, HEIGHT = 4.3, 8.0
"""Points: width of a letter and height of a name."""


class Hit(NamedTuple):
    """A candidate in a routed expert.

    Attributes:
        weight: Its record.
        block: What the record says of the expert.
    """

    weight: SuperWeight
    block: MoeBlock

    @property
    def confirmed(self) -> bool:
        """Whether removal bore it out."""
        return is_confirmed(self.weight)

    @property
    def name(self) -> str:
        """Layer and expert."""
        return f"L{self.weight.layer} e{self.weight.expert}"


class Name(NamedTuple):
    """A name beside a star of a panel; stars without one keep the names of others off."""

    text: str
    x: float
    y: float


def draw_co_spikes(axes: Any, result: DetectionResult, hits: Sequence[Hit]) -> list[Name]:
    """Co-spike scores with the threshold, over p_active with its floor; returns the names of confirmed ones."""
    seen = [hit for hit in hits if hit.block.p_active > 0]  # 0 has no place on a log scale
    scores = [or_nan(hit.block.co_spike_score) for hit in seen]
    names = _scatter(axes, seen, [hit.block.p_active for hit in seen], scores)
    threshold, floor = (_setting(result, name) for name in ("co_spike_threshold", "p_active_floor"))
    if threshold is not None:
        axes.axhline(threshold, color="black", linewidth=0.8, linestyle="--", zorder=1)
    axes.set_xscale("log")
    if floor:
        axes.axvline(floor, color="black", linewidth=0.8, linestyle=":", zorder=1)
    axes.set_ylim(-0.03, 1.05)
    axes.set_xlim(0.7 * min([hit.block.p_active for hit in seen] + [floor or 0.1]), 1.3)
    axes.xaxis.set_major_formatter(lambda value, _: number(value))
    axes.set_xlabel("p_active (dotted: floor)", fontsize=9.5)
    axes.set_ylabel("co-spike score (dashed: threshold)", fontsize=9.5)
    axes.set_title("co-spike scores; below the line: gradient screen alone", loc="left", fontsize=10)
    _finish(axes)
    return names


def _setting(result: DetectionResult, name: str) -> float | None:
    value = result.config.get(name)
    return float(value) if isinstance(value, int | float) else None


def draw_impacts(axes: Any, hits: Sequence[Hit]) -> list[Name]:
    """Impact as tokens are routed against impact when all meet the expert; returns the names of confirmed ones."""
    forced = [or_nan(hit.block.impact_interventional) for hit in hits]
    natural = [or_nan(hit.block.impact_natural) for hit in hits]
    axes.set_xscale("symlog", linthresh=LINEAR_BELOW)
    axes.set_yscale("symlog", linthresh=LINEAR_BELOW)
    finite = [value for value in (*forced, *natural) if np.isfinite(value)] or [0.0]
    low, high = min(*finite, 0.0), max(*finite, LINEAR_BELOW)
    low, high = low * 2 if low < -LINEAR_BELOW else -LINEAR_BELOW, 4 * high
    axes.plot([low, high], [low, high], color="black", linewidth=0.8, linestyle="--", zorder=1)
    axes.axhline(0, color="#b0b0b0", linewidth=0.7, zorder=0)
    axes.axvline(0, color="#b0b0b0", linewidth=0.7, zorder=0)
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    names = _scatter(axes, hits, forced, natural)
    axes.set_xlabel("impact with every token sent to the expert, nats", fontsize=9.5)
    axes.set_ylabel("impact as tokens are routed, nats", fontsize=9.5)
    axes.set_title("natural against forced impact (dashed: equal)", loc="left", fontsize=10)
    _finish(axes)
    axes.tick_params(axis="x", labelsize=7.5)  # of both signs there are many
    return names


def _scatter(axes: Any, hits: Sequence[Hit], x: Sequence[float], y: Sequence[float]) -> list[Name]:
    """Circles, and stars for the confirmed ones, whose names are returned."""
    for confirmed in (False, True):
        chosen = [number for number, hit in enumerate(hits) if hit.confirmed is confirmed]
        axes.scatter(
            [x[number] for number in chosen],
            [y[number] for number in chosen],
            s=90 if confirmed else 34,
            marker="*" if confirmed else "o",
            facecolor=CONFIRMED if confirmed else "white",
            edgecolor=CONFIRMED if confirmed else CANDIDATE,
            linewidth=0.8,
            zorder=4 if confirmed else 3,
        )
    stars = [number for number, hit in enumerate(hits) if hit.confirmed]
    return [Name(hits[i].name if n < MAX_NAMES else "", x[i], y[i]) for n, i in enumerate(stars)]


def _finish(axes: Any) -> None:
    axes.grid(alpha=0.3)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8.5)
    axes.spines[["top", "right"]].set_visible(False)


def write_names(axes: Any, names: Sequence[Name]) -> None:
    """Write names beside their points, where they cover neither another name nor a star.

    They have a white edge, so that they are readable across a circle.

    The layout of the figure must stand: it decides what is near.
    """
    from matplotlib.patheffects import withStroke

    pixels = axes.figure.dpi / 72
    placed = [name for name in names if np.isfinite(name.x) and np.isfinite(name.y)]
    points = [axes.transData.transform((name.x, name.y)) / pixels for name in placed]
    taken = [_Box(x - 5, y - 5, x + 5, y + 5) for x, y in points]
    inside = _Box(*(edge / pixels for edge in axes.bbox.extents))
    for name, (x, y) in zip(placed, points, strict=True):
        if not name.text:
            continue
        width = LETTER * len(name.text)
        boxes = [_Box(x + dx, y + dy, x + dx + width, y + dy + HEIGHT) for dx, dy in _around(width)]
        fitting = [box for box in boxes if box.within(inside)]
        box = min(fitting or boxes, key=lambda box: sum(box.meets(other) for other in taken))
        taken.append(box)
        written = axes.annotate(
            name.text,
            (name.x, name.y),
            xytext=(box.left - x, box.bottom - y),
            textcoords="offset points",
            fontsize=7.5,
            color=CONFIRMED,
            zorder=5,
            path_effects=[withStroke(linewidth=2, foreground="white")],
        )
        written.set_in_layout(False)


class _Box(NamedTuple):
    """A rectangle, in points."""

    left: float
    bottom: float
    right: float
    top: float

    def meets(self, other: _Box) -> bool:
        beside = self.right < other.left or other.right < self.left
        return not (beside or self.top < other.bottom or other.top < self.bottom)

    def within(self, other: _Box) -> bool:
        level = other.bottom <= self.bottom and self.top <= other.top
        return level and other.left <= self.left and self.right <= other.right


def _around(width: float) -> list[tuple[float, float]]:
    """Places beside a star, the nearest first, as the distance to the lower left corner of the name."""
    near = [(6, -2), (-6 - width, -2), (-width / 2, 6), (-width / 2, -6 - HEIGHT)]
    return [*near, *((dx, dy) for dy in (10, -16, 20, -26, 30, -36) for dx in (6, -6 - width))]
