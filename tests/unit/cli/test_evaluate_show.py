"""The tables of `swa evaluate` and the lines around them."""

from __future__ import annotations

import math
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from swa.cli.tables.evaluate_show import headline, show
from swa.cli.tables.evaluation import N_SHOWN, build_tables, chosen
from swa.cli.terminal.output import Output
from swa.runs.driver.step import Outcome
from tests.support.artifacts import header
from tests.support.evaluation_records import analysis, impact, perplexity
from tests.support.records import super_weight

DEFAULT = ("hellaswag", "arc_easy", "mmlu", "gsm8k")
LONG = "L11.mlp.down_proj[507,1229]"


def drawn(record, width, *, everything=False):
    stream = StringIO()
    console = Console(file=stream, width=width, markup=False, highlight=False)
    shown = chosen(record, everything=everything)
    for table in build_tables(record, shown, console):
        console.print(table)
    return stream.getvalue()


@pytest.mark.parametrize("width", [80, 120, 250])
@pytest.mark.parametrize("scales", [(0.0,), (0.0, 1.5)])
def test_the_tables_fit_and_hold_everything(width, scales):
    record = analysis([super_weight(), super_weight(1, 2)], tasks=DEFAULT, scales=scales)
    text = drawn(record, width)
    assert max(map(len, text.splitlines())) <= width
    for part in ("baseline", "intact model", "sw_0", LONG, "sw_1", "L11.mlp.down_proj[1,2]", "all 2 together"):
        assert part in text
    for part in ("21.30", "128.9", "×6.05 [5.45, 6.66]", "severe", "×10.0 [9.00, 11.0]"):
        assert part in text
    for task in DEFAULT:
        assert task in text
    assert text.count("0.278 0.151 [0.071, 0.231]") == len(DEFAULT) * len(scales)
    assert text.count("0.160 0.270 [0.190, 0.350]") == len(DEFAULT) * len(scales)
    assert ("sw_0_x1.5" in text) == (len(scales) > 1)


def test_one_table_where_it_fits():
    record = analysis([super_weight()], tasks=DEFAULT)
    assert len(build_tables(record, chosen(record, everything=True), Console(width=250))) == 1
    assert len(build_tables(record, chosen(record, everything=True), Console(width=120))) == 2
    assert len(drawn(analysis([super_weight()], tasks=()), 80).splitlines()) == 5


@pytest.mark.parametrize("width", [80, 120])
def test_long_names_stay_inside(width):
    coordinate = "model.decoder.layers.L11.feed_forward.experts.127.down_projection[4096,14336]"
    record = analysis([super_weight(coordinate=coordinate)], tasks=("a_task_with_quite_a_long_name_for_a_column", "b"))
    text = drawn(record, width)
    assert max(map(len, text.splitlines())) <= width
    assert "14336]" in text


def test_what_is_not_significant_is_marked():
    weights = [super_weight(), super_weight(1, 2), super_weight(3, 4)]
    record = analysis(weights, tasks=("hellaswag",))
    lines = drawn(record, 200).splitlines()
    marked = [line.split()[0] for line in lines if line.rstrip().endswith(" n.s.")]
    assert marked == ["sw_1", "sw_2"]
    assert " n.s." not in drawn(analysis([super_weight()], tasks=("hellaswag",)), 200)


def test_the_built_in_items_are_no_benchmark():
    text = drawn(analysis([super_weight()], tasks=("builtin", "hellaswag")), 120)
    assert text.count("smoke test, no benchmark") == 1


def test_what_was_skipped_has_no_columns():
    text = drawn(analysis([super_weight()], tasks=("hellaswag",), with_text=False), 120)
    assert "perplexity" not in text
    assert "hellaswag" in text
    assert "drop" not in drawn(analysis([super_weight()], tasks=()), 120)


def test_without_super_weights_there_is_the_intact_model():
    text = drawn(analysis([], tasks=("hellaswag",)), 120)
    assert len(text.splitlines()) == 4
    assert "21.30" in text
    assert "0.430" in text
    assert not {"ratio", "severity", "drop"} & set(text.split())


def test_numbers_that_are_not_finite_and_edits_that_do_nothing():
    broken = {"modified": math.inf, "increase": math.inf, "ratio_ci_2.5": math.nan, "ratio_ci_97.5": math.inf}
    invalid = {"modified": math.nan, "severity": "invalid"}
    variants = [
        impact("sw_0", ["a"], perplexity=perplexity(math.inf, **broken)),
        impact("sw_1", ["b"], perplexity=perplexity(math.inf, log_ratio=812.3, severity="catastrophic")),
        impact("sw_2", ["c"], perplexity=perplexity(math.nan, **invalid)),
        impact("sw_3", ["d"], ratio=1.0, edit_inactive="weight is 0"),
        impact("sw_4", ["e"], ratio=None),
    ]
    text = drawn(analysis([], tasks=(), individual=variants), 120)
    assert "×∞ [NaN, ∞]" in text
    assert "∞ (log-ratio 812.3)" in text
    assert "invalid" in text
    assert "none: weight is 0" in text


def test_what_a_variant_lacks_is_a_dash():
    lacking = [impact("sw_0", ["a"], ratio=None), impact("sw_1", ["b"], tasks=("hellaswag",))]
    lines = drawn(analysis([], tasks=("hellaswag",), individual=lacking), 120).splitlines()
    assert lines[-2].split() == ["sw_0", "a", *"–––––"]


def test_brackets_are_no_markup():
    assert "[red]x" in drawn(analysis([super_weight(coordinate="[red]x")], tasks=()), 120)


def test_the_first_and_all_together_are_shown(capsys):
    record = analysis([super_weight(0, col) for col in range(N_SHOWN + 5)], tasks=())
    assert len(chosen(record, everything=False)) == N_SHOWN + 1
    assert len(chosen(record, everything=True)) == N_SHOWN + 6
    done = Outcome(record, header("evaluate"), Path("folder"), {"analysis": "analysis.json"}, is_new=True)
    show(done, Output())
    shown = capsys.readouterr().out
    assert "and 5 variants more in analysis.json" in shown
    assert "all 35 together" in shown
    show(done, Output(verbose=True))
    assert "variants more" not in capsys.readouterr().out


def test_headline():
    record = analysis([super_weight()], tasks=("hellaswag", "builtin"))
    assert headline(record) == (
        "fake/model: 1 super weight; perplexity on 500 paragraphs (61,234 tokens); hellaswag 100 items, "
        "builtin 100 items"
    )
