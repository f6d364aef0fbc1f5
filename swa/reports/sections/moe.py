"""Mixtures of experts: how experts are used, and what routing makes of a removal."""

from __future__ import annotations

from pydantic import MISSING

from swa.reports.page import cells
from swa.reports.page.document import Block, Cell, Paragraph, Picture, Remark, Section, Table
from swa.reports.saved.models import ModelArtifacts
from swa.schemas.moe import LayerRouting, MoeBlock

_LAYER_COLUMNS = cells.columns(
    "#layer", "#experts", "#selected a token", "#tokens", "most used expert", "#its p_active", "#never used",
    "#routing entropy", "#load max ÷ mean", "#load variation", "super experts",
)  # fmt: skip
_NAMES = {
    "p_active": "p_active",
    "co_spike_score": "co-spike",
    "impact_natural": "impact, natural routing",
    "impact_interventional": "impact, forced routing",
    "causal_agreement": "causal agreement",
    "n_routed_tokens": "routed tokens",
    "gate_weight": "gate weight",
    "expert_rank": "expert's rank",
    "routing_entropy": "routing entropy",
    "position_entropy": "position entropy",
    "share": "share",
    "energy_reduction": "energy reduction",
    "stopword_skew": "function-word skew",
    "super_expert": "super expert",
}
CAUTION = (
    "Super weights act through the first token, so the ratio of natural to forced impact is near 0 or 1 whatever "
    "p_active; read causal agreement with that in mind."
)


def section(found: ModelArtifacts, anchor: str) -> Section | None:
    """Routing by layer, and the blocks of candidates in experts."""
    result = None if found.detection is None else found.detection.result
    routing = [] if result is None or result.routing is MISSING else result.routing
    blocks_of = {
        weight.coordinate: weight.moe for weight in ([] if result is None else result.super_weights)
        if weight.moe is not MISSING
    }  # fmt: skip
    if not routing and not blocks_of:
        return None
    blocks: list[Block] = []
    if routing:
        blocks.append(Table("Routing by layer", _LAYER_COLUMNS, tuple(_layer(one) for one in routing)))
    if blocks_of:
        if any(block.causal_agreement is not MISSING for block in blocks_of.values()):
            blocks.append(Remark((CAUTION,)))
        blocks.append(_table(blocks_of))
    for folder in found.folders:
        path = folder.plots / "moe_analysis.png"
        if path.exists():
            blocks.append(Picture("Experts by layer: hits, p_active, co-spike and impacts", path.read_bytes(), path))
            break
    if not blocks_of:
        blocks.append(Paragraph(("No candidate lies in a routed expert.",)))
    return Section("Mixture of experts", anchor, tuple(blocks))


def block_table(coordinate: str, block: MoeBlock) -> Table:
    """The routing and causal scores of one super weight."""
    return _table({coordinate: block})


def _table(blocks_of: dict[str, MoeBlock]) -> Table:
    names = [name for name in _NAMES if any(getattr(block, name) is not MISSING for block in blocks_of.values())]
    rows = tuple(
        (cells.code(coordinate), *(_cell(getattr(block, name)) for name in names))
        for coordinate, block in blocks_of.items()
    )
    titles = [f"{'' if name == 'super_expert' else '#'}{_NAMES[name]}" for name in names]
    return Table("Routing and causal scores", cells.columns("super weight", *titles), rows)


def _cell(value: float | bool | MISSING) -> Cell:
    if isinstance(value, bool):
        return cells.text("yes" if value else "no")
    return cells.value(value)


def _layer(one: LayerRouting) -> tuple[Cell, ...]:
    most = max(range(len(one.p_active)), key=one.p_active.__getitem__, default=None)
    return (
        cells.whole(one.layer),
        cells.whole(one.n_experts),
        cells.whole(one.n_selected),
        cells.count(one.n_tokens),
        cells.NOTHING if most is None else Cell((str(most),), sort=most),
        cells.NOTHING if most is None else cells.value(one.p_active[most]),
        cells.whole(sum(not tokens for tokens in one.n_routed_tokens)),
        cells.value(one.routing_entropy),
        cells.value(one.load_max_over_mean),
        cells.value(one.load_variation),
        cells.text(", ".join(map(str, one.super_experts)) or "none"),
    )
