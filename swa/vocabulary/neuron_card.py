"""From the effects of one neuron to its card."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from swa.data.token_classes import TokenClasses
from swa.data.token_text import token_text
from swa.models.discovery.sites import Site
from swa.schemas.cards import Histogram, NeuronCard, TopToken
from swa.vocabulary.enrichment import enrichment
from swa.vocabulary.labels import Reference, label_of
from swa.vocabulary.moments import population_moments
from swa.vocabulary.options import NeuronOptions
from swa.vocabulary.space import VocabularySpace

N_BINS = 60

Values = NDArray[np.float64]


def neuron_card(
    space: VocabularySpace,
    site: Site,
    col: int,
    *,
    effects: Values,
    length: float,
    reference: Reference,
    classes: TokenClasses | None,
    options: NeuronOptions,
) -> NeuronCard:
    """Make a card.

    Args:
        space: The vocabulary.
        site: The down projection.
        col: The neuron.
        effects: Its effect on each token of the space, float64.
        length: Length of its direction.
        reference: Cosine moments of the sampled neurons of the matrix.
        classes: Which token is in which class, where enrichment is asked for.
        options: The choices.
    """
    lengths = space.norms.numpy() * length
    cosines = np.divide(effects, lengths, out=np.zeros_like(effects), where=lengths > 0)
    moments_cos = population_moments(cosines)
    optional: dict[str, Any] = {}
    if options.cosine:
        optional["moments_cos"] = moments_cos
    if classes is not None:
        optional["enrichment"] = enrichment(effects, classes)
    if moments_cos.var > 0:
        optional["percentiles"] = reference.percentiles(moments_cos.var, moments_cos.kurt)
        optional["histogram"] = histogram_of(effects)
    notes = space.unembedding.notes(site)
    if notes:
        optional["notes"] = list(notes)
    return NeuronCard(
        model=space.loaded.name,
        layer=site.layer,
        neuron=col,
        expert=site.expert,
        module=site.module,
        moments=population_moments(effects),
        top_tokens_up=_top_tokens(space, effects, options.top_tokens),
        top_tokens_down=_top_tokens(space, -effects, options.top_tokens, sign=-1.0),
        label=label_of(
            moments_cos,
            is_wide=moments_cos.var > reference.wide,
            rarer_sign=float(min((effects > 0).mean(), (effects < 0).mean())),
        ),
        **optional,
    )


def histogram_of(effects: Values) -> Histogram:
    """Counts in bins of equal width from the smallest to the largest effect."""
    counts, edges = np.histogram(effects, bins=N_BINS)
    return Histogram(edges=edges.tolist(), counts=counts.tolist())


def _top_tokens(space: VocabularySpace, sizes: Values, n: int, *, sign: float = 1.0) -> list[TopToken]:
    """The tokens with the largest positive sizes, of equal ones the smaller id first."""
    order = np.argsort(-sizes, kind="stable")[:n]
    ids = space.token_ids
    return [
        TopToken.model_validate(
            {"id": ids[place], "tok": text.tok, "str": text.text, "effect": sign * float(sizes[place])}
        )
        for place in order
        if sizes[place] > 0
        for text in [token_text(space.loaded.tokenizer, ids[place])]
    ]
