"""`census`: moments and label of every neuron of a model, matrix by matrix (2-methods 2.6)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
import torch

from swa.models.discovery.sites import Site
from swa.models.loading.loaded import LoadedModel
from swa.models.loading.weights import resident
from swa.progress import Progress, SilentProgress
from swa.schemas.cards import Label, Moments
from swa.vocabulary.labels import Reference, Values, label_of, sample_columns
from swa.vocabulary.moments import ManyMoments, NeuronMoments, moments_of, rarer_signs
from swa.vocabulary.space import VocabularySpace, vocabulary_space

_WIDTH = {"cpu": 2**22, "cuda": 2**25, "mps": 2**23}
"""Numbers of the directions held at once: 16 MiB in float32 on a CPU."""


class SiteCensus(NamedTuple):
    """All neurons of one down projection.

    Attributes:
        site: The down projection; an expert is one of its own.
        effects: Moments of the effects of each neuron.
        cosines: Moments of the cosines.
        labels: Label of each neuron.
    """

    site: Site
    effects: ManyMoments
    cosines: ManyMoments
    labels: list[Label]

    def columns(self) -> dict[str, list[int | None] | list[int] | list[str] | list[Label] | Values]:
        """One row a neuron, as columns of a table; `expert` is empty where the matrix is not an expert's."""
        n = len(self.labels)
        return {
            "layer": [self.site.layer] * n,
            "expert": [self.site.expert] * n,
            "neuron": list(range(n)),
            "module": [self.site.module] * n,
            "var": self.effects.var,
            "skew": self.effects.skew,
            "kurt": self.effects.kurt,
            "var_cos": self.cosines.var,
            "skew_cos": self.cosines.skew,
            "kurt_cos": self.cosines.kurt,
            "label": self.labels,
        }


def census(
    loaded: LoadedModel,
    *,
    sites: Sequence[Site] | None = None,
    seed: int = 42,
    space: VocabularySpace | None = None,
    progress: Progress | None = None,
) -> Iterator[SiteCensus]:
    """Moments and label of every neuron, each down projection as soon as it is done.

    A census that was interrupted goes on with the sites that are left. Its numbers come from float32 products (see
    `moments_of`): variances agree with a card's to about 1e-6, skewness and kurtosis to about 1e-5 of 1 + their size,
    and labels with it but for neurons that lie this near to a threshold.

    Args:
        loaded: The model.
        sites: Which down projections; by default all for which effects are defined.
        seed: Seed of the sample that labels need.
        space: The model's vocabulary, where it was measured before.
        progress: Where the work is reported; sites without effects are warned of.

    Raises:
        UnsupportedModelError: Effects are not defined for the model, or for a site that was asked for.
    """
    progress = progress or SilentProgress()
    space = space or vocabulary_space(loaded)
    if sites is None:
        sites = [site for site in loaded.sites if space.unembedding.supports(site)]
        if len(sites) < len(loaded.sites):
            progress.warn(
                f"{len(loaded.sites) - len(sites)} of {len(loaded.sites)} down projections do not write into the "
                "residual stream that the unembedding reads; they are left out."
            )
    with progress.task("neurons", sum(site.d_ff for site in sites)) as task:
        for path, of_module in groupby(sites, key=lambda site: site.module):
            with resident(loaded.model.get_submodule(path)):  # experts of one parameter are read once
                for site in of_module:
                    yield _of_site(space, site, seed=seed)
                    task.advance(site.d_ff)


def _of_site(space: VocabularySpace, site: Site, *, seed: int) -> SiteCensus:
    step = _step(space)
    parts = [
        moments_of(space, space.directions(site, slice(first, first + step), dtype=torch.float32))
        for first in range(0, site.d_ff, step)
    ]
    found = NeuronMoments(_joined([part.effects for part in parts]), _joined([part.cosines for part in parts]))
    reference = Reference.of(ManyMoments(*(values[sample_columns(site, seed=seed)] for values in found.cosines)))
    return SiteCensus(site, found.effects, found.cosines, _labels(space, site, found.cosines, reference))


def _joined(parts: list[ManyMoments]) -> ManyMoments:
    return ManyMoments(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def _labels(space: VocabularySpace, site: Site, cosines: ManyMoments, reference: Reference) -> list[Label]:
    """Labels; the signs of the effects are counted only where they may decide."""
    rarer = np.zeros(len(cosines.var))
    wide = np.flatnonzero(cosines.var > reference.wide)
    step = _step(space)
    for first in range(0, len(wide), step):
        some = wide[first : first + step]
        rarer[some] = rarer_signs(space, space.directions(site, some.tolist(), dtype=torch.float32))
    rows = zip(*(values.tolist() for values in (*cosines, rarer)), strict=True)
    return [
        label_of(Moments(var=var, skew=skew, kurt=kurt), is_wide=var > reference.wide, rarer_sign=share)
        for var, skew, kurt, share in rows
    ]


def _step(space: VocabularySpace) -> int:
    """Columns whose directions are held at once."""
    return max(1, _WIDTH[space.unembedding.weight.device.type] // space.unembedding.d_model)
