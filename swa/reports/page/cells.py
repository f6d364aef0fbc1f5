"""Cells of tables: how numbers, intervals, coordinates and tokens are written and sorted."""

from __future__ import annotations

import math
from collections.abc import Callable

from pydantic import MISSING

from swa.reports.page.document import Cell, Code, Column, Token
from swa.text import numbers
from swa.text.words import NOT_MEASURED

NOTHING = Cell((NOT_MEASURED,))
"""What was not measured."""


def columns(*titles: str) -> tuple[Column, ...]:
    """Columns by title; one that begins with `#` holds numbers."""
    return tuple(Column(title.removeprefix("#"), numeric=title.startswith("#")) for title in titles)


def interval(low: float | MISSING, high: float | MISSING, written: Callable[[float], str] = numbers.metric) -> str:
    """` [5.60, 6.50]`, nothing where it was not measured."""
    return "" if low is MISSING or high is MISSING else f" {numbers.interval(low, high, written)}"


def text(value: str, *, tone: str = "") -> Cell:
    """A word, sorted as one."""
    return Cell((value,), sort=value.casefold(), tone=tone)


def code(value: str, *, sort: float | None = None) -> Cell:
    """A coordinate or name."""
    return Cell((Code(value),), sort=value if sort is None else sort)


def token(value: str) -> Cell:
    """A token's text."""
    return Cell((Token(value),), sort=value)


def value(found: float | MISSING | None, written: Callable[[float], str] = numbers.number) -> Cell:
    """A number, as a kind of number is written."""
    if found is None or found is MISSING:
        return NOTHING
    return Cell((written(found),), sort=sortable(found))


def count(found: int) -> Cell:
    """A whole number, all of its digits."""
    return Cell((numbers.count(found),), sort=found)


def whole(found: int | MISSING) -> Cell:
    """An index or rank."""
    return NOTHING if found is MISSING else Cell((str(found),), sort=found)


def change(found: float, low: float | MISSING = MISSING, high: float | MISSING = MISSING) -> Cell:
    """A change with its interval."""
    return Cell((f"{numbers.change(found)}{interval(low, high)}",), sort=sortable(found))


def ratio(
    found: float, logarithm: float, low: float | MISSING = MISSING, high: float | MISSING = MISSING, *, tone: str = ""
) -> Cell:
    """A perplexity ratio with its interval."""
    return Cell((f"{numbers.ratio(found, logarithm)}{interval(low, high)}",), sort=sortable(logarithm), tone=tone)


def sortable(found: float) -> float | None:
    """A number as a table sorts it: NaN has no place."""
    return None if math.isnan(found) else found
