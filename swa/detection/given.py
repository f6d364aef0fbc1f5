"""Super weights that were named and not found: what the model itself says of them."""

from __future__ import annotations

import math
from typing import Any

from swa.models.discovery.sites import Site
from swa.models.loading.loaded import LoadedModel
from swa.models.loading.weights import matrix_of
from swa.models.published import is_published
from swa.schemas.coordinate import CoordinateText
from swa.schemas.detection import SuperWeight

_ROUNDING = 0.01
"""Relative difference that types of fewer digits make: bfloat16 has eight bits."""


def given_super_weight(loaded: LoadedModel, coordinate: CoordinateText) -> SuperWeight:
    """The record of a scalar of which only the coordinate is known.

    Raises:
        UsageError: The model has no such scalar.
    """
    site = loaded.sites.find(coordinate)
    return record_of(loaded, site, coordinate.row, coordinate.col, prompts=[], found_by=[])


def record_of(loaded: LoadedModel, site: Site, row: int, col: int, **known: Any) -> SuperWeight:
    """The record of a scalar: what the model says of it, and what is known beside that."""
    return SuperWeight(
        model=loaded.name,
        layer=site.layer,
        site=site.kind,
        expert=site.expert,
        row=row,
        col=col,
        module=site.module,
        coordinate=loaded.sites.text(site, row, col),
        weight=_value(loaded, site, row, col),
        published=is_published(loaded.name, layer=site.layer, row=row, col=col),
        **known,
    )


def is_of_model(loaded: LoadedModel, record: SuperWeight) -> bool:
    """Whether a record's coordinate holds the record's weight in this model, up to the rounding of types.

    Raises:
        UsageError: The model has no such scalar.
    """
    coordinate = CoordinateText.parse(record.coordinate)
    value = _value(loaded, loaded.sites.find(coordinate), coordinate.row, coordinate.col)
    return math.isclose(value, record.weight, rel_tol=_ROUNDING)


def _value(loaded: LoadedModel, site: Site, row: int, col: int) -> float:
    return float(matrix_of(loaded.model, site)[row, col])
