"""The table of `swa evaluate`: one row a variant, in one table where it fits and in several elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Console
from rich.table import Table as RichTable

from swa.cli.tables.layout import cell, empty_table, fits
from swa.findings.impact import tasks_of
from swa.schemas.evaluation import ImpactRecord, ModelAnalysis
from swa.tables.evaluation import EDITED, PERPLEXITY_COLUMNS, evaluation_table
from swa.tables.table import ALWAYS, Column, Row, Table
from swa.tables.written import title_of
from swa.text.words import SMOKE_TEST, is_builtin_task

N_SHOWN = 30
"""Single variants that are shown; records are sorted by what detection saw, so these are the worst."""


class Block(NamedTuple):
    """Columns that stay together: perplexity, or one task.

    Attributes:
        titles: One a column.
        numbers: Whether each holds numbers alone.
        cells: One row a variant, the intact model first.
    """

    titles: tuple[str, ...]
    numbers: tuple[bool, ...]
    cells: list[tuple[str, ...]]


def chosen(analysis: ModelAnalysis, *, everything: bool) -> list[ImpactRecord]:
    """The variants to show: the first single ones, and all together."""
    single = analysis.individual if everything else analysis.individual[:N_SHOWN]
    return [*single, *analysis.combined]


def build_tables(analysis: ModelAnalysis, shown: Sequence[ImpactRecord], console: Console) -> list[RichTable]:
    """Tables that fit the console: the first names what was edited, further ones the variant alone."""
    table = evaluation_table(analysis, shown)
    blocks = _blocks(table, analysis)
    for separator in (" ", "\n "):
        heads = [f"{row.label}{separator}{cell(row, EDITED)}" for row in table.rows]
        whole = _drawn(table, heads, blocks)
        if fits(whole, console):
            return [whole]
        if fits(_drawn(table, heads, blocks[:1]), console):
            break
    return _packed(table, heads, blocks, console)


def _packed(table: Table, heads: Sequence[str], blocks: Sequence[Block], console: Console) -> list[RichTable]:
    """As many blocks in each table as fit, at least one."""
    tables: list[RichTable] = []
    left = list(blocks)
    while left:
        n_blocks = len(left)
        while n_blocks > 1 and not fits(_drawn(table, heads, left[:n_blocks]), console):
            n_blocks -= 1
        tables.append(_drawn(table, heads, left[:n_blocks]))
        left = left[n_blocks:]
        heads = [row.label for row in table.rows]
    return tables


def _drawn(table: Table, heads: Sequence[str], blocks: Sequence[Block]) -> RichTable:
    result = empty_table()
    result.add_column(table.label, overflow="fold")
    for block in blocks:
        for title, is_number in zip(block.titles, block.numbers, strict=True):
            result.add_column(title, justify="right" if is_number else "left", overflow="fold")
    for number, (row, head) in enumerate(zip(table.rows, heads, strict=True)):
        cells = [text for block in blocks for text in block.cells[number]]
        result.add_row(head, *cells, style="bold" if row.stands_out else "")
    return result


def _blocks(table: Table, analysis: ModelAnalysis) -> list[Block]:
    """The columns of what was measured."""
    alone = len(table.rows) == 1
    ppl = [column for column in PERPLEXITY_COLUMNS if column.rank == ALWAYS][: 1 if alone else None]
    blocks = []
    if any(column.name == "perplexity" for column in table.columns):
        cells = [tuple(_cell(row, column) for column in ppl) for row in table.rows]
        blocks.append(Block(tuple(map(title_of, ppl)), tuple(column.is_number for column in ppl), cells))
    for task in tasks_of(analysis):
        value, drop = table.column(task), table.column(f"{task}_drop")
        beside = _beside([_cell(row, value) for row in table.rows], [_cell(row, drop) for row in table.rows])
        label = f"\n{SMOKE_TEST}" if is_builtin_task(task) else ""
        metric = value.title.rpartition(": ")[2]
        title = f"{task}{label}\n{metric if alone else f'{metric}, drop [95 %]'}"
        blocks.append(Block((title,), (False,), [(text,) for text in beside]))
    return blocks


def _cell(row: Row, column: Column) -> str:
    """A cell; nothing of the intact model, which has no drop and no ratio."""
    is_intact = row.values.get(EDITED.name) == ()
    return "" if is_intact and row.values.get(column.name) is None else cell(row, column)


def _beside(left: Sequence[str], right: Sequence[str]) -> list[str]:
    """Two columns in one, which takes less room below a long title."""
    left_width, right_width = max(map(len, left)), max(map(len, right))
    return [f"{one:>{left_width}} {other:<{right_width}}" for one, other in zip(left, right, strict=True)]
