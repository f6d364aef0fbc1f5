"""Impacts against computation by hand and scipy's tests, at the bounds and beyond the largest number."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from scipy.stats import binomtest

from swa.evaluation.impact import TextLosses, accuracy_impact, perplexity_impact
from swa.findings.severity import accuracy_severity, perplexity_severity

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(
    ("ratio", "severity"),
    [
        (10.0, "severe"),
        (math.nextafter(10.0, 11), "catastrophic"),
        (3.0, "moderate"),
        (math.nextafter(3.0, 4), "severe"),
        (1.5, "mild"),
        (math.nextafter(1.5, 2), "moderate"),
        (1.1, "minimal"),
        (math.nextafter(1.1, 2), "mild"),
        (1.0, "minimal"),
        (0.2, "minimal"),
        (0.0, "minimal"),
        (INF, "catastrophic"),
        (NAN, "invalid"),
    ],
)
def test_severity_of_a_ratio(ratio, severity):
    assert perplexity_severity(ratio) == severity


@pytest.mark.parametrize(
    ("drop", "severity"),
    [
        (0.5, "severe"),
        (math.nextafter(0.5, 1), "catastrophic"),
        (0.2, "moderate"),
        (math.nextafter(0.2, 1), "severe"),
        (0.1, "mild"),
        (math.nextafter(0.1, 1), "moderate"),
        (0.05, "minimal"),
        (math.nextafter(0.05, 1), "mild"),
        (0.0, "minimal"),
        (-0.9, "minimal"),
        (NAN, "invalid"),
    ],
)
def test_severity_of_a_drop(drop, severity):
    assert accuracy_severity(drop) == severity


def _losses(*nll: float, targets=(5, 7, 9, 4)) -> TextLosses:
    return TextLosses(np.array(nll), np.array(targets))


BASE = _losses(10.0, 21.0, 27.0, 8.0)


def _impact(*nll: float, **fields):
    return perplexity_impact(BASE, _losses(*nll, **fields), seed=42, name="L1.mlp.down_proj[2,3]")


def test_perplexity_is_over_tokens_and_the_interval_around_the_ratio():
    impact = _impact(15.0, 24.0, 33.0, 9.0)
    assert impact.baseline == pytest.approx(math.exp(66 / 25))
    assert impact.modified == pytest.approx(math.exp(81 / 25))
    assert impact.ratio == pytest.approx(impact.modified / impact.baseline)
    assert impact.log_ratio == pytest.approx(15 / 25)
    assert impact.increase == pytest.approx(impact.modified - impact.baseline)
    # the smallest and the largest change per token that one text alone shows
    assert math.exp(1 / 4) <= impact.ratio_ci_low < impact.ratio < impact.ratio_ci_high <= math.exp(1.0)
    assert impact.severity == "moderate"


def test_the_same_change_of_every_token_has_no_spread():
    impact = _impact(*(BASE.nll + math.log(2.0) * BASE.n_targets))
    assert impact.ratio_ci_low == pytest.approx(2.0)
    assert impact.ratio_ci_high == pytest.approx(2.0)


def test_no_change_is_exactly_one():
    impact = _impact(*BASE.nll)
    assert (impact.ratio, impact.log_ratio, impact.increase, impact.ratio_ci_low, impact.ratio_ci_high) == (
        1,
        0,
        0,
        1,
        1,
    )
    assert impact.severity == "minimal"


def test_the_interval_depends_on_seed_and_name_alone():
    modified = _losses(15.0, 24.0, 33.0, 9.0)
    rng = np.random.default_rng(0)
    many = TextLosses(rng.normal(60, 9, 80), np.full(80, 20))
    other = TextLosses(many.nll + rng.normal(5, 9, 80), many.n_targets)
    one, two, three = (
        perplexity_impact(many, other, seed=seed, name=name) for seed, name in [(1, "a"), (1, "a"), (1, "b")]
    )
    assert one == two
    assert one.ratio_ci_low != three.ratio_ci_low
    assert perplexity_impact(BASE, modified, seed=1, name="a") == perplexity_impact(BASE, modified, seed=1, name="a")


def test_an_overflowing_perplexity_keeps_its_logarithm():
    impact = _impact(9e4, 9e4, 9e4, 9e4)
    assert (impact.modified, impact.ratio, impact.increase) == (INF, INF, INF)
    assert impact.log_ratio == pytest.approx((36e4 - 66) / 25)
    assert (impact.ratio_ci_low, impact.ratio_ci_high) == (INF, INF)
    assert impact.severity == "catastrophic"


def test_one_infinite_text_is_catastrophic_and_only_the_interval_s_upper_end_knows_no_bound():
    impact = _impact(10.0, INF, 27.0, 8.0)
    assert (impact.modified, impact.ratio, impact.log_ratio) == (INF, INF, INF)
    assert impact.ratio_ci_low == pytest.approx(1.0)  # a third of the resamples lack the text
    assert impact.ratio_ci_high == INF
    assert impact.severity == "catastrophic"


def test_nan_is_invalid_everywhere():
    impact = _impact(10.0, NAN, 27.0, 8.0)
    numbers = (
        impact.modified,
        impact.ratio,
        impact.log_ratio,
        impact.increase,
        impact.ratio_ci_low,
        impact.ratio_ci_high,
    )
    assert all(map(math.isnan, numbers))
    assert impact.severity == "invalid"
    assert impact.baseline == pytest.approx(BASE.perplexity)
    written = impact.model_dump(mode="json")
    assert written["ratio"] == written["ratio_ci_2.5"] == "NaN"


def test_infinite_on_both_sides_is_invalid():
    broken = _losses(INF, 21.0, 27.0, 8.0)
    assert perplexity_impact(broken, broken, seed=1, name="").severity == "invalid"


def test_other_texts_are_refused():
    with pytest.raises(ValueError, match="same texts"):
        _impact(1.0, 2.0, 3.0, 4.0, targets=(5, 7, 9, 5))


def _accuracy(baseline, modified, **fields):
    return accuracy_impact(baseline, modified, **({"metric": "acc", "seed": 42, "name": "t"} | fields))


def _answers(n: int, n_right: int) -> list[float]:
    return [1.0] * n_right + [0.0] * (n - n_right)


def test_accuracy_by_hand():
    # 12 items lost, 3 won, 45 right and 40 wrong under both
    before = [1.0] * 57 + [0.0] * 43
    after = [1.0] * 45 + [0.0] * 12 + [1.0] * 3 + [0.0] * 40
    impact = _accuracy(before, after, chance=0.25)
    assert (impact.metric, impact.n, impact.chance) == ("acc", 100, 0.25)
    assert (impact.baseline, impact.modified, impact.drop) == (0.57, 0.48, 0.09)
    assert impact.mcnemar_p == pytest.approx(binomtest(3, 15, 0.5).pvalue)
    # normal approximation of the paired difference
    half = 1.96 * statistics.pstdev(b - a for b, a in zip(before, after, strict=True)) / 10
    assert impact.drop_ci_low == pytest.approx(0.09 - half, abs=0.015)
    assert impact.drop_ci_high == pytest.approx(0.09 + half, abs=0.015)
    assert impact.severity == "mild"
    assert impact.not_significant is False


@pytest.mark.parametrize(
    ("n", "lost", "severity"), [(10, 2, "moderate"), (100, 20, "moderate"), (60, 3, "minimal"), (30, 3, "mild")]
)
def test_a_drop_on_the_bound_does_not_pass_it_by_rounding(n, lost, severity):
    impact = _accuracy(_answers(n, 9 * n // 10), _answers(n, 9 * n // 10 - lost))
    assert impact.drop == lost / n
    assert impact.severity == severity


def test_no_difference_is_not_significant():
    impact = _accuracy([1, 0, 1, 1], [1, 0, 1, 1])
    assert (impact.drop, impact.drop_ci_low, impact.drop_ci_high, impact.mcnemar_p) == (0, 0, 0, 1)
    assert impact.not_significant is True
    assert "chance" not in impact.model_dump()


def test_a_rising_accuracy_is_minimal_and_significant():
    impact = _accuracy(_answers(40, 10), _answers(40, 30))
    assert impact.drop == -0.5
    assert impact.drop_ci_high < 0
    assert (impact.severity, impact.not_significant) == ("minimal", False)


def test_booleans_are_answers_too():
    assert _accuracy([True, False], [False, False]) == _accuracy([1.0, 0.0], [0.0, 0.0])


def test_other_metrics_are_resampled_whole_and_have_no_test_of_right_and_wrong():
    before, after = [(3, 4), (5, 5), (0, 6), (9, 9)], [(1, 4), (2, 5), (0, 6), (4, 9)]

    def micro(pairs):
        return 100 * sum(hits for hits, _ in pairs) / sum(total for _, total in pairs)

    impact = _accuracy(before, after, aggregation=micro, chance=0.25)
    assert (impact.baseline, impact.modified) == pytest.approx((100 * 17 / 24, 100 * 7 / 24))
    assert impact.drop == impact.baseline - impact.modified
    assert 0 <= impact.drop_ci_low < impact.drop < impact.drop_ci_high <= 60  # what the second item alone loses
    assert not {"mcnemar_p", "chance", "severity", "not_significant"} & set(impact.model_dump())


def test_the_mean_as_an_aggregation_gives_the_interval_of_the_mean():
    before, after = _answers(50, 40), _answers(50, 25)
    own = _accuracy(before, after)
    peer = _accuracy(before, after, aggregation=statistics.fmean)
    assert (peer.drop_ci_low, peer.drop_ci_high) == pytest.approx((own.drop_ci_low, own.drop_ci_high))


def test_values_that_are_no_answers_need_their_aggregation():
    with pytest.raises(ValueError, match="aggregation"):
        _accuracy([0.5, 1.0], [0.5, 1.0])
    with pytest.raises(ValueError, match="aggregation"):
        _accuracy([NAN, 1.0], [1.0, 1.0])


def test_items_must_be_paired():
    with pytest.raises(ValueError, match="same items"):
        _accuracy([1.0], [1.0, 0.0])
