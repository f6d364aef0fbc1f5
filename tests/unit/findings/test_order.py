"""One order of damage, whatever the order of the entries."""

from __future__ import annotations

import math
from itertools import permutations

import pytest
from lm_eval.api.registry import HIGHER_IS_BETTER_REGISTRY

from swa.findings.impact import LOWER_IS_BETTER, drop_of
from swa.findings.order import badness, worst
from swa.findings.verdict import counts, is_confirmed, is_damage, is_refused, verdict
from tests.support.records import confirmation, super_weight
from tests.unit.report.evaluation_records import accuracy_impact

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize("values", list(permutations([NAN, INF, 3.0, -INF])))
def test_nan_is_worse_than_infinity_and_infinity_than_numbers(values):
    ordered = sorted(values, key=badness, reverse=True)
    assert [str(value) for value in ordered] == ["nan", "inf", "3.0", "-inf"]
    assert math.isnan(worst(values, float))


def test_of_equal_ones_the_first_is_the_worst_and_of_none_none():
    assert worst([("a", 1.0), ("b", 1.0)], lambda pair: pair[1]) == ("a", 1.0)
    assert worst([], float) is None


def test_metrics_of_which_less_is_better_are_those_of_lm_eval():
    registered = {name for name, higher in HIGHER_IS_BETTER_REGISTRY.items() if not higher}
    assert registered <= LOWER_IS_BETTER
    assert not {name for name, higher in HIGHER_IS_BETTER_REGISTRY.items() if higher} & LOWER_IS_BETTER


@pytest.mark.parametrize("metric", ["word_perplexity", "word_perplexity,none"])
def test_a_drop_is_larger_where_the_model_is_worse(metric):
    seen = accuracy_impact(-3.0, -4.0, -2.0, rated=False)
    assert drop_of(seen) == (-3.0, -4.0, -2.0)
    assert drop_of(seen.model_copy(update={"metric": metric})) == (3.0, 2.0, 4.0)


def test_what_counts_as_a_super_weight():
    confirmed, untested = super_weight(), super_weight(confirmation=None)
    refused = super_weight(confirmation=confirmation(0.001, confirmed=False))
    weights = (confirmed, untested, refused)
    assert [is_confirmed(weight) for weight in weights] == [True, False, False]
    assert [is_refused(weight) for weight in weights] == [False, False, True]
    assert [counts(weight) for weight in weights] == [True, True, False]


def test_a_loss_that_is_no_number_is_no_missing_interval():
    broken = confirmation(NAN, confirmed=False, perplexity_ratio=NAN)
    assert verdict(super_weight(confirmation=broken)) == "not confirmed: the loss is NaN"


def test_what_stands_out():
    assert [is_damage(delta, 0.01) for delta in (0.04, 0.06, NAN, INF, -1.0)] == [
        False,
        True,
        True,
        True,
        False,
    ]
    assert not is_damage(0.06, 0.03)
    assert is_damage(0.06, -0.03), "controls that help cost nothing"
