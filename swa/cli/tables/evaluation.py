"""The table of `swa evaluate`: one row a variant, in one table where it fits and in several elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from swa.cli.tables.evaluation_rows import Block, Row, blocks_of, rows_of
from swa.cli.tables.layout import empty_table, fits
from swa.schemas.evaluation import ImpactRecord, ModelAnalysis

N_SHOWN = 30
"""Single variants that are shown; records are sorted by what detection saw, so these are the worst."""


def chosen(analysis: ModelAnalysis, *, everything: bool) -> list[ImpactRecord]:
    """The variants to show: the first single ones, and all together."""
    single = analysis.individual if everything else analysis.individual[:N_SHOWN]
    return [*single, *analysis.combined]


def build_tables(analysis: ModelAnalysis, shown: Sequence[ImpactRecord], console: Console) -> list[Table]:
    """Tables that fit the console: the first names what was edited, further ones the variant alone."""
    rows, blocks = rows_of(analysis, shown), blocks_of(analysis, shown)
    for separator in (" ", "\n "):
        heads = [f"{row.variant}{separator}{row.what}" for row in rows]
        whole = _table(rows, heads, blocks)
        if fits(whole, console):
            return [whole]
        if fits(_table(rows, heads, blocks[:1]), console):
            break
    return _packed(rows, heads, blocks, console)


def _packed(rows: Sequence[Row], heads: Sequence[str], blocks: Sequence[Block], console: Console) -> list[Table]:
    """As many blocks in each table as fit, at least one."""
    tables: list[Table] = []
    left = list(blocks)
    while left:
        n_blocks = len(left)
        while n_blocks > 1 and not fits(_table(rows, heads, left[:n_blocks]), console):
            n_blocks -= 1
        tables.append(_table(rows, heads, left[:n_blocks]))
        left = left[n_blocks:]
        heads = [row.variant for row in rows]
    return tables


def _table(rows: Sequence[Row], heads: Sequence[str], blocks: Sequence[Block]) -> Table:
    table = empty_table()
    table.add_column("variant", overflow="fold")
    for block in blocks:
        for title in block.titles:
            numbers = title in ("perplexity", "ratio [95 %]")
            table.add_column(title, justify="right" if numbers else "left", overflow="fold")
    for number, (row, head) in enumerate(zip(rows, heads, strict=True)):
        cells = [cell for block in blocks for cell in block.cells[number]]
        table.add_row(head, *cells, style="bold" if row.stands_out else "")
    return table
