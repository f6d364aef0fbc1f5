"""The table and the lines around it."""

from __future__ import annotations

import math
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from swa.cli.tables.detect_show import command_result, distance, headline, show
from swa.cli.tables.detection import build_table, chosen
from swa.cli.terminal.output import Output
from swa.findings.verdict import verdict
from swa.runs.driver.step import Outcome
from swa.schemas.detection import DetectionResult, Threshold
from swa.schemas.registry import parse_record
from tests.support.artifacts import header
from tests.support.records import confirmation, detection, super_weight
from tests.unit.report.moe_records import expert_weight, layer_routing, moe_detection


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


def shown(capsys, result, *, as_lines=False, confirmed_only=False, **output) -> str:
    """What a command writes of a detection."""
    found = Outcome(result, header(), Path("folder"), {"detection": "d.json", "super_weights": "a.jsonl"}, is_new=True)
    show(found, Output(**output), as_lines=as_lines, confirmed_only=confirmed_only)
    return capsys.readouterr().out


def test_the_rest_is_counted(capsys):
    others = [super_weight(1, col, confirmation=confirmation(0.001, confirmed=False)) for col in range(65)]
    result = detection([super_weight(), *others])
    assert "and 60 more candidates in a.jsonl (-v shows all)" in shown(capsys, result)
    assert "more candidates" not in shown(capsys, result, verbose=True)
    assert "more candidates" not in shown(capsys, result, confirmed_only=True)


def test_lines_are_records(capsys):
    weights = [super_weight(), super_weight(1, 2, confirmation=confirmation(0.001, confirmed=False))]
    lines = [weight.model_dump_json() for weight in weights]
    assert shown(capsys, detection(weights), as_lines=True).splitlines() == lines
    assert shown(capsys, detection(weights), as_lines=True, confirmed_only=True).splitlines() == lines[:1]


def test_nothing_found_says_how_far_it_was(capsys):
    text = shown(capsys, detection([]))
    for part in ("no super weight found", "38", "76 %", "auto would find L1.a[0,1]"):
        assert part in text


def test_candidates_of_which_none_is_confirmed_say_it_too(capsys):
    weights = [super_weight(confirmation=confirmation(0.001, confirmed=False))]
    assert "auto would find" in shown(capsys, detection(weights))


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


class TestExperts:
    RESULT = moe_detection(
        [
            expert_weight(
                1,
                1,
                5,
                confirmed=True,
                p_active=0.11,
                co_spike_score=0.83,
                gate_weight=0.72,
                expert_rank=1,
                impact_natural=0.6,
                impact_interventional=1.9,
            ),
            expert_weight(1, 3, 6, confirmed=False),
        ],
        [layer_routing(0, 4, 2), layer_routing(1, 4, 2, super_experts=[1])],
        n_layers=2,
    )
    MISSED = tuple(f"L0.mlp.experts.{number}: no token reached it" for number in range(3))

    @pytest.fixture
    def result(self) -> DetectionResult:
        more = {"text": "examined 5/8 experts", "n_experts": 8, "n_experts_examined": 5, "not_examined": [*self.MISSED]}
        coverage = self.RESULT.coverage.model_copy(update=more)
        return self.RESULT.model_copy(update={"coverage": coverage})

    def test_people_see_what_they_did(self, capsys, result):
        text = shown(capsys, result)
        assert "fake/model: 1 confirmed of 2 candidates; examined 5/8 experts" in text
        assert f"3 sites not examined (-v shows all):\n  {self.MISSED[0]}\n" in text
        assert self.MISSED[2] not in text
        assert "super experts: L1 e1\n" in text
        table = text[text.index("in experts") :].splitlines()
        assert table[2].split() == ["L1.mlp.experts.1.down_proj[5,7]", "0.11", "0.83", "0.72", "1", "+0.600", "+1.90"]
        assert table[3].split() == ["L1.mlp.experts.3.down_proj[6,7]", "0.1", "0.5", *"––––"]
        everything = shown(capsys, result, verbose=True)
        assert "3 sites not examined:\n" in everything
        assert self.MISSED[2] in everything

    @pytest.mark.parametrize("width", [60, 80, 120])
    def test_it_fits(self, capsys, result, width, monkeypatch):
        monkeypatch.setenv("COLUMNS", str(width))
        text = shown(capsys, result)
        table = text[text.index("in experts") : text.index("3 sites")].splitlines()
        assert max(map(len, table)) <= width
        assert any("0.83" in line for line in table)

    def test_scripts_get_the_counts(self, result):
        found = Outcome(result, header(), Path("folder"), {}, is_new=True)
        parsed = parse_record(command_result([found], status="complete").model_dump_json(), "CommandResult")
        headline = parsed.models[0].headline
        assert (headline["n_experts"], headline["n_experts_examined"], headline["n_super_experts"]) == (8, 5, 1)

    def test_dense_models_show_nothing_of_it(self, capsys):
        assert "expert" not in shown(capsys, detection())
        found = Outcome(detection(), header(), Path("folder"), {}, is_new=True)
        assert "n_experts" not in command_result([found], status="complete").models[0].headline

    def test_without_causal_scores_there_are_no_columns_for_them(self, capsys):
        weights = [expert_weight(0, 1, 5, confirmed=True)]
        text = shown(capsys, moe_detection(weights, [layer_routing(0, 4, 2)], n_layers=1))
        assert "natural" not in text
        assert "super experts: none\n" in text
        assert "not examined" not in text
