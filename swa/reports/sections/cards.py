"""Super-weight cards: what removing one scalar does to predictions, beside what other edits do."""

from __future__ import annotations

import math
from collections.abc import Callable

from pydantic import MISSING

from swa.findings.names import place_of
from swa.reports.page import cells
from swa.reports.page.document import Block, Cell, Charts, Code, Fold, Paragraph, Section, Table
from swa.reports.page.shapes import Chart
from swa.reports.page.svg import Bar, bars
from swa.reports.page.tables import page_table
from swa.reports.saved.figures import saved_figures
from swa.reports.saved.models import Cards, ModelArtifacts
from swa.reports.sections.cascade import charts_of
from swa.reports.sections.moe import block_table
from swa.schemas.cards import BootstrapInterval, Metrics, SuperWeightCard, TokenShift
from swa.store.vocab_names import super_weight_stem
from swa.tables.super_weights import super_weight_table
from swa.text import numbers
from swa.text.words import counted

METRICS = {
    "loss": "Δ loss, nats",
    "entropy": "Δ entropy, nats",
    "topk_margin": "Δ top-2 margin",
    "stopword_mass": "Δ function words",
}
"""The metrics of an intervention and what they are called."""
N_OPEN = 3
"""Cards that are open from the start."""
_SHIFT_COLUMNS = cells.columns("token", "#id", "#Δp", "#Δ log p", "#p intact", "#p removed")


def section(found: ModelArtifacts, anchor: str) -> Section | None:
    """An overview of all cards, then each with its drawings, controls and token shifts."""
    cards = found.super_weights
    if cards is None or not cards.records:
        return None
    text = (
        f"{counted(len(cards.records), 'card')}{_windows(cards)}. Each change is modified minus intact; whiskers are "
        "95 % intervals over windows (removal) and one standard deviation over control scalars."
    )
    blocks: list[Block] = [Paragraph((text,)), page_table(super_weight_table(cards.records))]
    blocks += [_card(cards, card, is_open=index < N_OPEN) for index, card in enumerate(cards.records)]
    return Section("Super-weight cards", anchor, tuple(blocks))


def _windows(cards: Cards[SuperWeightCard]) -> str:
    if cards.run is None or cards.run.windows is MISSING:
        return ""
    seen = cards.run.windows
    return (
        f" on {numbers.count(seen.tokens_scored)} tokens in {counted(seen.n_windows, 'window')} of "
        f"{seen.window_len} tokens, stride {seen.stride}"
    )


def _delta(card: SuperWeightCard, metric: str) -> Cell:
    low, high = _interval(card, metric)
    if math.isnan(low):
        return cells.change(getattr(card.deltas, metric))
    return cells.change(getattr(card.deltas, metric), low, high)


def _interval(card: SuperWeightCard, metric: str) -> tuple[float, float]:
    seen = MISSING if card.bootstrap is MISSING else getattr(card.bootstrap, metric, MISSING)
    return (seen.ci_low, seen.ci_high) if isinstance(seen, BootstrapInterval) else (math.nan, math.nan)


def _card(cards: Cards[SuperWeightCard], card: SuperWeightCard, *, is_open: bool) -> Fold:
    saved = saved_figures(cards, "super_weights", super_weight_stem, card)
    blocks: list[Block] = []
    if card.edit_inactive is not MISSING:
        blocks.append(Paragraph((f"Removal could not change anything: {card.edit_inactive}.",)))
    charts = tuple(_chart(card, name, title) for name, title in METRICS.items())
    blocks.append(Charts("Removal beside controls", charts, saved.named("deltas")))
    blocks.append(_metrics(card))
    if card.token_shifts is not MISSING:
        shifts = card.token_shifts
        text = f"Token shifts, mean over scored positions; total variation {numbers.metric(shifts.total_variation)}."
        blocks.append(Paragraph((text,)))
        blocks += [
            _shifts(f"Tokens that {verb}", tokens)
            for verb, tokens in (("gain", shifts.up), ("lose", shifts.down))
            if tokens
        ]
        blocks += saved.pictures("tokens", "Tokens that gain and lose most")
    if card.cascade is not MISSING:
        blocks.append(charts_of(card.cascade, own=card.layer, saved=saved.named("cascade")))
    if card.moe is not MISSING:
        blocks.append(block_table(place_of(card), card.moe))
    title = (Code(place_of(card)), f" · Δ loss {numbers.change(card.deltas.loss)} nats per token")
    return Fold(title, tuple(blocks), is_open=is_open)


def _chart(card: SuperWeightCard, metric: str, title: str) -> Chart:
    low, high = _interval(card, metric)
    controls = card.controls
    mean = getattr(controls.random_coord_delta, metric)
    spread = math.nan if controls.random_coord_std is MISSING else getattr(controls.random_coord_std, metric)
    return bars(
        title,
        (
            Bar("removed", getattr(card.deltas, metric), "removed", low, high),
            Bar("random scalars", mean, "control", mean - spread, mean + spread),
            Bar("whole neuron", getattr(controls.neuron_zero_delta, metric), "neuron"),
        ),
    )


def _metrics(card: SuperWeightCard) -> Table:
    """Every number of the card, also those that the drawings leave out."""
    controls = card.controls
    titles = (
        "metric",
        "#intact",
        "#removed: Δ [95 %]",
        "#random scalars: mean Δ",
        "#std",
        "#largest",
        "#whole neuron: Δ",
    )
    names = {**METRICS, "logit_margin": "Δ logit margin"}
    rows = []
    for name, title in names.items():
        if getattr(card.deltas, name) is MISSING:
            continue
        rows.append(
            (
                cells.text(title.removeprefix("Δ ")),
                _of(card.baselines, name),
                _delta(card, name),
                _of(controls.random_coord_delta, name, numbers.change),
                _of(controls.random_coord_std, name),
                _of(controls.random_coord_max, name, numbers.change),
                _of(controls.neuron_zero_delta, name, numbers.change),
            )
        )
    drawn = "" if controls.random_coords is MISSING else f"; {counted(len(controls.random_coords), 'random scalar')}"
    return Table(f"Metrics and controls of {place_of(card)}{drawn}", cells.columns(*titles), tuple(rows))


def _of(metrics: Metrics | MISSING, name: str, written: Callable[[float], str] = numbers.metric) -> Cell:
    return cells.NOTHING if metrics is MISSING else cells.value(getattr(metrics, name), written)


def _shifts(caption: str, tokens: list[TokenShift]) -> Table:
    rows = tuple(
        (cells.token(one.str_), cells.whole(one.id), cells.change(one.delta_p), cells.change(one.delta_logp),
         cells.value(one.p_baseline, numbers.metric), cells.value(one.p_modified, numbers.metric))
        for one in tokens
    )  # fmt: skip
    return Table(caption, _SHIFT_COLUMNS, rows)
