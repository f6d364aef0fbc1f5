"""How a removal spreads through the layers."""

from __future__ import annotations

from pathlib import Path

from swa.reports.page.document import Block, Charts, Code, Fold, Paragraph, Section
from swa.reports.page.svg import over_layers
from swa.reports.page.tables import page_table
from swa.reports.saved.figures import saved_figures
from swa.reports.saved.models import Cards, ModelArtifacts
from swa.schemas.cards import CascadeBlock
from swa.schemas.cascade import CascadeResult
from swa.store.vocab_names import super_weight_stem
from swa.tables.cascade import cascade_table

N_OPEN = 3
"""Cascades that are open from the start."""


def charts_of(block: CascadeBlock, *, own: int, saved: tuple[Path, ...]) -> Charts:
    """The read-outs of one removal over layers."""
    drawn = (
        ("KL(intact ‖ removed), nats", block.kl),
        ("Δ entropy, nats", block.delta_entropy),
        ("Δ top-2 margin", block.delta_margin),
    )
    charts = tuple(over_layers(title, block.layers, values, own=own) for title, values in drawn)
    return Charts("Cascade: the logit lens after each layer, removed minus intact", charts, saved)


def section(found: ModelArtifacts, anchor: str) -> Section | None:
    """Records of `swa cascade`; cascades of cards stand with the cards."""
    if found.cascades is None or not found.cascades.records:
        return None
    text = (
        "The residual stream after each layer, read out through the model's own final norm and unembedding. "
        "Before the layer of the super weight nothing can differ; the dashed line marks that layer."
    )
    blocks: list[Block] = [Paragraph((text,))]
    for number, result in enumerate(found.cascades.records):
        blocks.append(_result(found.cascades, result, is_open=number < N_OPEN))
    return Section("Cascade", anchor, tuple(blocks))


def _result(cards: Cards[CascadeResult], result: CascadeResult, *, is_open: bool) -> Fold:
    saved = saved_figures(cards, "super_weights", super_weight_stem, result)
    charts = charts_of(result.cascade, own=result.layer, saved=saved.named("cascade"))
    table = page_table(cascade_table(result))
    return Fold((Code(result.coordinate),), (charts, table), is_open=is_open)
