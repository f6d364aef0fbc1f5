"""A model's vocabulary for the cards of neurons, and the neurons that can have none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from swa.cli.neuron_choice import Neuron

if TYPE_CHECKING:
    from swa.models.loading.loaded import LoadedModel
    from swa.vocabulary.space import VocabularySpace


def open_space(loaded: LoadedModel) -> VocabularySpace:
    """Measure a model's vocabulary.

    Raises:
        UnsupportedModelError: Vocabulary effects are not defined for the model.
    """
    from swa.vocabulary.space import vocabulary_space

    return vocabulary_space(loaded)


def without_effects(space: VocabularySpace, neurons: Sequence[Neuron]) -> list[str]:
    """Modules among those of some neurons that do not write into the residual stream that is read out."""
    modules = (neuron.site.module for neuron in neurons if not space.unembedding.supports(neuron.site))
    return list(dict.fromkeys(modules))
