"""The census: parts that survive a kill, joined to one table."""

from __future__ import annotations

import math

import pyarrow.parquet as pq
import pytest

from swa.store.atomic import WriteError
from swa.store.census import CensusFile

TYPES = {"layer": "int32", "expert": "int32", "label": "string", "kurt": "float64"}
KEY = "a" * 64


def part(layer: int, *, expert: int | None = None):
    return {"layer": [layer] * 2, "expert": [expert] * 2, "label": ["unclear", "prediction"], "kurt": [1.5, math.nan]}


def census(folder, key=KEY):
    return CensusFile(folder / "census.parquet", key, types=TYPES)


def test_parts_are_joined_in_order_whatever_order_they_came_in(tmp_path):
    one = census(tmp_path)
    one.begin(fresh=False)
    one.add(1, part(1, expert=3))
    assert (one.has(0), one.has(1)) == (False, True)
    again = census(tmp_path)
    again.begin(fresh=False)
    again.add(0, part(0))
    assert not one.path.exists()
    again.join(range(2))
    table = pq.read_table(one.path)
    assert table.column("layer").to_pylist() == [0, 0, 1, 1]
    assert table.column("expert").to_pylist() == [None, None, 3, 3]
    assert [str(field.type) for field in table.schema] == ["int32", "int32", "string", "double"]
    assert pq.ParquetFile(one.path).num_row_groups == 2
    assert [path.name for path in tmp_path.iterdir()] == ["census.parquet"]


def test_the_same_parts_give_the_same_bytes(tmp_path):
    contents = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        one = census(tmp_path / name)
        one.begin(fresh=False)
        one.add(0, part(0))
        one.join([0])
        contents.append(one.path.read_bytes())
    assert contents[0] == contents[1]


def test_parts_of_another_key_or_before_a_fresh_start_are_not_used(tmp_path):
    one = census(tmp_path)
    one.begin(fresh=False)
    one.add(0, part(0))
    other = census(tmp_path, "b" * 64)
    other.begin(fresh=False)
    assert not other.has(0)
    one.begin(fresh=True)
    assert not one.has(0)


def test_what_cannot_be_written_is_a_known_error(tmp_path):
    one = census(tmp_path)
    with pytest.raises(WriteError):
        one.add(0, part(0))
    (tmp_path / f"census_{KEY[:12]}.parts").write_text("")
    with pytest.raises(WriteError):
        one.begin(fresh=False)
