"""The census: moments and label of every neuron of a model, matrix by matrix (docs/methods.md#census)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from swa.engine.ledger import Item, Ledger, Round, item_key, model_content
from swa.models.discovery.sites import Site
from swa.models.loading.weights import resident
from swa.progress import Progress, SilentProgress
from swa.schemas.cards import Label, Moments
from swa.store.ledger import Answer
from swa.vocabulary.labels import Reference, Values, label_of, sample_columns
from swa.vocabulary.moments import ManyMoments, NeuronMoments, moments_of, rarer_signs
from swa.vocabulary.space import VocabularySpace

_WIDTH = {"cpu": 2**22, "cuda": 2**25, "mps": 2**23}
"""Numbers of the directions held at once: 16 MiB in float32 on a CPU."""
_COSINES = "_cos"
_LABELS: tuple[Label, ...] = get_args(Label)
"""A label is kept as its place here."""


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
            **self._moments(),
            "label": self.labels,
        }

    def numbers(self) -> dict[str, NDArray[Any]]:
        """What was computed, as arrays."""
        return {**self._moments(), "label": np.array([_LABELS.index(label) for label in self.labels], dtype=np.int8)}

    def _moments(self) -> dict[str, Values]:
        by_suffix = (("", self.effects), (_COSINES, self.cosines))
        return {f"{name}{suffix}": values for suffix, all_ in by_suffix for name, values in all_._asdict().items()}


@dataclass(frozen=True)
class CensusWork:
    """Moments and label of every neuron of some down projections, planned; a `Work` of one item a down projection.

    Its numbers come from float32 products (see `moments_of`): variances agree with a card's to about 1e-6, skewness
    and kurtosis to about 1e-5 of 1 + their size, and labels with it but for neurons that lie this near to a threshold.

    Attributes:
        space: The model's vocabulary.
        sites: The down projections.
        seed: Seed of the sample that labels need.
    """

    space: VocabularySpace
    sites: Sequence[Site]
    seed: int

    def rounds(self, ledger: Ledger) -> Iterator[Round]:
        """See `Work.rounds`."""
        del ledger  # there is one round
        with closing(_Resident(self.space.loaded.model)) as held:
            yield Round("census", [Item(self._key(site), 1, partial(self._answer, site, held)) for site in self.sites])

    def records(self, ledger: Ledger) -> list[SiteCensus]:
        """See `Work.records`."""
        return [_census_of(site, ledger.get(self._key(site)).arrays) for site in self.sites]

    def _answer(self, site: Site, held: _Resident, advance: Callable[[], None]) -> Answer:
        held.hold(site.module)
        found = _of_site(self.space, site, seed=self.seed)
        advance()
        return Answer(arrays=found.numbers())

    def _key(self, site: Site) -> str:
        return item_key(
            "census",
            model=model_content(self.space.loaded),
            tokens=self.space.digest,
            site=site.content,
            seed=self.seed,
        )


def plan_census(
    space: VocabularySpace, *, sites: Sequence[Site] | None = None, seed: int = 42, progress: Progress | None = None
) -> CensusWork:
    """Plan the census of a model.

    Args:
        space: The model's vocabulary.
        sites: Which down projections; by default all for which effects are defined. For one that was asked for and
            has none the work raises `UnsupportedModelError`.
        seed: Seed of the sample that labels need.
        progress: Sites without effects are warned of.
    """
    if sites is None:
        of_model = space.loaded.sites
        sites = [site for site in of_model if space.unembedding.supports(site)]
        if len(sites) < len(of_model):
            (progress or SilentProgress()).warn(
                f"{len(of_model) - len(sites)} of {len(of_model)} down projections do not write into the "
                "residual stream that the unembedding reads; they are left out."
            )
    return CensusWork(space, sites, seed)


class _Resident:
    """Keeps the weights of one module in memory from item to item: experts of one parameter are read once."""

    def __init__(self, model: Any) -> None:
        self._model, self._path, self._stack = model, "", ExitStack()

    def hold(self, path: str) -> None:
        """Keep this module instead of the one before."""
        if path != self._path:
            self.close()
            self._stack.enter_context(resident(self._model.get_submodule(path)))
            self._path = path

    def close(self) -> None:
        """Keep none."""
        self._stack.close()
        self._path = ""


def _census_of(site: Site, arrays: Mapping[str, Any]) -> SiteCensus:
    """Read `SiteCensus.numbers` back."""
    effects, cosines = (
        ManyMoments(*(arrays[f"{name}{suffix}"] for name in ManyMoments._fields)) for suffix in ("", _COSINES)
    )
    return SiteCensus(site, effects, cosines, [_LABELS[number] for number in arrays["label"]])


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
