"""Horizontal bars with intervals, and the number beside each, whatever the number is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from pydantic import MISSING

LARGEST = 1e100
"""What is beyond is drawn as if infinite: limits and ticks must stay far below the largest float."""
LEAST_DROP = 0.05
"""What the scale of a drop reaches in any case, so that noise looks like noise."""
INFINITE_HATCH = "////"


class Bar(NamedTuple):
    """One bar and what is written beside it.

    Attributes:
        row: Place of its middle on the vertical axis.
        value: Where it ends; an infinite one reaches the edge, hatched; NaN is a cross.
        colour: Of its face.
        label: The number in words, right of the panel.
        low: Lower end of the interval; without an interval NaN.
        high: Upper end.
        height: In rows.
    """

    row: float
    value: float
    colour: str
    label: str
    low: float = math.nan
    high: float = math.nan
    height: float = 0.7


def or_nan(value: float | MISSING) -> float:
    """NaN for what a record does not hold."""
    return math.nan if value is MISSING else value


def draw_bars(
    axes: Any, bars: Sequence[Bar], *, start: float, log: bool, reach: float, marks: Iterable[float] = ()
) -> None:
    """Draw bars that begin at `start`.

    Args:
        axes: Where; its horizontal limits are set.
        bars: The bars.
        start: The number of no effect, at which all bars begin.
        log: Whether the scale is logarithmic.
        reach: What the scale holds in any case.
        marks: Further numbers that must be inside.
    """
    values = [value for bar in bars for value in (bar.value, bar.low, bar.high)]
    left, right = _limits([reach, *values, *marks], start=start, log=log)
    if log:
        _log_scale(axes, left, right)
    else:
        axes.locator_params(axis="x", steps=[1, 2, 5, 10])
    axes.set_xlim(left, right)
    for bar in bars:
        end = min(max(bar.value, left), right)
        whole = _inside(bar.value, log=log)
        if math.isnan(bar.value):
            axes.plot(start, bar.row, marker="x", color="black", clip_on=False, zorder=5)
        else:
            axes.barh(
                bar.row,
                abs(end - start),
                left=min(start, end),
                height=bar.height,
                color=bar.colour,
                edgecolor="#404040" if whole else "white",
                linewidth=0.5,
                hatch=None if whole else INFINITE_HATCH,
                zorder=2,
            )
        low, high = (min(max(side, left), right) for side in (bar.low, bar.high))
        if low < high:
            axes.plot([low, high], [bar.row] * 2, color="black", linewidth=1.0, marker="|", markersize=4, zorder=3)
        axes.annotate(
            bar.label,
            (1.0, bar.row),
            xycoords=axes.get_yaxis_transform(),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    axes.axvline(start, color="black", linewidth=0.8, zorder=4)


def _inside(value: float, *, log: bool) -> bool:
    return abs(value) <= LARGEST and (value >= 1 / LARGEST or not log)


def _limits(values: Iterable[float], *, start: float, log: bool) -> tuple[float, float]:
    """Limits that hold every finite value, with some air, and more of it where something is infinite."""
    numbers = [value for value in values if not math.isnan(value)]
    finite = [start, *(value for value in numbers if _inside(value, log=log))]
    low, high = min(finite), max(finite)
    if low == high:
        high = 2 * low if log else low + 1
    beyond_low = any(value < low for value in numbers)
    beyond_high = any(value > high for value in numbers)
    if log:
        air = (high / low) ** 0.04
        return low / (air**4 if beyond_low else air if low < start else 1), high * (air**4 if beyond_high else air)
    air = 0.04 * (high - low)
    return low - (4 * air if beyond_low else air if low < start else 0), high + (4 * air if beyond_high else air)


def _log_scale(axes: Any, left: float, right: float) -> None:
    """A logarithmic scale whose labels are plain numbers where these are short."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    if right / left < 50:
        steps = (1, 2, 5) if right / left > 5 else (1, 1.2, 1.5, 2, 3, 5, 7)
        decades = range(math.floor(math.log10(left)), math.ceil(math.log10(right)) + 1)
        axes.xaxis.set_major_locator(FixedLocator([step * 10.0**decade for decade in decades for step in steps]))
        axes.xaxis.set_minor_locator(FixedLocator([]))
    else:
        axes.xaxis.set_major_locator(LogLocator(numticks=7))
    axes.xaxis.set_major_formatter(FuncFormatter(_power))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _power(value: float, position: int) -> str:
    del position
    return f"{value:g}" if 1e-3 <= value < 1e5 else f"$10^{{{round(math.log10(value))}}}$"
