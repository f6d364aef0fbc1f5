"""Names and keys of variants tell factors apart."""

from __future__ import annotations

import pytest

from swa.evaluation.variants import factor_text


@pytest.mark.parametrize(("factor", "text"), [(0.0, "0"), (0.5, "0.5"), (3.0, "3"), (-1.0, "-1"), (1e-7, "1e-07")])
def test_factors_are_written_short(factor, text):
    assert factor_text(factor) == text


def test_factors_that_differ_have_different_names():
    assert factor_text(0.5000001) == "0.5000001"
    assert factor_text(0.1 + 0.2) != factor_text(0.3)
