"""Neuron cards: what a neuron writes into the vocabulary."""

from __future__ import annotations

from collections import Counter

from pydantic import MISSING

from swa.findings.names import neuron_name
from swa.reports.page import cells
from swa.reports.page.document import Block, Cell, Code, Fold, Paragraph, Section, Span, Table, Token
from swa.reports.page.tables import page_table
from swa.reports.saved.figures import saved_figures
from swa.reports.saved.models import Cards, ModelArtifacts
from swa.schemas.cards import Enrichment, NeuronCard, TopToken
from swa.store.vocab_names import neuron_stem
from swa.tables.neurons import neuron_table
from swa.text import numbers
from swa.text.words import counted

N_OPEN = 2
"""Cards that are open from the start."""
_TOKEN_COLUMNS = cells.columns("token", "#id", "piece", "#effect")
_CLASS_COLUMNS = cells.columns("class", "#η²", "#mean difference, sd", "#tokens", "#q", "examples")


def section(found: ModelArtifacts, anchor: str) -> Section | None:
    """An overview of all cards, then each with its tokens and classes."""
    cards = found.neurons
    if cards is None or not cards.records:
        return None
    labels = Counter(card.label for card in cards.records)
    text = f"{counted(len(cards.records), 'card')}: {', '.join(f'{n} {label}' for label, n in labels.most_common())}."
    blocks: list[Block] = [
        Paragraph((f"{text} Effects are changes of a token's logit per unit of the neuron's activation.",)),
        page_table(neuron_table(cards.records)),
    ]
    blocks += [_card(cards, card, is_open=index < N_OPEN) for index, card in enumerate(cards.records)]
    return Section("Neuron cards", anchor, tuple(blocks))


def _card(cards: Cards[NeuronCard], card: NeuronCard, *, is_open: bool) -> Fold:
    saved = saved_figures(cards, "neurons", neuron_stem, card)
    blocks: list[Block] = []
    if card.moments_cos is not MISSING:
        seen = card.moments_cos
        moments = ", ".join(
            f"{name} {numbers.number(moment)}"
            for name, moment in (("variance", seen.var), ("skew", seen.skew), ("excess kurtosis", seen.kurt))
        )
        blocks.append(Paragraph((f"Of the cosines: {moments}.",)))
    blocks += [
        _tokens(f"Tokens whose logit {verb}", tokens)
        for verb, tokens in (("rises most", card.top_tokens_up), ("falls most", card.top_tokens_down))
        if tokens
    ]
    if card.enrichment is not MISSING and card.enrichment:
        blocks.append(Table("Classes of tokens", _CLASS_COLUMNS, tuple(_class(one) for one in card.enrichment)))
    blocks += saved.pictures("effects", "Effects on the whole vocabulary")
    return Fold(("Neuron ", Code(neuron_name(card)), f" · {card.label}"), tuple(blocks), is_open=is_open)


def _tokens(caption: str, tokens: list[TopToken]) -> Table:
    rows = tuple(
        (cells.token(one.str_), cells.whole(one.id), cells.token(one.tok), cells.value(one.effect, numbers.change))
        for one in tokens
    )
    return Table(caption, _TOKEN_COLUMNS, rows)


def _class(one: Enrichment) -> tuple[Cell, ...]:
    examples: list[Span] = []
    for text in one.examples:
        examples += [Token(text), " "]
    return (
        cells.text(one.class_),
        cells.value(one.score, numbers.metric),
        cells.value(one.mean_diff, numbers.change),
        cells.whole(one.n),
        cells.value(one.q, numbers.p_value),
        Cell(tuple(examples)),
    )
