"""Token shifts from the sums of a pass."""

from __future__ import annotations

import numpy as np
import pytest

from swa.data.options import WindowOptions
from swa.engine.measures.pass_sums import PassSums
from swa.engine.variants.interventions import BASELINE
from swa.errors import UsageError
from swa.vocabulary.options import InterventionOptions
from swa.vocabulary.shifts import token_shifts
from tests.support.tiny_checkpoint import letter_tokenizer

TOKENIZER = letter_tokenizer()
BEFORE = np.array([0.1, 0.1, 0.0, 0.2, 0.3, 0.1, 0.2])
AFTER = np.array([0.3, 0.0, 0.1, 0.12, 0.3, 0.15, 0.03])


def shifts(n_top=10, *, excluded_ids=(0, 2)):
    sums = PassSums(n_targets=np.array([3, 1]))
    sums.p = {BASELINE.name: 4 * BEFORE, "removed": 4 * AFTER}
    sums.logp = {BASELINE.name: np.arange(7.0), "removed": np.arange(7.0)[::-1].copy()}
    return token_shifts(TOKENIZER, sums, "removed", n_top=n_top, excluded_ids=excluded_ids)


def test_means_over_all_targets():
    found = shifts()
    assert [one.id for one in found.up] == [5]
    assert [one.id for one in found.down] == [6, 1, 3]  # the one that stays is in neither list
    first = found.down[0]
    assert (first.p_baseline, first.p_modified) == pytest.approx((0.2, 0.03))
    assert first.delta_p == pytest.approx(-0.17)
    assert first.delta_logp == pytest.approx((0 - 6) / 4)
    assert first.tok == TOKENIZER.convert_ids_to_tokens(6)


def test_what_is_listed_nowhere_still_counts():
    assert shifts().total_variation == pytest.approx(np.abs(AFTER - BEFORE).sum() / 2)
    assert shifts(excluded_ids=()).total_variation == shifts().total_variation
    assert [one.id for one in shifts(excluded_ids=()).up] == [0, 2, 5]


def test_a_broken_token_hides_no_other():
    sums = PassSums(n_targets=np.array([1]))
    sums.p = {BASELINE.name: BEFORE, "removed": np.where(np.arange(7) == 6, np.nan, AFTER)}
    sums.logp = sums.p
    found = token_shifts(TOKENIZER, sums, "removed", n_top=1, excluded_ids=())
    assert [one.id for one in (*found.up, *found.down)] == [0, 1]
    assert np.isnan(found.total_variation)


def test_at_most_that_many():
    found = shifts(2)
    assert (len(found.up), len(found.down)) == (1, 2)


@pytest.mark.parametrize(
    "wrong", [{"tokens": 0}, {"window_len": 1}, {"stride": 0}, {"window_len": 16, "stride": 17}, {"stride": -1}]
)
def test_numbers_that_make_no_windows(wrong):
    with pytest.raises(UsageError, match=r"--tokens|--window-len|stride"):
        WindowOptions(**{"window_len": 16, "stride": 8, **wrong})


@pytest.mark.parametrize("wrong", [{"control_samples": 0}, {"bootstrap": -1}, {"top_tokens": 0}])
def test_numbers_that_measure_nothing(wrong):
    with pytest.raises(UsageError, match="at least"):
        InterventionOptions(**wrong)
