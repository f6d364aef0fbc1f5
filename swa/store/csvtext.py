"""Tables as CSV that a spreadsheet opens without running anything in them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

Cell = str | int | float | bool | None

_RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")
"""What begins a formula or a command in one of the usual programs (OWASP, CSV injection)."""


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Cell]]) -> str:
    """A table with a line of names on top; what a row does not have is an empty cell.

    Args:
        columns: Names, in their order.
        rows: Cells by name. Text that a spreadsheet would run gets a `'` in front; numbers stay numbers.
    """
    lines = [[_quoted(name) for name in columns], *([_written(row.get(name)) for name in columns] for row in rows)]
    return "".join(f"{','.join(cells)}\n" for cells in lines)


def _written(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return _quoted(f"'{cell}" if cell.startswith(_RUN_BY_SPREADSHEETS) else cell)
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float) and not math.isfinite(cell):
        return "NaN" if math.isnan(cell) else "Infinity" if cell > 0 else "-Infinity"
    return repr(cell)


def _quoted(text: str) -> str:
    """A field by RFC 4180; the csv module leaves a lone carriage return bare where lines end otherwise."""
    special = any(letter in text for letter in ',"\r\n')
    return '"{}"'.format(text.replace('"', '""')) if special else text
