"""Cards of neurons: what single ones write into the vocabulary (docs/methods.md#vocabulary-effects-of-a-neuron)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, NamedTuple

import torch
from pydantic import JsonValue

from swa.data.token_classes import TokenClasses, token_classes
from swa.data.token_text import token_texts
from swa.engine.ledger import Item, Ledger, Round, item_key, model_content
from swa.errors import UsageError
from swa.models.discovery.sites import Site
from swa.schemas.cards import NeuronCard
from swa.store.ledger import Answer
from swa.vocabulary.labels import Reference, sample_columns
from swa.vocabulary.moments import moments_of
from swa.vocabulary.neuron_card import neuron_card
from swa.vocabulary.options import NeuronOptions
from swa.vocabulary.space import VocabularySpace

_AT_ONCE = 16
"""Neurons of an item: their effects are held at once."""


class Neuron(NamedTuple):
    """One MLP neuron: a column of a down projection."""

    site: Site
    col: int


@dataclass(frozen=True)
class NeuronWork:
    """Cards of some neurons, planned; a `Work`.

    Moments are float64 throughout. The same seeded neurons of its matrix stand beside a neuron here and in the census.

    Attributes:
        space: The model's vocabulary.
        neurons: In the order of their cards.
        options: What the cards hold.
    """

    space: VocabularySpace
    neurons: Sequence[Neuron]
    options: NeuronOptions

    def rounds(self, ledger: Ledger) -> Iterator[Round]:
        """See `Work.rounds`."""
        del ledger  # there is one round
        if self.neurons:
            maker = _CardMaker(self.space, self.options)
            items = [Item(key, len(some), partial(maker.answer, some)) for some, key in self._pieces]
            yield Round("neuron cards", items)

    def records(self, ledger: Ledger) -> list[NeuronCard]:
        """See `Work.records`."""
        answers: list[Any] = [ledger.get(key).values["cards"] for _, key in self._pieces]
        return [NeuronCard.model_validate(card) for cards in answers for card in cards]

    @cached_property
    def _pieces(self) -> list[tuple[Sequence[Neuron], str]]:
        pieces = [self.neurons[start : start + _AT_ONCE] for start in range(0, len(self.neurons), _AT_ONCE)]
        return [(some, self._key(some)) for some in pieces]

    def _key(self, some: Sequence[Neuron]) -> str:
        loaded, options = self.space.loaded, self.options
        return item_key(
            "neuron cards",
            name=loaded.name,  # it stands in the cards
            model=model_content(loaded),
            tokens=self.space.digest,
            neurons=[[*site.content, col] for site, col in some],
            options=[options.top_tokens, options.cosine, options.enrichment, options.seed],
        )


def plan_neuron_cards(
    space: VocabularySpace, neurons: Sequence[tuple[Site, int]], *, options: NeuronOptions | None = None
) -> NeuronWork:
    """Plan the cards of neurons.

    Args:
        space: The model's vocabulary.
        neurons: Sites and columns; for a site without effects the work raises `UnsupportedModelError`.
        options: What the cards hold.

    Raises:
        UsageError: A column is out of range.
    """
    for site, col in neurons:
        if not 0 <= col < site.d_ff:
            raise UsageError(f"There is no neuron {col} in {site.module}: it has {site.d_ff}.")
    return NeuronWork(space, [Neuron(*neuron) for neuron in neurons], options or NeuronOptions())


@dataclass
class _CardMaker:
    """Makes cards; what many share is made once, when it is first needed.

    Attributes:
        space: The model's vocabulary.
        options: What the cards hold.
    """

    space: VocabularySpace
    options: NeuronOptions
    _references: dict[Site, Reference] = field(default_factory=dict)

    def answer(self, some: Sequence[Neuron], advance: Callable[[], None]) -> Answer:
        """The cards of some neurons, whose effects come from one pass over the unembedding."""
        directions = torch.cat(
            [self.space.directions(site, [col], dtype=torch.float64).cpu() for site, col in some], dim=1
        )
        effects = self.space.effects(directions).numpy()
        lengths = torch.linalg.vector_norm(directions, dim=0).tolist()
        cards: list[JsonValue] = []
        for (site, col), own, length in zip(some, effects, lengths, strict=True):
            card = neuron_card(
                self.space,
                site,
                col,
                effects=own,
                length=length,
                reference=self._reference(site),
                classes=self._classes if self.options.enrichment else None,
                options=self.options,
            )
            cards.append(card.model_dump(mode="json"))
            advance()
        return Answer({"cards": cards})

    def _reference(self, site: Site) -> Reference:
        if site not in self._references:
            self._references[site] = reference_of(self.space, site, seed=self.options.seed)
        return self._references[site]

    @cached_property
    def _classes(self) -> TokenClasses:
        return token_classes(token_texts(self.space.loaded.tokenizer, self.space.token_ids))


def reference_of(space: VocabularySpace, site: Site, *, seed: int) -> Reference:
    """Cosine moments of the seeded neurons of a site."""
    columns = space.directions(site, sample_columns(site, seed=seed), dtype=torch.float32)
    return Reference.of(moments_of(space, columns).cosines)
