"""Small drawings of cards: bars of one metric, lines over layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from swa.reports.page.shapes import Chart, Dot, Line, Rect, Shape, Words
from swa.text.numbers import change, metric

LEFT, RIGHT = 92.0, 232.0
"""Where a bar chart's canvas begins and ends; names stand left of it, numbers right of it."""
ROW = 24.0
"""Height of a row with one bar."""
TOP, BOTTOM, PLOT_LEFT, PLOT_RIGHT = 10.0, 112.0, 58.0, 308.0
"""Edges of a line chart's canvas."""


class Bar(NamedTuple):
    """One bar that begins at zero.

    Attributes:
        name: Left of it.
        value: Where it ends.
        tone: Class of its colour.
        low: Lower end of its whisker, NaN without one.
        high: Upper end.
    """

    name: str
    value: float
    tone: str
    low: float = math.nan
    high: float = math.nan


def bars(title: str, rows: Sequence[Bar]) -> Chart:
    """Bars of one metric on their own axis, each with its number."""
    ends = [end for bar in rows for end in (bar.value, bar.low, bar.high) if math.isfinite(end)]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    span = (high - low) or 1.0

    def at(value: float) -> float:
        return LEFT + (min(max(value, low), high) - low) / span * (RIGHT - LEFT)

    shapes: list[Shape] = []
    for index, bar in enumerate(rows):
        middle = ROW * (index + 0.5)
        if math.isfinite(bar.value):
            start, end = sorted((at(0.0), at(bar.value)))
            shapes.append(Rect(start, middle - 7, max(end - start, 0.5), 14, bar.tone))
        if math.isfinite(bar.low) and math.isfinite(bar.high):
            shapes.append(Line(((at(bar.low), middle), (at(bar.high), middle)), "whisker"))
            shapes += [Line(((at(end), middle - 4), (at(end), middle + 4)), "whisker") for end in (bar.low, bar.high)]
        shapes.append(Words(LEFT - 6, middle + 4, bar.name, "end"))
        shapes.append(Words(RIGHT + 8, middle + 4, change(bar.value)))
    height = round(ROW * len(rows))
    shapes.append(Line(((at(0.0), 0.0), (at(0.0), float(height))), "axis"))
    summary = "; ".join(f"{bar.name} {change(bar.value)}" for bar in rows)
    return Chart(title, f"{title}: {summary}", height, tuple(shapes))


def over_layers(title: str, layers: Sequence[int], values: Sequence[float], *, own: int) -> Chart:
    """A line over layers, with a mark at the layer of the super weight.

    Args:
        title: The metric.
        layers: Which layers were read out.
        values: One number a layer; what is not finite leaves a gap with its name.
        own: The layer whose scalar is removed.
    """
    finite = [value for value in values if math.isfinite(value)]
    low, high = min([0.0, *finite]), max([0.0, *finite])
    first, last = min(layers, default=0), max(layers, default=0)

    def x(layer: int) -> float:
        return PLOT_LEFT + (layer - first) / ((last - first) or 1) * (PLOT_RIGHT - PLOT_LEFT)

    def y(value: float) -> float:
        return BOTTOM - (value - low) / ((high - low) or 1.0) * (BOTTOM - TOP)

    shapes: list[Shape] = [Line(((PLOT_LEFT, y(0.0)), (PLOT_RIGHT, y(0.0))), "axis")]
    if first <= own <= last:
        shapes.append(Line(((x(own), TOP), (x(own), BOTTOM)), "own"))
    for part in _parts(layers, values):
        shapes.append(Line(tuple((x(layer), y(value)) for layer, value in part), "series"))
        shapes += [Dot(x(layer), y(value), "series") for layer, value in part]
    odd = [(layer, value) for layer, value in zip(layers, values, strict=True) if not math.isfinite(value)]
    shapes += [Words(x(layer), TOP + 4, metric(value), "middle") for layer, value in odd]
    shapes += [Words(PLOT_LEFT - 6, y(value) + 4, metric(value), "end") for value in dict.fromkeys((low, high))]
    shapes += [Words(x(layer), BOTTOM + 16, str(layer), "middle") for layer in dict.fromkeys((first, last))]
    if _has_room(x(own), (x(first), x(last))):
        shapes.append(Words(x(own), BOTTOM + 16, f"L{own}", "middle", "label own"))
    shapes.append(Words((PLOT_LEFT + PLOT_RIGHT) / 2, BOTTOM + 30, "layer", "middle"))
    summary = ", ".join(f"layer {layer} {metric(value)}" for layer, value in zip(layers, values, strict=True))
    return Chart(title, f"{title}: {summary}", round(BOTTOM + 36), tuple(shapes))


def _parts(layers: Sequence[int], values: Sequence[float]) -> list[list[tuple[int, float]]]:
    """Runs of finite values."""
    parts: list[list[tuple[int, float]]] = [[]]
    for layer, value in zip(layers, values, strict=True):
        if math.isfinite(value):
            parts[-1].append((layer, value))
        elif parts[-1]:
            parts.append([])
    return [part for part in parts if part]


def _has_room(place: float, taken: Sequence[float]) -> bool:
    return all(abs(place - other) > 26 for other in taken)
