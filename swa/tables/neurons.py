"""Neuron cards as a table."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import MISSING

from swa.findings.names import neuron_name
from swa.schemas.cards import Moments, NeuronCard
from swa.tables.super_weights import texts_of
from swa.tables.table import ALWAYS, IN_FILES, ON_PAGES, Column, Row, Table, Value, known

_MOMENTS = {"var": ("variance", ON_PAGES), "skew": ("skew", ON_PAGES), "kurt": ("excess\nkurtosis", ALWAYS)}
_STANDING_OUT = ("prediction", "suppression")
MAX_Q = 0.05
"""False discovery rate up to which a class of tokens counts as enriched."""

NEURON_COLUMNS = (
    Column("model", "model", "text", IN_FILES),
    Column("layer", "layer", "index", IN_FILES),
    Column("expert", "expert", "index", IN_FILES),
    Column("module", "module", "code", IN_FILES),
    Column("neuron", "neuron", "index", IN_FILES),
    Column("label", "label", "text"),
    *(Column(name, title, "number", rank) for name, (title, rank) in _MOMENTS.items()),
    *(
        Column(f"{name}_cos", f"{title} of the cosines".replace("\n", " "), "number", IN_FILES)
        for name, (title, _) in _MOMENTS.items()
    ),
    Column("percentile_var", "variance\npercentile", "percentile"),
    Column("percentile_kurt", "|kurtosis|\npercentile", "percentile"),
    Column("top_tokens_up", "raises most", "tokens"),
    Column("top_tokens_down", "lowers most", "tokens"),
    Column("enriched_classes", "enriched classes", "tokens", IN_FILES),
)


def neuron_table(cards: Iterable[NeuronCard]) -> Table:
    """One row a neuron; those that write for or against tokens stand out."""
    rows = tuple(
        Row(neuron_name(card), _values(card), stands_out=card.label in _STANDING_OUT, order=_order(card))
        for card in cards
    )
    return Table("All neuron cards", "neuron", NEURON_COLUMNS, rows)


def _order(card: NeuronCard) -> float:
    return card.layer * 1e12 + (0 if card.expert is None else card.expert + 1) * 1e7 + card.neuron


def _values(card: NeuronCard) -> dict[str, Value]:
    values: dict[str, Value] = {
        "model": card.model,
        "layer": card.layer,
        "expert": card.expert,
        "module": known(card.module),
        "neuron": card.neuron,
        "label": card.label,
        **_moments(card.moments, ""),
        **_moments(card.moments_cos, "_cos"),
        "top_tokens_up": texts_of(card.top_tokens_up),
        "top_tokens_down": texts_of(card.top_tokens_down),
    }
    if card.percentiles is not MISSING:
        values |= {"percentile_var": card.percentiles.var, "percentile_kurt": card.percentiles.kurt}
    if card.enrichment is not MISSING:
        enriched = [one for one in card.enrichment if one.q is not MISSING and one.q < MAX_Q]
        values["enriched_classes"] = tuple(one.class_ for one in sorted(enriched, key=lambda one: -one.score))
    return values


def _moments(moments: Moments | MISSING, suffix: str) -> dict[str, Value]:
    return {} if moments is MISSING else {f"{name}{suffix}": getattr(moments, name) for name in _MOMENTS}
