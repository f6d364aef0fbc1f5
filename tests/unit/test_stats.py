from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest, bootstrap

import swa.stats
from swa.stats import (
    bootstrap_difference,
    bootstrap_mean_difference,
    bootstrap_ratio_of_sums,
    exp_or_infinity,
    mcnemar_exact,
    seeded_generator,
)


def _peer(data: tuple, statistic) -> tuple[float, float]:
    return bootstrap(
        data,
        statistic,
        paired=True,
        vectorized=True,
        method="percentile",
        n_resamples=20000,
        rng=np.random.default_rng(2),
    ).confidence_interval


def _agree(own: tuple[float, float], peer: tuple[float, float]) -> bool:
    return own == pytest.approx(tuple(peer), abs=0.08 * (peer[1] - peer[0]))


def test_interval_agrees_with_scipy() -> None:
    rng = np.random.default_rng(0)
    top, bottom = rng.normal(0.5, 1.0, 40), rng.integers(100, 256, 40).astype(float)
    own = bootstrap_ratio_of_sums(top, bottom, generator=seeded_generator(1, "a"))
    assert _agree(own, _peer((top, bottom), lambda a, b, axis: a.sum(axis=axis) / b.sum(axis=axis)))


def test_interval_of_a_mean_difference_agrees_with_scipy() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 2, (2, 120)).astype(float)
    own = bootstrap_mean_difference(first, second, generator=seeded_generator(1, "a"))
    assert _agree(own, _peer((first, second), lambda a, b, axis: (a - b).mean(axis=axis)))


def test_interval_of_an_aggregate_agrees_with_scipy() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.exponential(1.0, 60), rng.exponential(2.0, 60)
    own = bootstrap_difference(first, second, lambda v: float(np.std(v)), generator=seeded_generator(1, "a"))
    assert _agree(own, _peer((first, second), lambda a, b, axis: a.std(axis=axis) - b.std(axis=axis)))


def test_blocks_of_draws_give_the_numbers_of_all_at_once(monkeypatch) -> None:
    rng = np.random.default_rng(0)
    top, bottom = rng.normal(size=37), rng.integers(1, 9, 37)
    whole = bootstrap_ratio_of_sums(top, bottom, generator=seeded_generator(1, "a"))
    monkeypatch.setattr(swa.stats, "MAX_DRAWS", 1000)
    assert bootstrap_ratio_of_sums(top, bottom, generator=seeded_generator(1, "a")) == whole


def test_generator_depends_on_seed_and_name_alone() -> None:
    draw = seeded_generator(42, "L1.mlp.down_proj[2,3]").integers(1 << 30)
    assert draw == seeded_generator(42, "L1.mlp.down_proj[2,3]").integers(1 << 30)
    assert draw != seeded_generator(43, "L1.mlp.down_proj[2,3]").integers(1 << 30)
    assert draw != seeded_generator(42, "L1.mlp.down_proj[2,4]").integers(1 << 30)


def test_one_broken_unit_shows_in_the_interval() -> None:
    interval = bootstrap_ratio_of_sums([0.1, math.inf, 0.2], [1, 1, 1], generator=seeded_generator(0))
    assert interval.high == math.inf
    assert 0.1 <= interval.low <= 0.2
    assert all(map(math.isnan, bootstrap_ratio_of_sums([0.1, math.nan], [1, 1], generator=seeded_generator(0))))


def test_infinite_units_have_an_infinite_interval() -> None:
    assert bootstrap_ratio_of_sums([math.inf] * 3, [1, 1, 1], generator=seeded_generator(0)) == (math.inf, math.inf)


@pytest.mark.parametrize(("lost", "won"), [(0, 1), (5, 0), (12, 3), (3, 12), (40, 41), (7, 7)])
def test_mcnemar_is_the_binomial_test_of_the_items_that_differ(lost: int, won: int) -> None:
    first = [1] * lost + [0] * won + [1, 1, 0]
    second = [0] * lost + [1] * won + [1, 1, 0]
    by_hand = 2 * sum(math.comb(lost + won, k) for k in range(min(lost, won) + 1)) / 2 ** (lost + won)
    assert mcnemar_exact(first, second) == pytest.approx(min(1.0, by_hand))
    assert mcnemar_exact(first, second) == pytest.approx(binomtest(lost, lost + won).pvalue)


def test_mcnemar_without_a_difference_is_one() -> None:
    assert mcnemar_exact([1, 0, 1], [1, 0, 1]) == 1.0


def test_the_exponential_overflows_to_infinity() -> None:
    assert exp_or_infinity(1.0) == pytest.approx(math.e)
    assert exp_or_infinity(710.0) == math.inf
    assert exp_or_infinity(-math.inf) == 0.0
    assert math.isnan(exp_or_infinity(math.nan))
