"""`neuron_cards`: what single neurons write into the vocabulary (2-methods 2.6)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch

from swa.data.token_classes import TokenClasses, token_classes
from swa.data.token_text import token_texts
from swa.errors import UsageError
from swa.models.discovery.sites import Site
from swa.models.loading.loaded import LoadedModel
from swa.progress import Progress, SilentProgress
from swa.schemas.cards import NeuronCard
from swa.vocabulary.labels import Reference, sample_columns
from swa.vocabulary.moments import moments_of
from swa.vocabulary.neuron_card import neuron_card
from swa.vocabulary.options import NeuronOptions
from swa.vocabulary.space import VocabularySpace, vocabulary_space

_AT_ONCE = 16
"""Neurons whose effects are held at once."""


class Neuron(NamedTuple):
    """One MLP neuron: a column of a down projection."""

    site: Site
    col: int


def neuron_cards(
    loaded: LoadedModel,
    neurons: Sequence[tuple[Site, int]],
    *,
    options: NeuronOptions | None = None,
    space: VocabularySpace | None = None,
    progress: Progress | None = None,
) -> Iterator[NeuronCard]:
    """Cards of neurons, in their order, each as soon as it is made.

    Moments are float64 throughout. The same seeded neurons of its matrix stand beside a neuron here and in the census.

    Args:
        loaded: The model.
        neurons: Sites and columns.
        options: What the cards hold.
        space: The model's vocabulary, where it was measured before.
        progress: Where the work is reported.

    Raises:
        UsageError: A column is out of range.
        UnsupportedModelError: Effects are not defined for the model or for a site.
    """
    options, progress = options or NeuronOptions(), progress or SilentProgress()
    for site, col in neurons:
        if not 0 <= col < site.d_ff:
            raise UsageError(f"There is no neuron {col} in {site.module}: it has {site.d_ff}.")
    if not neurons:
        return
    space = space or vocabulary_space(loaded)
    classes = _classes(space) if options.enrichment else None
    references: dict[Site, Reference] = {}
    with progress.task("neuron cards", len(neurons)) as task:
        for start in range(0, len(neurons), _AT_ONCE):
            some = [Neuron(*neuron) for neuron in neurons[start : start + _AT_ONCE]]
            directions = torch.cat(
                [space.directions(site, [col], dtype=torch.float64).cpu() for site, col in some], dim=1
            )
            effects = space.effects(directions).numpy()
            lengths = torch.linalg.vector_norm(directions, dim=0).tolist()
            for (site, col), own, length in zip(some, effects, lengths, strict=True):
                if site not in references:
                    references[site] = reference_of(space, site, seed=options.seed)
                yield neuron_card(
                    space,
                    site,
                    col,
                    effects=own,
                    length=length,
                    reference=references[site],
                    classes=classes,
                    options=options,
                )
                task.advance()


def reference_of(space: VocabularySpace, site: Site, *, seed: int) -> Reference:
    """Cosine moments of the seeded neurons of a site."""
    columns = space.directions(site, sample_columns(site, seed=seed), dtype=torch.float32)
    return Reference.of(moments_of(space, columns).cosines)


def _classes(space: VocabularySpace) -> TokenClasses:
    return token_classes(token_texts(space.loaded.tokenizer, space.token_ids))
