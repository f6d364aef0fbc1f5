"""Tables of `swa.tables` as blocks of a page."""

from __future__ import annotations

import math

from swa.findings.severity import SEVERITIES
from swa.reports.page import cells
from swa.reports.page import document as page
from swa.tables.table import ON_PAGES, Column, Row, Table, Value
from swa.tables.written import cell_text, number_of, title_of, value_text

N_TOKENS = 3
"""Tokens that a cell shows."""
TONES = frozenset({"confirmed", "improves", *SEVERITIES})
"""Words that colour a cell; others do not."""


def page_table(table: Table) -> page.Table:
    """The columns that pages show, sorted by numbers where they are numbers."""
    shown = table.shown(ON_PAGES)
    columns = (
        page.Column(table.label, numeric=table.label_kind == "index"),
        *(page.Column(title_of(column).replace("\n", " "), numeric=column.is_number) for column in shown),
    )
    rows = tuple((_label(table, row), *(_cell(row, column) for column in shown)) for row in table.rows)
    return page.Table(table.caption, columns, rows)


def _label(table: Table, row: Row) -> page.Cell:
    if table.label_kind == "code":
        return cells.code(row.label, sort=row.order)
    return page.Cell((row.label,), sort=row.label.casefold() if row.order is None else row.order)


def _cell(row: Row, column: Column) -> page.Cell:
    value = row.values.get(column.name)
    if value is None:
        return cells.NOTHING
    if isinstance(value, tuple):
        return _tokens(value) if column.kind == "tokens" else _edited(row, column, value)
    text = cell_text(row, column)
    words: page.Words = (page.Code(text),) if column.kind == "code" else (text,)
    return page.Cell(words, sort=_order(row, column), tone=_tone(row, column))


def _tokens(texts: tuple[str, ...]) -> page.Cell:
    words: list[page.Span] = []
    for text in texts[:N_TOKENS]:
        words += [page.Token(text), " "]
    return page.Cell(tuple(words), sort=texts[0] if texts else None)


def _edited(row: Row, column: Column, coordinates: tuple[str, ...]) -> page.Cell:
    """One coordinate, or how many: several stand behind all single ones."""
    text = value_text(row, column)
    if len(coordinates) == 1:
        return cells.code(text)
    return page.Cell((text,), sort=f"~{len(coordinates):06d}" if coordinates else "")


def _order(row: Row, column: Column) -> float | str | None:
    value: Value = row.values.get(column.order or column.logarithm or column.name)
    if isinstance(value, str):
        return value.casefold()
    number = number_of(value)
    return None if math.isnan(number) else number


def _tone(row: Row, column: Column) -> str:
    word = row.values.get(column.tone)
    by_chance = row.values.get(column.not_significant) is True
    return word if isinstance(word, str) and word in TONES and not by_chance else ""
