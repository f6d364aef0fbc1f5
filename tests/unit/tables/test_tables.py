"""A table is data; terminal, page, Markdown, CSV and data frame say the same of it."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import pytest
from pydantic import MISSING
from rich.console import Console

from swa.cli.tables.layout import drawn, one_line
from swa.reports.compare.build import comparison_of
from swa.reports.page.document import Document, Section
from swa.reports.page.markdown import render_markdown
from swa.reports.page.tables import page_table
from swa.schemas.cards import Enrichment
from swa.tables.cascade import cascade_table
from swa.tables.comparison import counts_table, drops_table, families_table, impact_table
from swa.tables.detection import detection_table
from swa.tables.evaluation import evaluation_table, task_table
from swa.tables.flat import csv_of, frame_of
from swa.tables.neurons import neuron_table
from swa.tables.super_weights import super_weight_table, token_shift_table
from swa.tables.table import ALWAYS, ON_PAGES, Column, Row, Table
from swa.tables.written import cell_text, title_of
from tests.support.artifacts import (
    analysis_record,
    cascade_results,
    neuron_cards,
    special_analysis,
    super_weight_cards,
    weights,
)
from tests.support.cards import METRICS, SITE, card, interval, neuron_card
from tests.support.records import super_weight
from tests.unit.report.test_compare import run

INF, NAN = math.inf, math.nan
COMPARISON = comparison_of([run("a/x"), run("b/y", ratios=(4.0,), confirmed=1)])
TABLES = {
    "detection": detection_table(weights()),
    "detection without confirmation": detection_table([super_weight(confirmation=None)]),
    "evaluation": evaluation_table(analysis_record()),
    "evaluation of odd numbers": evaluation_table(special_analysis()),
    "task": task_table(evaluation_table(analysis_record()), "hellaswag", "acc_norm"),
    "super weights": super_weight_table(super_weight_cards()),
    "token shifts": token_shift_table(super_weight_cards()),
    "neurons": neuron_table(neuron_cards()),
    "cascade": cascade_table(cascade_results()[0]),
    "counts": counts_table(COMPARISON.runs),
    "impact": impact_table(COMPARISON.runs),
    "drops": drops_table(COMPARISON.runs),
    "families": families_table(COMPARISON.families),
}


def on_terminal(table: Table, width: int = 1000) -> str:
    console = Console(width=width, markup=False, highlight=False, file=io.StringIO())
    console.print(drawn(table, one_line(table)))
    return console.file.getvalue()


def in_markdown(table: Table) -> list[str]:
    page = Document("title", ("lead",), (Section("section", "a", (page_table(table),)),))
    return [line for line in render_markdown(page, base=Path()).splitlines() if line.startswith("|")]


@pytest.mark.parametrize("name", TABLES)
def test_every_row_uses_known_columns_and_every_column_is_there_once(name):
    table = TABLES[name]
    names = [column.name for column in table.columns]
    assert len(set(names)) == len(names)
    assert table.rows
    for column in table.columns:
        assert {column.low, column.high, column.order, column.logarithm, column.not_significant} - {""} <= (
            set(names) | {value for row in table.rows for value in row.values}
        )


@pytest.mark.parametrize("name", TABLES)
def test_terminal_and_page_write_the_same_numbers(name):
    table = TABLES[name]
    screen, page = on_terminal(table), "\n".join(in_markdown(table))
    for row in table.rows:
        for column in table.shown(ALWAYS):
            if column.is_number:
                assert cell_text(row, column) in screen
                assert cell_text(row, column).replace("|", "&#124;").replace("<", "\\<") in page


@pytest.mark.parametrize("name", TABLES)
def test_files_and_frames_have_the_same_columns(name):
    table = TABLES[name]
    frame, rows = frame_of(table), list(csv.reader(io.StringIO(csv_of(table))))
    assert list(frame.columns) == rows[0] == [column.name for column in table.columns]
    assert len(frame) == len(rows) - 1 == len(table.rows)


@pytest.mark.parametrize("name", TABLES)
def test_pages_show_what_terminals_show_and_more(name):
    table = TABLES[name]
    titles = [title_of(column) for column in table.shown(ALWAYS)]
    assert set(titles) <= {title_of(column) for column in table.shown(ON_PAGES)}
    head = in_markdown(table)[0]
    assert all(title.replace("\n", " ").replace("|", "&#124;") in head for title in titles)


NEURONS = (
    "model,layer,expert,module,neuron,label,var,skew,kurt,var_cos,skew_cos,kurt_cos,percentile_var,percentile_kurt,"
    "top_tokens_up,top_tokens_down,enriched_classes"
)
METRIC_PARTS = ("baseline", "delta", "control_mean", "control_std", "control_max", "neuron_zero")
SUPER_WEIGHTS = ",".join(
    [
        "model,layer,expert,module,tensor,row,col,coordinate,weight,edit_inactive",
        *(f"{part}_{metric}" for metric in METRICS for part in METRIC_PARTS),
        *(f"{metric}_{end}" for metric in METRICS[:4] for end in ("ci_2.5", "ci_97.5")),
        "n_windows,n_controls,total_variation,tokens_up,tokens_down",
    ]
)


def test_the_columns_of_csv_files_are_a_contract():
    assert csv_of(TABLES["neurons"]).splitlines()[0] == NEURONS
    assert csv_of(TABLES["super weights"]).splitlines()[0] == SUPER_WEIGHTS


def test_cells_of_csv_files_are_plain_numbers_and_json():
    weight = super_weight()
    bootstrap = {name: interval(1.0) for name in METRICS[:4]}
    full = card(weight, bootstrap=bootstrap, edit_inactive="weight 0", coordinate=weight.coordinate)
    bare = card(weight).model_copy(update={"token_shifts": MISSING, "module": MISSING, "weight": MISSING})
    one, two = csv.DictReader(io.StringIO(csv_of(super_weight_table([full, bare]))))
    assert (one["control_max_loss"], one["edit_inactive"], one["expert"]) == ("0.0021", "weight 0", "")
    assert json.loads(one["tokens_up"])
    assert (two["tokens_up"], two["module"], two["weight"], two["loss_ci_2.5"]) == ("", "", "", "")
    enriched = [
        Enrichment.model_validate({"class": name, "score": score, "examples": [], "q": q})
        for name, score, q in (("digits", 0.1, 0.01), ("years", 0.3, 0.0), ("code", 0.9, 0.5))
    ]
    neuron = neuron_card(SITE, 7, moments_cos={"var": 1.0, "skew": 2.0, "kurt": 3.0})
    (row,) = csv.DictReader(io.StringIO(csv_of(neuron_table([neuron.model_copy(update={"enrichment": enriched})]))))
    assert (row["kurt_cos"], row["enriched_classes"]) == ("3.0", '["years", "digits"]')


def test_cells_of_any_number():
    columns = (
        Column("delta", "Δ", "change", low="low", high="high", not_significant="by_chance"),
        Column("ratio", "ratio", "ratio", logarithm="delta"),
        Column("n", "items", "count"),
        Column("what", "what", "code"),
    )
    rows = (
        Row("a", {"delta": 0.5, "low": -0.1, "high": 1.0, "by_chance": True, "ratio": INF, "n": 12345, "what": ("x",)}),
        Row("b", {"delta": NAN, "ratio": NAN, "what": ("x", "y")}),
    )
    lines = in_markdown(Table("odd", "row", columns, rows))
    assert lines[2] == "| `a` | +0.500 [−0.100, 1.00] n.s. | ∞ (log-ratio 0.5) | 12,345 | `x` |"
    assert lines[3] == "| `b` | NaN | invalid | – | 2 together |"


def test_a_frame_can_be_computed_with():
    frame = frame_of(TABLES["detection"])
    confirmed = frame[frame["verdict"] == "confirmed"]
    assert confirmed["delta_loss"].max() == pytest.approx(1.94)
    assert frame_of(TABLES["super weights"])["tokens_up"].iloc[0][0]


def test_what_only_some_rows_have_is_shown_and_what_none_has_is_not():
    bare = detection_table([super_weight(confirmation=None, input_value=None)])
    assert "verdict" not in [column.name for column in bare.columns]
    assert "x" not in [column.title for column in bare.shown(ON_PAGES)]
