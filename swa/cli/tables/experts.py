"""What `swa detect` shows of a mixture of experts: what was not examined, super experts, scores of candidates."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import MISSING
from rich.table import Table

from swa.cli.tables.layout import empty_table
from swa.schemas.detection import DetectionResult, SuperWeight
from swa.schemas.moe import LayerRouting, MoeBlock
from swa.text import numbers
from swa.text.words import NOT_MEASURED, counted

N_EXAMPLES = 2
"""Sites that are named when not all are wanted."""


def expert_lines(result: DetectionResult, *, everything: bool) -> list[str]:
    """Lines about the experts of a model; none for dense models."""
    if result.routing is MISSING:
        return []
    return [*_not_examined(result.coverage.not_examined, everything=everything), _super_experts(result.routing)]


def _not_examined(reasons: Sequence[str], *, everything: bool) -> list[str]:
    if not reasons:
        return []
    named = reasons if everything else reasons[:N_EXAMPLES]
    more = "" if len(named) == len(reasons) else " (-v shows all)"
    return [f"{counted(len(reasons), 'site')} not examined{more}:", *(f"  {reason}" for reason in named)]


def _super_experts(routing: Sequence[LayerRouting]) -> str:
    named = [f"L{layer.layer} e{expert}" for layer in routing for expert in layer.super_experts]
    return f"super experts: {', '.join(named) or 'none'}"


def expert_table(weights: Sequence[SuperWeight]) -> Table | None:
    """How the experts of some candidates are routed; `None` where none of them lies in a routed expert."""
    blocks = [(weight.coordinate, weight.moe) for weight in weights if weight.moe is not MISSING]
    if not blocks:
        return None
    scored = any(block.impact_natural is not MISSING for _, block in blocks)
    table = empty_table()
    table.add_column("in experts", overflow="fold")
    for title in ("p_active", "co-spike", "gate", "rank", *(("natural", "forced") if scored else ())):
        table.add_column(title, justify="right", no_wrap=True)
    for coordinate, block in blocks:
        table.add_row(coordinate, *_cells(block, scored=scored))
    return table


def _cells(block: MoeBlock, *, scored: bool) -> list[str]:
    cells = [
        numbers.number(block.p_active),
        NOT_MEASURED if block.co_spike_score is MISSING else numbers.number(block.co_spike_score),
        NOT_MEASURED if block.gate_weight is MISSING else numbers.number(block.gate_weight),
        NOT_MEASURED if block.expert_rank is MISSING else str(block.expert_rank),
    ]
    if scored:
        impacts = (block.impact_natural, block.impact_interventional)
        cells += [NOT_MEASURED if impact is MISSING else numbers.change(impact) for impact in impacts]
    return cells
