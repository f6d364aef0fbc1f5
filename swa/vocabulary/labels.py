"""What kind of neuron: prediction, suppression, partition or unclear (Gurnee et al., arXiv 2401.12181, section 5)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from swa.models.sites import Site
from swa.schemas.cards import Label, Moments, Percentiles
from swa.stats import seeded_generator
from swa.vocabulary.moments import ManyMoments

SAMPLE_SIZE = 512
"""Neurons of the same matrix beside which one is read (7-decisions D13)."""
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
    """

    var: Values
    kurt: Values

    @classmethod
    def of(cls, cosines: ManyMoments) -> Reference:
        """From the sample's moments."""
        return cls(np.sort(cosines.var), np.sort(np.abs(cosines.kurt[~np.isnan(cosines.kurt)])))

    @property
    def wide(self) -> float:
        """Variance that 99 % of the sample stay below."""
        return float(np.percentile(self.var, _WIDE))

    def percentiles(self, var: float, kurt: float) -> Percentiles:
        """Where a neuron of these cosine moments stands in the sample, 0 to 100; of equal ones half count as below."""
        return Percentiles(var=_percentile(self.var, var), kurt=_percentile(self.kurt, abs(kurt)))


def tail_label(cosines: Moments) -> Label | None:
    """The label of a neuron whose cosines have a heavy tail, `None` of any other."""
    if not cosines.kurt > _HEAVY_TAIL:
        return None
    return "prediction" if cosines.skew > 0 else "suppression" if cosines.skew < 0 else None


def label_of(cosines: Moments, effects: Values, *, is_wide: bool) -> Label:
    """The label.

    Args:
        cosines: Moments of the cosines.
        effects: Effects on all tokens.
        is_wide: Whether the variance of the cosines is beyond the 99th percentile of the sample.
    """
    label = tail_label(cosines)
    if label is not None:
        return label
    both = min((effects > 0).mean(), (effects < 0).mean()) >= _BOTH_SIGNS
    return "partition" if is_wide and both else "unclear"


def _percentile(sample: Values, value: float) -> float:
    below, up_to = np.searchsorted(sample, value, side="left"), np.searchsorted(sample, value, side="right")
    return float(100.0 * (below + up_to) / (2 * len(sample)))
