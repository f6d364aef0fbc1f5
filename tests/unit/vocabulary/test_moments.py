"""Moments against scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from swa.vocabulary.moments import population_moments

GENERATOR = np.random.default_rng(0)


@pytest.mark.parametrize(
    "values",
    [
        GENERATOR.normal(size=50_000),
        GENERATOR.standard_t(3, size=49_135),
        1e-9 * GENERATOR.normal(size=1000) ** 3,
        GENERATOR.exponential(size=2000) + 1e6,
        np.array([-1.0, 0.0, 0.0, 5.0]),
    ],
)
def test_population_form_and_excess_kurtosis(values):
    found = population_moments(values)
    assert found.var == pytest.approx(np.var(values), rel=1e-9)
    assert found.skew == pytest.approx(stats.skew(values), rel=1e-9, abs=1e-12)
    assert found.kurt == pytest.approx(stats.kurtosis(values), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e12])
def test_equal_numbers_have_no_shape(value):
    found = population_moments(np.full(999, value))
    assert found.var == 0.0
    assert math.isnan(found.skew)
    assert math.isnan(found.kurt)
