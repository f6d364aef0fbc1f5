"""Cells as people read them, one way for terminal, page and Markdown."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from swa.tables.table import Column, Kind, Row, Value
from swa.text import numbers
from swa.text.words import NOT_MEASURED, NOT_SIGNIFICANT

_NUMBERS: Mapping[Kind, Callable[[float], str]] = {
    "number": numbers.number,
    "perplexity": numbers.perplexity,
    "metric": numbers.metric,
    "change": numbers.change,
    "share": numbers.share,
    "p": numbers.p_value,
    "percentile": numbers.percentile,
    "depth": numbers.depth,
    "index": lambda value: str(int(value)),
    "count": lambda value: numbers.count(int(value)),
}


def cell_text(row: Row, column: Column) -> str:
    """The value with its interval and whether it is significant; a dash where nothing was measured."""
    parts = value_text(row, column), interval_text(row, column), mark_text(row, column)
    return " ".join(part for part in parts if part)


def value_text(row: Row, column: Column) -> str:
    """The value alone."""
    value = row.values.get(column.name)
    if value is None:
        return NOT_MEASURED
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return edited_text(value)
    if isinstance(value, str):
        return value
    if column.kind == "ratio":
        return numbers.ratio(value, number_of(row.values.get(column.logarithm)))
    return _NUMBERS[column.kind](value)


def edited_text(coordinates: tuple[str, ...]) -> str:
    """One coordinate, how many of several, or that the model is intact."""
    if not coordinates:
        return "intact model"
    return coordinates[0] if len(coordinates) == 1 else f"{len(coordinates)} together"


def interval_text(row: Row, column: Column) -> str:
    """The interval alone, empty where there is none."""
    low, high = row.values.get(column.low), row.values.get(column.high)
    if low is None or high is None:
        return ""
    written = numbers.share if column.kind == "share" else numbers.metric
    return numbers.interval(number_of(low), number_of(high), written)


def mark_text(row: Row, column: Column) -> str:
    """Whether the value is not significant, empty where it is or nothing says it."""
    return NOT_SIGNIFICANT if row.values.get(column.not_significant) is True else ""


def title_of(column: Column) -> str:
    """The title, with what stands behind the value."""
    return f"{column.title} [95 %]" if column.low else column.title


def number_of(value: Value) -> float:
    """A cell as a number; NaN where it is none."""
    return float(value) if isinstance(value, int | float) else math.nan
