"""Tables that a spreadsheet opens without running anything in them."""

from __future__ import annotations

import csv
import io
import math

import pytest

from swa.store.csvtext import csv_text


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_cells_are_in_the_order_of_the_columns_and_missing_ones_empty():
    text = csv_text(["b", "a"], [{"a": 1, "b": None}, {"c": 5}, {"a": 0.1, "b": True}])
    assert text == "b,a\n,1\n,\ntrue,0.1\n"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠"])
def test_what_a_spreadsheet_would_run_is_prefixed(start):
    ((cell,),) = rows(csv_text(["a"], [{"a": f"{start}cmd()"}]))[1:]
    assert cell == f"'{start}cmd()"


@pytest.mark.parametrize("text", ["a", " =1", "'=1", "a,b", 'a"b', "a\nb", ""])
def test_other_text_stays(text):
    assert rows(csv_text(["x", "a"], [{"x": "1", "a": text}]))[1] == ["1", text]


@pytest.mark.parametrize(
    ("number", "written"),
    [
        (-1, "-1"),
        (-0.5, "-0.5"),
        (1e-300, "1e-300"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        (math.nan, "NaN"),
    ],
)
def test_numbers_stay_numbers(number, written):
    ((cell,),) = rows(csv_text(["a"], [{"a": number}]))[1:]
    assert cell == written
    assert float(cell) == pytest.approx(number, nan_ok=True)
