"""Cells of tables: how numbers, intervals, coordinates and tokens are written and sorted."""

from __future__ import annotations

import math

from pydantic import MISSING

from swa.reports.page.document import Cell, Code, Column, Token
from swa.reports.plots.labels import number, ratio_text, share

NOTHING = Cell(("–",))
"""What was not measured."""
NOT_SIGNIFICANT = "n.s."


def columns(*titles: str) -> tuple[Column, ...]:
    """Columns by title; one that begins with `#` holds numbers."""
    return tuple(Column(title.removeprefix("#"), numeric=title.startswith("#")) for title in titles)


def brief(value: float) -> str:
    """A number with three digits, as its interval deserves."""
    if math.isfinite(value) and 1e-3 <= abs(value) < 999.5:
        return f"{value:.3g}".replace("-", "−")
    return number(value)


def ratio_words(found: float, logarithm: float) -> str:
    """A perplexity ratio with three digits; of one that overflows its logarithm too."""
    return f"×{brief(found)}" if math.isfinite(found) else ratio_text(found, logarithm)


def signed(value: float) -> str:
    """A change, with its sign."""
    text = brief(value)
    return f"+{text}" if value > 0 else text


def interval(low: float | MISSING, high: float | MISSING, *, digits: int | None = None) -> str:
    """` [5.6, 6.5]`, nothing where it was not measured."""
    if low is MISSING or high is MISSING:
        return ""
    if digits is not None and math.isfinite(low) and math.isfinite(high):
        return f" [{low:.{digits}f}, {high:.{digits}f}]".replace("-", "−")
    return f" [{brief(low)}, {brief(high)}]"


def text(value: str, *, tone: str = "") -> Cell:
    """A word, sorted as one."""
    return Cell((value,), sort=value.casefold(), tone=tone)


def code(value: str, *, sort: float | None = None) -> Cell:
    """A coordinate or name."""
    return Cell((Code(value),), sort=value if sort is None else sort)


def token(value: str) -> Cell:
    """A token's text."""
    return Cell((Token(value),), sort=value)


def value(found: float | MISSING | None, *, with_sign: bool = False) -> Cell:
    """A number."""
    if found is None or found is MISSING:
        return NOTHING
    return Cell((signed(found) if with_sign else number(found),), sort=sortable(found))


def count(found: int) -> Cell:
    """A whole number, all of its digits."""
    return Cell((f"{found:,}",), sort=found)


def whole(found: int | MISSING) -> Cell:
    """An index or rank."""
    return NOTHING if found is MISSING else Cell((str(found),), sort=found)


def change(found: float, low: float | MISSING = MISSING, high: float | MISSING = MISSING) -> Cell:
    """A change with its interval."""
    return Cell((f"{signed(found)}{interval(low, high)}",), sort=sortable(found))


def ratio(
    found: float, logarithm: float, low: float | MISSING = MISSING, high: float | MISSING = MISSING, *, tone: str = ""
) -> Cell:
    """A perplexity ratio with its interval."""
    return Cell((f"{ratio_words(found, logarithm)}{interval(low, high)}",), sort=sortable(logarithm), tone=tone)


def drop(found: float, low: float | MISSING, high: float | MISSING, *, by_chance: bool, tone: str = "") -> Cell:
    """A drop of an accuracy with its interval."""
    mark = f" {NOT_SIGNIFICANT}" if by_chance else ""
    return Cell((f"{share(found)}{interval(low, high, digits=3)}{mark}",), sort=sortable(found), tone=tone)


def accuracy(found: float | MISSING) -> Cell:
    """An accuracy."""
    return NOTHING if found is MISSING else Cell((share(found),), sort=sortable(found))


def probability(p: float | MISSING) -> Cell:
    """A p-value."""
    if p is MISSING:
        return NOTHING
    return Cell(("< 0.0001" if p < 1e-4 else f"{p:.4f}",), sort=sortable(p))


def sortable(found: float) -> float | None:
    """A number as a table sorts it: NaN has no place."""
    return None if math.isnan(found) else found
