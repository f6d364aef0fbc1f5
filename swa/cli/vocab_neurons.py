"""Cards and census of neurons, kept one by one, so that a kill loses at most the one in work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from swa.cli.neuron_choice import Neuron
from swa.progress import Progress
from swa.schemas.cards import NeuronCard
from swa.store.census import CensusFile

if TYPE_CHECKING:
    from swa.models.loading.loaded import LoadedModel
    from swa.vocabulary.options import NeuronOptions
    from swa.vocabulary.space import VocabularySpace

CENSUS_TYPES = {
    "layer": "int32",
    "expert": "int32",
    "neuron": "int32",
    "module": "string",
    **{f"{name}{suffix}": "float64" for suffix in ("", "_cos") for name in ("var", "skew", "kurt")},
    "label": "string",
}
"""Columns of the census; in float64 of float32 sums, as the analysis gives them."""


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


def cards_of(
    space: VocabularySpace, neurons: Sequence[Neuron], options: NeuronOptions, progress: Progress
) -> Iterator[NeuronCard]:
    """The cards of neurons, in their order.

    Raises:
        UnsupportedModelError: Effects are not defined for one of them.
    """
    from swa.vocabulary.neurons import neuron_cards

    places = [(neuron.site, neuron.number) for neuron in neurons]
    return neuron_cards(space.loaded, places, options=options, space=space, progress=progress)


def census_file(path: Path, key: str) -> CensusFile:
    """The census of a model."""
    return CensusFile(path, key, types=CENSUS_TYPES)


def write_parts(space: VocabularySpace, file: CensusFile, *, seed: int, progress: Progress) -> Iterator[int]:
    """Write the parts that are missing, one for each down projection; yields the number of each when it is there.

    Args:
        space: The model's vocabulary.
        file: Where parts are kept; they are numbered as the model's down projections.
        seed: Seed of the neurons beside which labels are given.
        progress: Where the work is reported.

    Raises:
        WriteError: A part could not be written.
    """
    from swa.vocabulary.census import census

    sites = space.loaded.sites.sites
    numbers = {site: number for number, site in enumerate(sites)}
    missing = [site for site in sites if not file.has(numbers[site])]
    # of a new census the analysis chooses and says what it leaves out; one that goes on has said it before
    is_new = len(missing) == len(sites)
    chosen = None if is_new else [site for site in missing if space.unembedding.supports(site)]
    for one in census(space.loaded, sites=chosen, seed=seed, space=space, progress=progress):
        file.add(numbers[one.site], one.columns())
        yield numbers[one.site]
