"""`vocab`: cards of super weights and of their neurons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from swa.data.options import WindowOptions
from swa.data.sources import TextSource
from swa.engine.ledger import Ledger, MemoryLedger, Round, finish
from swa.errors import UnsupportedModelError
from swa.models.discovery.sites import Site
from swa.models.loading.loaded import LoadedModel
from swa.progress import Progress, SilentProgress
from swa.schemas.cards import NeuronCard, SuperWeightCard
from swa.schemas.detection import SuperWeight
from swa.vocabulary.census import CensusWork, SiteCensus
from swa.vocabulary.neurons import NeuronWork, plan_neuron_cards
from swa.vocabulary.options import InterventionOptions, NeuronOptions
from swa.vocabulary.space import vocabulary_space
from swa.vocabulary.super_weight_cards import SuperWeightCards, SuperWeightWork, plan_super_weight_cards


class VocabularyCards(NamedTuple):
    """What a vocabulary analysis gives.

    Attributes:
        super_weights: One card a super weight, in their order.
        neurons: One card a neuron of theirs; none where effects on the vocabulary are not defined.
        notes: Sentences that a reader should know.
    """

    super_weights: list[SuperWeightCard]
    neurons: list[NeuronCard]
    notes: list[str]


class VocabularyRecords(NamedTuple):
    """What the parts of a vocabulary analysis give.

    Attributes:
        neurons: Cards of neurons.
        super_weights: Cards of super weights, with notes.
        census: All neurons, one entry a down projection.
    """

    neurons: list[NeuronCard]
    super_weights: SuperWeightCards
    census: list[SiteCensus]


@dataclass(frozen=True)
class VocabularyWork:
    """A vocabulary analysis, planned; a `Work`. What is not wanted is `None`.

    Attributes:
        neurons: Cards of neurons; first, for they are quick to say that nothing is defined for a site.
        super_weights: Cards of super weights.
        census: All neurons.
    """

    neurons: NeuronWork | None = None
    super_weights: SuperWeightWork | None = None
    census: CensusWork | None = None

    def rounds(self, ledger: Ledger) -> Iterator[Round]:
        """See `Work.rounds`."""
        for part in (self.neurons, self.super_weights, self.census):
            if part is not None:
                yield from part.rounds(ledger)

    def records(self, ledger: Ledger) -> VocabularyRecords:
        """See `Work.records`."""
        return VocabularyRecords(
            [] if self.neurons is None else self.neurons.records(ledger),
            SuperWeightCards([], []) if self.super_weights is None else self.super_weights.records(ledger),
            [] if self.census is None else self.census.records(ledger),
        )


def vocab(
    loaded: LoadedModel,
    super_weights: Sequence[SuperWeight],
    text: TextSource,
    *,
    candidates: Sequence[SuperWeight] = (),
    windows: WindowOptions | None = None,
    options: InterventionOptions | None = None,
    neurons: NeuronOptions | None = None,
    progress: Progress | None = None,
) -> VocabularyCards:
    """Measure what each super weight does to predictions, and what its neuron writes into the vocabulary.

    Args:
        loaded: The model. Its weights are the same to the bit afterwards.
        super_weights: What gets a card.
        text: What the model reads.
        candidates: Everything that a detection pointed to; control scalars keep away from it.
        windows: How the text is cut; the defaults of this and the next two are those of the command line.
        options: What is measured of each super weight.
        neurons: What the cards of neurons hold.
        progress: Where the work is reported.

    Raises:
        UsageError: A coordinate is not the model's, or the numbers make no windows.
        UnsupportedModelError: The model computes from copies of its weights, or a cascade is not defined for it.
    """
    progress = progress or SilentProgress()
    notes: list[str] = []
    places = list(dict.fromkeys((loaded.sites.find(weight.coordinate), weight.col) for weight in super_weights))
    work = VocabularyWork(
        _plan_neurons(loaded, places, neurons, notes),
        plan_super_weight_cards(
            loaded,
            super_weights,
            text,
            candidates=candidates,
            windows=windows,
            options=options,
            progress=progress,
        )
        if super_weights
        else None,
    )
    found = finish(work, MemoryLedger(), progress)
    return VocabularyCards(found.super_weights.cards, found.neurons, [*found.super_weights.notes, *notes])


def _plan_neurons(
    loaded: LoadedModel, places: Sequence[tuple[Site, int]], options: NeuronOptions | None, notes: list[str]
) -> NeuronWork | None:
    if not places:
        return None
    try:
        space = vocabulary_space(loaded)
    except UnsupportedModelError as error:
        notes.append(error.message)
        return None
    supported = [place for place in places if space.unembedding.supports(place[0])]
    without = dict.fromkeys(site.module for site, _ in places if not space.unembedding.supports(site))
    notes += [f"{module} does not write where the unembedding reads: its neurons have no card." for module in without]
    return plan_neuron_cards(space, supported, options=options)
