"""One rule for each kind of number, and no second place that writes one."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from swa.text import numbers

INF, NAN = math.inf, math.nan
ROOT = Path(__file__).parents[3]


def test_numbers_without_zeros_at_the_end():
    values = [0.0, 1.2345, 0.5, 128.944, 12345.6, 1.23e7, -1e-5, INF, -INF, NAN]
    written = ["0", "1.234", "0.5", "128.9", "12,346", "1.2×10⁷", "−1.0×10⁻⁵", "∞", "−∞", "NaN"]
    assert [numbers.number(value) for value in values] == written


def test_perplexities_have_four_digits():
    values = [20.0, 128.944, 9.9996, 21.304, 1e6, INF]
    assert [numbers.perplexity(value) for value in values] == ["20.00", "128.9", "10.00", "21.30", "1.0×10⁶", "∞"]


def test_metrics_have_three_digits():
    values = [0.15, 1.9449, 9.996, 0.00042, 0.001, 1234.5, 999999.9, 0.0, NAN]
    written = ["0.150", "1.94", "10.0", "4.2×10⁻⁴", "0.00100", "1,234", "1.0×10⁶", "0", "NaN"]
    assert [numbers.metric(value) for value in values] == written


def test_changes_have_a_sign():
    written = ["+1.94", "−0.190", "0", "0", "+4.2×10⁻⁴", "+∞", "−∞", "NaN"]
    assert [numbers.change(v) for v in (1.94, -0.19, 0.0, -0.0, 0.00042, INF, -INF, NAN)] == written


def test_a_ratio_that_overflows_has_its_logarithm():
    assert numbers.ratio(1.439, math.log(1.439)) == "×1.44"
    assert numbers.ratio(INF, 812.34) == "∞ (log-ratio 812.3)"
    assert numbers.ratio(INF, INF) == numbers.ratio(INF) == "×∞"
    assert numbers.ratio(NAN, NAN) == "invalid"


def test_shares_have_three_decimals():
    values = (0.12, -0.0001, -0.02, 1.0, NAN, 1e30)
    assert [numbers.share(value) for value in values] == ["0.120", "0.000", "−0.020", "1.000", "NaN", "1.0×10³⁰"]


def test_intervals_are_written_as_what_they_are_of():
    assert numbers.interval(5.45, 6.66) == "[5.45, 6.66]"
    assert numbers.interval(-0.02, 0.1, numbers.share) == "[−0.020, 0.100]"
    assert numbers.interval(NAN, INF) == "[NaN, ∞]"
    assert numbers.interval(999.0, 60508.0) == "[999; 60,508]"


def test_the_other_kinds():
    assert [numbers.p_value(p) for p in (0.03125, 1.0, 1e-5, NAN)] == ["0.0312", "1.0000", "< 0.0001", "NaN"]
    assert (numbers.percentile(99.1), numbers.percent(0.756), numbers.depth(11 / 30)) == ("99.1", "76 %", "0.37")
    assert (numbers.count(61234), numbers.size(1.25 * 2**30)) == ("61,234", "1.25 GiB")


def test_numbers_below_each_other_have_the_same_decimals():
    assert numbers.aligned([11.0, 2.5, -0.04]) == ["11.0", "2.5", "0.0"]
    assert numbers.aligned([0.0123, 0.01]) == ["0.0123", "0.0100"]
    assert numbers.aligned([12345.6, 7.0]) == ["12,346", "7"]
    assert numbers.aligned([1e9, INF]) == ["1.0×10⁹", "∞"]
    assert numbers.aligned([]) == []


NO_NUMBERS = {"page/shapes.py", "page/svg.py", "plots/bars.py", "plots/impact_of_runs.py", "compare/protocol.py"}
"""Coordinates of drawings, ticks of a logarithmic axis, options as the user gave them."""


@pytest.mark.parametrize("package", ["reports", "cli", "findings", "tables", "runs"])
def test_nothing_else_formats_numbers(package):
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in sorted((ROOT / "swa" / package).rglob("*.py"))
        if str(path.relative_to(ROOT / "swa" / package)) not in NO_NUMBERS
        for match in re.finditer(r"\{[^{}]*:[+,]*(\.\d+)?[gfe%]\}|:,\}", path.read_text())
    ]
    assert found == KNOWN.get(package, [])


KNOWN = {
    "runs": [
        "swa/runs/inputs/super_weights.py: {given.record.weight:.6g}",
        "swa/runs/inputs/super_weights.py: {records[-1].weight:.6g}",
    ]
}
"""Two weights whose difference is the matter."""
