"""The tables of `swa vocab`: super weights, the tokens they move, and neurons."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import MISSING
from rich.console import Console
from rich.table import Table

from swa.cli.tables.layout import empty_table, fits
from swa.findings.names import neuron_name, place_of
from swa.findings.verdict import is_beyond_control
from swa.schemas.cards import NeuronCard, SuperWeightCard, TokenShift, TopToken
from swa.text import numbers
from swa.text.tokens import token_label
from swa.text.words import NOT_MEASURED

N_TOKENS = 5
"""Tokens of each end that a row lists."""
_TOKEN_LENGTH = 12


def super_weight_table(cards: Sequence[SuperWeightCard], console: Console) -> Table:
    """One row a super weight, in a form that fits the console."""
    wide = _wide(cards)
    return wide if fits(wide, console) else _narrow(cards)


def token_table(cards: Sequence[SuperWeightCard]) -> Table:
    """The first tokens that become more and less likely without each super weight."""
    table = empty_table()
    table.add_column("coordinate", overflow="fold")
    for title in ("tokens that gain", "tokens that lose"):
        table.add_column(title, overflow="fold")
    for card in cards:
        shifts = card.token_shifts
        up, down = (
            (NOT_MEASURED, NOT_MEASURED) if shifts is MISSING else (tokens_text(shifts.up), tokens_text(shifts.down))
        )
        table.add_row(place_of(card), up, down)
    return table


def neuron_table(cards: Sequence[NeuronCard]) -> Table:
    """One row a neuron."""
    table = empty_table()
    table.add_column("neuron", overflow="fold")
    table.add_column("label", no_wrap=True)
    for title in ("kurtosis", "var\npercentile", "|kurt|\npercentile"):
        table.add_column(title, justify="right", no_wrap=True)
    for title in ("tokens up", "tokens down"):
        table.add_column(title, overflow="fold")
    for card in cards:
        places = (NOT_MEASURED, NOT_MEASURED)
        if card.percentiles is not MISSING:
            places = (numbers.percentile(card.percentiles.var), numbers.percentile(card.percentiles.kurt))
        tokens = (tokens_text(card.top_tokens_up), tokens_text(card.top_tokens_down))
        style = "bold" if card.label in ("prediction", "suppression") else ""
        table.add_row(neuron_name(card), card.label, numbers.number(card.moments.kurt), *places, *tokens, style=style)
    return table


def tokens_text(tokens: Sequence[TokenShift] | Sequence[TopToken]) -> str:
    """The first tokens, readable, with two blanks between them."""
    return "  ".join(token_label(token.str_, max_length=_TOKEN_LENGTH) for token in tokens[:N_TOKENS]) or NOT_MEASURED


def _wide(cards: Sequence[SuperWeightCard]) -> Table:
    table = empty_table()
    table.add_column("coordinate", no_wrap=True)
    for title in ("Δ loss [95 %]", "Δ entropy", "Δ margin", "control mean (max)", "neuron zeroed"):
        table.add_column(title, justify="right", no_wrap=True)
    for card in cards:
        cells = [
            f"{_delta(card)}{_interval(card)}",
            numbers.change(card.deltas.entropy),
            numbers.change(card.deltas.topk_margin),
        ]
        table.add_row(place_of(card), *cells, _control(card, " "), _neuron(card), style=_style(card))
    return table


def _narrow(cards: Sequence[SuperWeightCard]) -> Table:
    table = empty_table()
    table.add_column("coordinate", overflow="fold")
    for title in ("Δ loss\n[95 %]", "Δ entropy\nΔ margin", "control\n(max)", "neuron\nzeroed"):
        table.add_column(title, justify="right", no_wrap=True)
    for card in cards:
        table.add_row(
            place_of(card),
            f"{_delta(card)}\n{_interval(card).strip()}",
            f"{numbers.change(card.deltas.entropy)}\n{numbers.change(card.deltas.topk_margin)}",
            _control(card, "\n"),
            _neuron(card),
            style=_style(card),
        )
    return table


def _delta(card: SuperWeightCard) -> str:
    return numbers.change(card.deltas.loss)


def _interval(card: SuperWeightCard) -> str:
    if card.bootstrap is MISSING:
        return ""
    loss = card.bootstrap.loss
    return f" {numbers.interval(loss.ci_low, loss.ci_high)}"


def _control(card: SuperWeightCard, between: str) -> str:
    """Of the loss: the mean over the controls, and the largest."""
    mean, largest = card.controls.random_coord_delta, card.controls.random_coord_max
    return numbers.change(mean.loss) + ("" if largest is MISSING else f"{between}({numbers.change(largest.loss)})")


def _neuron(card: SuperWeightCard) -> str:
    return numbers.change(card.controls.neuron_zero_delta.loss)


def _style(card: SuperWeightCard) -> str:
    """What costs 5 % perplexity, beyond its controls, is to be seen at once."""
    largest = card.controls.random_coord_max
    control = 0.0 if largest is MISSING else largest.loss
    return "bold" if is_beyond_control(card.deltas.loss, control) else ""
