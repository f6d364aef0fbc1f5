"""Labels at their thresholds, and the sample that a neuron is read beside."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from swa.schemas.cards import Moments
from swa.vocabulary.labels import SAMPLE_SIZE, Reference, label_of, sample_columns
from swa.vocabulary.moments import ManyMoments


def site(d_ff: int, **fields):
    return SimpleNamespace(**{"d_ff": d_ff, "module": "m", "parameter": "weight", "expert": None, **fields})


@pytest.mark.parametrize(
    ("kurt", "skew", "is_wide", "rarer_sign", "label"),
    [
        (7.01, 0.1, False, 0.0, "prediction"),
        (7.01, -0.1, True, 0.5, "suppression"),
        (7.0, 1.0, False, 0.5, "unclear"),
        (7.0, 1.0, True, 0.10, "partition"),
        (7.0, 1.0, True, 0.0999, "unclear"),
        (float("nan"), float("nan"), False, 0.0, "unclear"),
        (8.0, 0.0, True, 0.5, "partition"),
    ],
)
def test_thresholds(kurt, skew, is_wide, rarer_sign, label):
    assert label_of(Moments(var=1.0, skew=skew, kurt=kurt), is_wide=is_wide, rarer_sign=rarer_sign) == label


def test_the_sample_depends_on_seed_and_matrix_alone():
    columns = sample_columns(site(2048), seed=1)
    assert columns == sorted(set(columns))
    assert len(columns) == SAMPLE_SIZE
    assert columns == sample_columns(site(2048), seed=1)
    others = [sample_columns(site(2048), seed=2), sample_columns(site(2048, module="n"), seed=1)]
    others.append(sample_columns(site(2048, expert=3), seed=1))
    assert all(other != columns for other in others)
    assert sample_columns(site(100), seed=1) == list(range(100))


def test_percentiles_are_scipys():
    generator = np.random.default_rng(1)
    var, kurt = generator.exponential(size=300), generator.normal(size=300)
    var[:5] = var[7]
    reference = Reference.of(ManyMoments(var, np.zeros(300), kurt))
    for value in (0.0, var[7], var.max(), 99.0):
        expected = stats.percentileofscore(var, value, kind="mean")
        assert reference.percentiles(value, 0.0).var == pytest.approx(expected)
    assert reference.percentiles(0.0, -0.7).kurt == pytest.approx(stats.percentileofscore(np.abs(kurt), 0.7))
    assert reference.wide == pytest.approx(np.percentile(var, 99))


def test_neurons_that_write_nothing_are_no_sample_of_shapes():
    reference = Reference.of(ManyMoments(np.array([0.0, 1.0]), np.zeros(2), np.array([np.nan, 2.0])))
    assert reference.kurt.tolist() == [2.0]
