"""Which candidates `swa detect` shows, and how they stand where the terminal is narrow."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from swa.cli.tables.layout import LABEL, Layout, fitting, one_line
from swa.findings.verdict import are_tested, is_confirmed
from swa.schemas.detection import SuperWeight
from swa.tables.detection import detection_table

N_OTHERS = 5
"""Candidates without confirmation that are shown beside the confirmed ones."""
N_UNTESTED = 20
"""Candidates that are shown when none was removed."""
_NARROW: Layout = (
    (LABEL, "weight input_value output_value share found_by"),
    ("delta_loss:value", "delta_loss:interval"),
    ("perplexity_ratio", "control_delta_loss"),
    ("verdict",),
)


def chosen(weights: Sequence[SuperWeight], *, everything: bool) -> list[SuperWeight]:
    """The candidates to show: all confirmed ones and the first few others, in the record's order."""
    if everything:
        return list(weights)
    n_others = N_OTHERS if are_tested(weights) else N_UNTESTED
    others = [weight for weight in weights if not is_confirmed(weight)][:n_others]
    return [weight for weight in weights if is_confirmed(weight) or weight in others]


def build_table(weights: Sequence[SuperWeight], console: Console) -> Table:
    """A table that fits the console."""
    table = detection_table(weights)
    return fitting(table, console, one_line(table), _NARROW)
