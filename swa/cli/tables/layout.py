"""Tables of `swa.tables` on a terminal: one line a row where it fits, several elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as RichTable

from swa.tables.table import ALWAYS, Column, Row, Table
from swa.tables.written import cell_text, interval_text, title_of, value_text
from swa.text.tokens import token_label
from swa.text.words import NOT_MEASURED

Layout = Sequence[Sequence[str]]
"""Columns of the terminal, each with lines of names of the table's columns: a line `x y` shows both with `·` between
them, `x:value` the value without its interval, `x:interval` the interval alone."""
LABEL = "*"
"""Stands for the label of the row."""
N_TOKENS = 5
"""Tokens that a cell shows."""
_TOKEN_LENGTH = 12
_WIDEST_WORDS = 20
"""Characters behind which words are broken."""
_UNLIMITED = 1000
"""Columns beyond those of any console."""


def empty_table() -> RichTable:
    """A rule below the head and one blank between columns: up to ten of them have to fit."""
    return RichTable(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=0)


def fits(table: RichTable, console: Console) -> bool:
    """Whether no line of the table would be folded."""
    return console.measure(table, options=console.options.update(max_width=_UNLIMITED)).maximum <= console.width


def fitting(table: Table, console: Console, wide: Layout, narrow: Layout) -> RichTable:
    """The wide form where it fits, else the narrow one."""
    result = drawn(table, wide)
    return result if fits(result, console) else drawn(table, narrow)


def one_line(table: Table) -> Layout:
    """Every column that is always shown in one of its own."""
    return [[LABEL], *([column.name] for column in table.shown(ALWAYS))]


def drawn(table: Table, layout: Layout) -> RichTable:
    """The table in a layout; columns without any value are left out."""
    there = {column.name for column in table.shown(ALWAYS)} | {LABEL}
    kept = [[line for line in lines if line.split(":")[0].split()[0] in there] for lines in layout]
    stacks = [lines for lines in kept if lines]
    result = empty_table()
    for lines in stacks:
        _add_column(result, table, lines)
    for row in table.rows:
        result.add_row(*(_stacked(table, row, lines) for lines in stacks), style="bold" if row.stands_out else "")
    return result


def cell(row: Row, column: Column) -> str:
    """A cell as the terminal shows it."""
    value = row.values.get(column.name)
    if column.kind == "tokens" and isinstance(value, tuple):
        return "  ".join(token_label(text, max_length=_TOKEN_LENGTH) for text in value[:N_TOKENS]) or NOT_MEASURED
    return cell_text(row, column)


def _add_column(result: RichTable, table: Table, lines: Sequence[str]) -> None:
    titles = [" · ".join(_title(table, name) for name in line.split()) for line in lines]
    first = None if lines[0].split()[0] == LABEL else table.column(lines[0].split(":")[0].split()[0])
    title = "\n ".join(titles) if first is None else "\n".join(titles)
    if table.label_kind == "index" if first is None else first.is_number:
        result.add_column(title, justify="right", no_wrap=True)
    else:
        widest = _WIDEST_WORDS if first is not None and first.kind == "text" else None
        result.add_column(title, overflow="fold", max_width=widest)


def _stacked(table: Table, row: Row, lines: Sequence[str]) -> str:
    between = "\n " if lines[0] == LABEL else "\n"
    return between.join(" · ".join(_part(table, row, name) for name in line.split()) for line in lines)


def _title(table: Table, name: str) -> str:
    if name == LABEL:
        return table.label
    column_name, _, part = name.partition(":")
    column = table.column(column_name)
    return {"value": column.title, "interval": "[95 %]"}.get(part) or title_of(column)


def _part(table: Table, row: Row, name: str) -> str:
    if name == LABEL:
        return row.label
    column_name, _, part = name.partition(":")
    column = table.column(column_name)
    if part == "value":
        return value_text(row, column)
    return interval_text(row, column) if part == "interval" else cell(row, column)
