"""The variants of an evaluation: each super weight alone and all together, at each factor."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from swa.engine.ledger import chunks
from swa.engine.variants.interventions import BASELINE, ScaleEntries, Variant
from swa.models.loading.loaded import LoadedModel
from swa.schemas.detection import SuperWeight


@dataclass(frozen=True)
class EvaluatedVariant:
    """A variant with what its record says.

    Attributes:
        name: `baseline`, `sw_0`, `all`, `sw_0_x0.5`, …
        coordinates: Text forms of the edited scalars.
        factor: What they are multiplied with.
        variant: The same for the engine.
    """

    name: str
    coordinates: tuple[str, ...]
    factor: float
    variant: Variant

    @property
    def key(self) -> str:
        """Names it in the seeds of its intervals; empty for the intact model."""
        return f"{' '.join(sorted(self.coordinates))} x{factor_text(self.factor)}" if self.coordinates else ""


Chunk = tuple[Variant, ...]
"""Variants that are answered in one item."""


def factor_text(factor: float) -> str:
    """A factor in a name: as short as it can be without being another one."""
    short = f"{factor:g}"
    return short if float(short) == factor else repr(factor)


INTACT = EvaluatedVariant(BASELINE.name, (), 1.0, BASELINE)


def variants_of(
    loaded: LoadedModel,
    super_weights: Sequence[SuperWeight],
    *,
    scales: Sequence[float],
    individual: bool,
    combined: bool,
) -> tuple[list[EvaluatedVariant], list[EvaluatedVariant]]:
    """The single variants and the combined ones, each for every factor.

    Raises:
        UsageError: A coordinate is not one of the model's.
    """
    scalars = []
    for weight in super_weights:
        site = loaded.sites.find(weight.coordinate)
        scalars.append((weight.coordinate, site, weight.row, weight.col))
    alone = [_variant(f"sw_{number}", [scalar], factor) for number, scalar in enumerate(scalars) for factor in scales]
    together = [_variant("all", scalars, factor) for factor in scales] if scalars else []
    return (alone if individual else []), (together if combined else [])


def chunks_of(
    loaded: LoadedModel, alone: Sequence[EvaluatedVariant], together: Sequence[EvaluatedVariant]
) -> list[Chunk]:
    """The intact model and all variants, each content once, in the pieces that items are made of.

    Factors are apart from each other, and so are single and combined variants: one more factor, or a left out kind,
    changes no other piece. Where weights are read from disk there is one piece: it shares the reading, and its rows.
    """
    factors = dict.fromkeys(variant.factor for variant in alone)
    singles = [[variant for variant in alone if variant.factor == factor] for factor in factors]
    groups = [[INTACT], *singles, *([variant] for variant in together)]
    if loaded.offloaded:
        groups = [[variant for group in groups for variant in group]]
    found: list[Chunk] = []
    seen: set[str] = set()
    for group in groups:
        distinct = {content_of(one.variant): one.variant for one in group if content_of(one.variant) not in seen}
        seen |= distinct.keys()
        found += [tuple(chunk) for chunk in chunks(list(distinct.values()), loaded) if chunk]
    return found


def content_of(variant: Variant) -> str:
    """What an answer depends on of its variant, as text: the same for variants that do the same under two names."""
    return json.dumps(variant.content)


def _variant(name: str, scalars: Sequence[tuple], factor: float) -> EvaluatedVariant:  # type: ignore[type-arg]
    full = name if factor == 0 else f"{name}_x{factor_text(factor)}"
    edits = tuple(ScaleEntries(site, row, col, factor) for _, site, row, col in scalars)
    return EvaluatedVariant(full, tuple(text for text, *_ in scalars), factor, Variant(full, edits))
