"""Super experts: experts whose output is far above all others' (Su et al., arXiv 2507.23279)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from swa.detection.extremes import Extremes
from swa.models.discovery.sites import Site, SiteMap

PERCENTILE = 99.5
SHARE_OF_LARGEST = 0.1
SHARE_OF_LAYERS = 0.75


def largest_outputs(extremes: Sequence[Extremes]) -> dict[Site, float]:
    """A(l, e) = max |y| over tokens and channels of all texts, before the gate weight, of every expert seen."""
    largest: dict[Site, float] = {}
    for seen in extremes:
        if seen.site.kind == "expert":
            largest[seen.site] = max(largest.get(seen.site, 0.0), abs(seen.output_value))
    return largest


def super_experts(outputs: Mapping[Site, float], sites: SiteMap) -> set[Site]:
    """Experts with `A > P99.5 of all A`, `A > max(A) / 10`, in the first three quarters of their layers.

    Args:
        outputs: A(l, e) of every expert seen.
        sites: The model's sites, for the number of layers.
    """
    if not outputs:
        return set()
    values = list(outputs.values())
    least = max(float(np.percentile(values, PERCENTILE)), SHARE_OF_LARGEST * max(values))
    return {
        site
        for site, value in outputs.items()
        if value > least and site.layer < SHARE_OF_LAYERS * sites.stacks[site.stack]
    }
