from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import bootstrap

from swa.stats import bootstrap_ratio_of_sums, seeded_generator


def test_interval_agrees_with_scipy() -> None:
    rng = np.random.default_rng(0)
    top, bottom = rng.normal(0.5, 1.0, 40), rng.integers(100, 256, 40).astype(float)
    own = bootstrap_ratio_of_sums(top, bottom, generator=seeded_generator(1, "a"))
    peer = bootstrap(
        (top, bottom),
        lambda a, b, axis: a.sum(axis=axis) / b.sum(axis=axis),
        paired=True,
        vectorized=True,
        method="percentile",
        n_resamples=20000,
        rng=np.random.default_rng(2),
    ).confidence_interval
    width = peer.high - peer.low
    assert own.low == pytest.approx(peer.low, abs=0.08 * width)
    assert own.high == pytest.approx(peer.high, abs=0.08 * width)


def test_generator_depends_on_seed_and_name_alone() -> None:
    draw = seeded_generator(42, "L1.mlp.down_proj[2,3]").integers(1 << 30)
    assert draw == seeded_generator(42, "L1.mlp.down_proj[2,3]").integers(1 << 30)
    assert draw != seeded_generator(43, "L1.mlp.down_proj[2,3]").integers(1 << 30)
    assert draw != seeded_generator(42, "L1.mlp.down_proj[2,4]").integers(1 << 30)


def test_one_broken_unit_shows_in_the_interval() -> None:
    interval = bootstrap_ratio_of_sums([0.1, float("inf"), 0.2], [1, 1, 1], generator=seeded_generator(0))
    assert interval.high == float("inf") or np.isnan(interval.high)
