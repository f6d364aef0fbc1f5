"""Names of variants tell factors apart, and their chunks stay what they are when more is asked for."""

from __future__ import annotations

import dataclasses

import pytest

from swa.evaluation.variants import chunks_of, factor_text, variants_of
from tests.support.evaluating import super_weight
from tests.support.tiny_loaded import loaded_tiny


@pytest.mark.parametrize(("factor", "text"), [(0.0, "0"), (0.5, "0.5"), (3.0, "3"), (-1.0, "-1"), (1e-7, "1e-07")])
def test_factors_are_written_short(factor, text):
    assert factor_text(factor) == text


def test_factors_that_differ_have_different_names():
    assert factor_text(0.5000001) == "0.5000001"
    assert factor_text(0.1 + 0.2) != factor_text(0.3)


def chunks(n, *, scales=(0.0,), individual=True, combined=True, offloaded=False):
    """Names of the variants of each chunk."""
    loaded = dataclasses.replace(loaded_tiny("llama"), offloaded=offloaded)
    weights = [super_weight(loaded, 1, row, 2) for row in range(n)]
    alone, together = variants_of(loaded, weights, scales=scales, individual=individual, combined=combined)
    return [[variant.name for variant in chunk] for chunk in chunks_of(loaded, alone, together)]


def test_factors_and_kinds_are_apart():
    first = [["baseline"], ["sw_0", "sw_1", "sw_2", "sw_3"], ["sw_4"]]
    assert chunks(5) == [*first, ["all"]]
    assert chunks(5, combined=False) == first
    assert chunks(5, individual=False) == [["baseline"], ["all"]]
    halves = [["sw_0_x0.5", "sw_1_x0.5", "sw_2_x0.5", "sw_3_x0.5"], ["sw_4_x0.5"]]
    assert chunks(5, scales=(0.0, 0.5)) == [*first, *halves, ["all"], ["all_x0.5"]]


def test_what_does_the_same_is_in_one_chunk():
    assert chunks(1) == [["baseline"], ["sw_0"]]
    assert chunks(1, individual=False) == [["baseline"], ["all"]]
    assert chunks(0) == [["baseline"]]


def test_where_weights_are_on_disk_all_share_the_reading():
    (chunk,) = chunks(5, scales=(0.0, 0.5), offloaded=True)
    assert len(chunk) == 1 + 2 * (5 + 1)
