"""What kind of neuron: prediction, suppression, partition or unclear (Gurnee et al., arXiv 2401.12181, section 5)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from swa.models.discovery.sites import Site
from swa.schemas.cards import Label, Moments, Percentiles
from swa.stats import seeded_generator
from swa.vocabulary.moments import ManyMoments

SAMPLE_SIZE = 512
"""Neurons of the same matrix beside which one is read (docs/methods.md#moments-and-labels)."""
_HEAVY_TAIL = 7.0
"""Excess kurtosis beyond which a few tokens carry the effect; the paper's 10 without the 3 of a normal distribution."""
_BOTH_SIGNS = 0.10
_WIDE = 99.0

Values = NDArray[np.float64]


def sample_columns(site: Site, *, seed: int) -> list[int]:
    """Seeded columns of a site, ascending; all of them where it has no more than 512."""
    generator = seeded_generator(seed, "reference neurons", site.module, site.parameter, str(site.expert))
    return sorted(generator.choice(site.d_ff, size=min(SAMPLE_SIZE, site.d_ff), replace=False).tolist())


class Reference(NamedTuple):
    """Cosine moments of the sampled neurons of a matrix, NaN left out.

    Attributes:
        var: Variances, ascending.
        kurt: |excess kurtosis|, ascending.
        wide: The variance that 99 % of them stay below.
    """

    var: Values
    kurt: Values
    wide: float

    @classmethod
    def of(cls, cosines: ManyMoments) -> Reference:
        """From the sample's moments."""
        kurt = np.abs(cosines.kurt[~np.isnan(cosines.kurt)])
        return cls(np.sort(cosines.var), np.sort(kurt), float(np.percentile(cosines.var, _WIDE)))

    def percentiles(self, var: float, kurt: float) -> Percentiles:
        """Where a neuron of these cosine moments stands in the sample, 0 to 100; of equal ones half count as below."""
        return Percentiles(var=_percentile(self.var, var), kurt=_percentile(self.kurt, abs(kurt)))


def label_of(cosines: Moments, *, is_wide: bool, rarer_sign: float) -> Label:
    """The label.

    Args:
        cosines: Moments of the cosines.
        is_wide: Whether their variance is beyond the 99th percentile of the sample.
        rarer_sign: Share of the effects that have the sign which fewer of them have.
    """
    if cosines.kurt > _HEAVY_TAIL and cosines.skew != 0:
        return "prediction" if cosines.skew > 0 else "suppression"
    return "partition" if is_wide and rarer_sign >= _BOTH_SIGNS else "unclear"


def _percentile(sample: Values, value: float) -> float:
    below, up_to = np.searchsorted(sample, value, side="left"), np.searchsorted(sample, value, side="right")
    return float(100.0 * (below + up_to) / (2 * len(sample)))
