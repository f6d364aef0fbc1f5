"""Which cards of neurons are missing, planned for a loaded model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import MISSING

from swa.progress import Progress
from swa.schemas.cards import NeuronCard
from swa.schemas.detection import SuperWeight
from swa.schemas.run import RunHeader
from swa.vocabulary.options import NeuronOptions
from swa.vocabulary.selectors import Neuron

if TYPE_CHECKING:
    from swa.models.loading.loaded import LoadedModel
    from swa.vocabulary.census import CensusWork
    from swa.vocabulary.neurons import NeuronWork


def missing_neurons(
    loaded: LoadedModel,
    saved: Sequence[NeuronCard],
    of_super_weights: Sequence[Neuron],
    chosen: Sequence[Neuron],
    options: NeuronOptions,
) -> tuple[NeuronWork | None, list[str]]:
    """The cards that are missing, and modules of super weights whose neurons can have none.

    Args:
        loaded: The model.
        saved: Cards that are there.
        of_super_weights: Neurons of super weights; where effects are not defined for one, it has no card.
        chosen: Neurons that were named; each of them must have a card.
        options: What the cards hold.

    Raises:
        UnsupportedModelError: Vocabulary effects are not defined for the model.
    """
    from swa.vocabulary.neurons import plan_neuron_cards
    from swa.vocabulary.space import vocabulary_space

    missing = [one for one in dict.fromkeys([*of_super_weights, *chosen]) if not one.has_card(saved)]
    if not missing:
        return None, []
    space = vocabulary_space(loaded)
    modules = (one.site.module for one in missing if one not in chosen and not space.unembedding.supports(one.site))
    undefined = list(dict.fromkeys(modules))
    places = [(one.site, one.number) for one in missing if one in chosen or one.site.module not in undefined]
    return plan_neuron_cards(space, places, options=options), undefined


def missing_census(loaded: LoadedModel, options: NeuronOptions, progress: Progress) -> CensusWork:
    """The census of all neurons.

    Raises:
        UnsupportedModelError: Vocabulary effects are not defined for the model.
    """
    from swa.vocabulary.census import plan_census
    from swa.vocabulary.space import vocabulary_space

    return plan_census(vocabulary_space(loaded), seed=options.seed, progress=progress)


def without_card(module: str) -> str:
    """What is said of a module whose neurons have no card."""
    return f"Neurons of {module} write elsewhere than where the unembedding reads; they have no card."


def notes_on_neurons(header: RunHeader, weights: Sequence[SuperWeight]) -> list[str]:
    """Which super weights' neurons can have no card."""
    undefined = [] if header.without_effects is MISSING else header.without_effects
    return [without_card(module) for module in undefined if any(weight.module == module for weight in weights)]
