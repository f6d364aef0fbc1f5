"""The table of `swa detect`: one row a candidate, in one line where it fits and in two elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pydantic import MISSING
from rich.console import Console
from rich.table import Table

from swa.cli.tables.layout import empty_table, fits
from swa.findings.verdict import are_tested, is_confirmed, verdict
from swa.schemas.detection import SuperWeight
from swa.text import numbers
from swa.text.words import NOT_MEASURED

N_OTHERS = 5
"""Candidates without confirmation that are shown beside the confirmed ones."""
N_UNTESTED = 20
"""Candidates that are shown when none was removed."""


class Row(NamedTuple):
    """The cells of one candidate."""

    coordinate: str
    weight: str
    x: str
    y: str
    share: str
    found_by: str
    delta: str
    interval: str
    ratio: str
    control: str
    verdict: str


def chosen(weights: Sequence[SuperWeight], *, everything: bool) -> list[SuperWeight]:
    """The candidates to show: all confirmed ones and the first few others, in the record's order."""
    if everything:
        return list(weights)
    tested = are_tested(weights)
    others = [weight for weight in weights if not is_confirmed(weight)][: N_OTHERS if tested else N_UNTESTED]
    return [weight for weight in weights if is_confirmed(weight) or weight in others]


def row_of(weight: SuperWeight) -> Row:
    """The cells of a candidate; numbers that were not measured are dashes."""
    return Row(
        coordinate=weight.coordinate,
        weight=_number(weight.weight),
        x=_number(weight.input_value),
        y=_number(weight.output_value),
        share=NOT_MEASURED if weight.share is MISSING else numbers.share(weight.share),
        found_by="both" if len(weight.found_by) > 1 else "".join(weight.found_by),
        verdict=verdict(weight),
        **_confirmation_cells(weight),
    )


def _confirmation_cells(weight: SuperWeight) -> dict[str, str]:
    found = weight.confirmation
    if found is MISSING:
        return dict.fromkeys(("delta", "interval", "ratio", "control"), NOT_MEASURED)
    return {
        "delta": numbers.change(found.delta_loss),
        "interval": numbers.interval(found.ci_low, found.ci_high),
        "ratio": numbers.ratio(found.perplexity_ratio, found.delta_loss),
        "control": NOT_MEASURED if found.control_delta_loss is MISSING else numbers.change(found.control_delta_loss),
    }


def build_table(weights: Sequence[SuperWeight], console: Console) -> Table:
    """A table that fits the console."""
    rows = [row_of(weight) for weight in weights]
    tested = are_tested(weights)
    wide = _wide(rows, tested=tested)
    return wide if fits(wide, console) else _narrow(rows, tested=tested)


def _wide(rows: Sequence[Row], *, tested: bool) -> Table:
    table = empty_table()
    table.add_column("coordinate", no_wrap=True)
    for title in ("weight", "x", "y", "share"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("found by", no_wrap=True)
    if tested:
        for title in ("Δ loss [95 %]", "ppl ratio", "control"):
            table.add_column(title, justify="right", no_wrap=True)
        table.add_column("verdict", max_width=20)
    for row in rows:
        cells = [row.coordinate, row.weight, row.x, row.y, row.share, row.found_by]
        if tested:
            cells += [f"{row.delta} {row.interval}", row.ratio, row.control, row.verdict]
        table.add_row(*cells, style=_style(row))
    return table


def _narrow(rows: Sequence[Row], *, tested: bool) -> Table:
    table = empty_table()
    table.add_column("coordinate\n weight · x · y · share · found by", overflow="fold")
    if tested:
        table.add_column("Δ loss\n[95 %]", justify="right", no_wrap=True)
        table.add_column("ppl ratio\ncontrol", justify="right", no_wrap=True)
        table.add_column("verdict")
    for row in rows:
        cells = [f"{row.coordinate}\n {row.weight} · {row.x} · {row.y} · {row.share} · {row.found_by}"]
        if tested:
            cells += [f"{row.delta}\n{row.interval}", f"{row.ratio}\n{row.control}", row.verdict]
        table.add_row(*cells, style=_style(row))
    return table


def _style(row: Row) -> str:
    return "bold" if row.verdict == "confirmed" else ""


def _number(value: float | MISSING) -> str:
    return NOT_MEASURED if value is MISSING else numbers.number(value)
