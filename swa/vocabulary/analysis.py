"""`vocab`: cards of super weights and of their neurons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from swa.data.options import WindowOptions
from swa.data.sources import TextSource
from swa.errors import UnsupportedModelError
from swa.models.discovery.sites import Site
from swa.models.loading.loaded import LoadedModel
from swa.progress import Progress
from swa.schemas.cards import NeuronCard, SuperWeightCard
from swa.schemas.detection import SuperWeight
from swa.vocabulary.interventions_run import super_weight_cards
from swa.vocabulary.neurons import neuron_cards
from swa.vocabulary.options import InterventionOptions, NeuronOptions
from swa.vocabulary.space import vocabulary_space


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
    notes: list[str] = []
    cards = super_weight_cards(
        loaded,
        super_weights,
        text,
        candidates=candidates,
        windows=windows,
        options=options,
        progress=progress,
        notes=notes,
    )
    places = list(dict.fromkeys((loaded.sites.find(weight.coordinate), weight.col) for weight in super_weights))
    return VocabularyCards(cards, _neurons(loaded, places, neurons, progress, notes), notes)


def _neurons(
    loaded: LoadedModel,
    places: Sequence[tuple[Site, int]],
    options: NeuronOptions | None,
    progress: Progress | None,
    notes: list[str],
) -> list[NeuronCard]:
    if not places:
        return []
    try:
        space = vocabulary_space(loaded)
    except UnsupportedModelError as error:
        notes.append(error.message)
        return []
    supported = [place for place in places if space.unembedding.supports(place[0])]
    without = dict.fromkeys(site.module for site, _ in places if not space.unembedding.supports(site))
    notes += [f"{module} does not write where the unembedding reads: its neurons have no card." for module in without]
    return list(neuron_cards(loaded, supported, options=options, space=space, progress=progress))
