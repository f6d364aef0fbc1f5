"""The table and the lines around it."""

from __future__ import annotations

import math
from io import StringIO

import pytest
from rich.console import Console

from swa.cli.tables.detect_show import distance, headline
from swa.cli.tables.detection import build_table, chosen
from swa.findings.verdict import verdict
from swa.schemas.detection import Threshold
from tests.unit.cli.fakes import confirmation, detection, super_weight


def drawn(weights, width):
    stream = StringIO()
    console = Console(file=stream, width=width, markup=False, highlight=False)
    console.print(build_table(weights, console))
    return stream.getvalue()


@pytest.mark.parametrize("width", [80, 120, 200])
def test_the_table_fits_and_holds_everything(width):
    text = drawn([super_weight(), super_weight(1, 2, confirmation=confirmation(0.01, confirmed=False))], width)
    assert max(map(len, text.splitlines())) <= width
    for part in (
        "L11.mlp.down_proj[507,1229]",
        "5.876",
        "2,996",
        "24,022",
        "0.730",
        "both",
        "+1.94",
        "[1.74, 2.14]",
        "×6.96",
    ):
        assert part in text
    for part in ("+0.00100", "confirmed", "negligible", "control", "share"):
        assert part in text


def test_one_line_a_candidate_where_it_fits():
    assert len(drawn([super_weight()], 120).splitlines()) == 3
    assert len(drawn([super_weight()], 80).splitlines()) == 5


def test_without_confirmation_there_are_no_columns_for_it():
    text = drawn([super_weight(confirmation=None)], 120)
    assert "Δ" not in text
    assert "verdict" not in text


def test_brackets_of_coordinates_are_no_markup():
    assert "L1.[red]x[1,2]" in drawn([super_weight(coordinate="L1.[red]x[1,2]")], 120)


def test_numbers_that_are_not_measured_or_not_finite():
    bare = {"input_value": None, "output_value": None, "share": None}
    broken = confirmation(math.inf, **{"ci_2.5": math.nan, "ci_97.5": math.inf, "perplexity_ratio": math.inf})
    text = drawn([super_weight(**bare, confirmation=broken)], 120)
    assert "∞ [NaN, ∞]" in text


def test_confirmed_ones_and_the_first_others_are_shown():
    others = [super_weight(1, col, confirmation=confirmation(0.001, confirmed=False)) for col in range(60)]
    weights = [*others[:30], super_weight(), *others[30:]]
    shown = chosen(weights, everything=False)
    assert len(shown) == 6
    assert shown[-1].coordinate == "L11.mlp.down_proj[507,1229]"
    assert chosen(weights, everything=True) == weights


def test_the_rest_is_counted(swa, machinery):
    others = [super_weight(1, col, confirmation=confirmation(0.001, confirmed=False)) for col in range(65)]
    machinery.results["a/x"] = detection([super_weight(), *others], model="a/x")
    called = swa("detect", "a/x")
    assert "and 60 more candidates in " in called.out
    assert "super_weights.jsonl" in called.out
    assert "more candidates" not in swa("detect", "a/x", "-v").out
    assert "more candidates" not in swa("detect", "a/x", "--confirmed-only").out


def test_nothing_found_says_how_far_it_was(swa, machinery):
    machinery.results["a/x"] = detection([], model="a/x")
    called = swa("detect", "a/x")
    assert called.code == 0
    assert "no super weight found" in called.out
    assert "38" in called.out
    assert "76 %" in called.out
    assert "auto would find L1.a[0,1]" in called.out


def test_candidates_of_which_none_is_confirmed_say_it_too(swa, machinery):
    weights = [super_weight(confirmation=confirmation(0.001, confirmed=False))]
    machinery.results["a/x"] = detection(weights, model="a/x")
    assert "auto would find" in swa("detect", "a/x").out


def test_distance_of_the_scale_free_rule():
    result = detection([], threshold=Threshold(rule="auto", largest_activation=38.0, auto_candidates=[]))
    assert "38" in " ".join(distance(result))


def test_headline():
    assert headline(detection(combined_delta_loss=3.2)) == (
        "fake/model: 1 confirmed of 1 candidate; examined 2/2 MLP sites; "
        "removing all confirmed ones together: Δ loss +3.20"
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "confirmed"),
        ({"delta": 0.01, "confirmed": False}, "negligible"),
        ({"delta": -0.3, "confirmed": False, "improves": True}, "improves"),
        ({"delta": 0.3, "confirmed": False, "control_delta_loss": 0.2}, "not confirmed: controls cost as much"),
        ({"delta": 0.1, "confirmed": False}, "not confirmed: interval includes 0"),
        ({"delta": 0.0, "confirmed": False, "edit_inactive": "weight is 0"}, "not confirmed: weight is 0"),
    ],
)
def test_verdicts(fields, expected):
    assert verdict(super_weight(confirmation=confirmation(**fields))) == expected


def test_without_confirmation_it_is_a_candidate():
    assert verdict(super_weight(confirmation=None)) == "candidate"
