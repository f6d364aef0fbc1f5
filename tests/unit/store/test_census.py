"""The census as a table: types, order, row groups, the same bytes each time."""

from __future__ import annotations

import math

import pyarrow.parquet as pq
import pytest

from swa.store.atomic import WriteError
from swa.store.census import write_census


def part(layer: int, *, expert: int | None = None):
    place = {"layer": [layer] * 2, "expert": [expert] * 2, "neuron": [0, 1], "module": [f"layers.{layer}"] * 2}
    moments = {f"{name}{suffix}": [1.5, math.nan] for suffix in ("", "_cos") for name in ("var", "skew", "kurt")}
    return {**place, **moments, "label": ["unclear", "prediction"]}


def test_a_row_group_for_each_part_in_their_order(tmp_path):
    path = tmp_path / "census.parquet"
    write_census(path, [part(0), part(1, expert=3)])
    table = pq.read_table(path)
    assert table.column("layer").to_pylist() == [0, 0, 1, 1]
    assert table.column("expert").to_pylist() == [None, None, 3, 3]
    assert [str(field.type) for field in table.schema] == ["int32"] * 3 + ["string"] + ["double"] * 6 + ["string"]
    assert math.isnan(table.column("kurt").to_pylist()[1])
    assert pq.ParquetFile(path).num_row_groups == 2
    assert [file.name for file in tmp_path.iterdir()] == ["census.parquet"]


def test_the_same_parts_give_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        write_census(tmp_path / name, [part(0)])
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_what_cannot_be_written_is_a_known_error_and_leaves_the_old_table(tmp_path):
    with pytest.raises(WriteError):
        write_census(tmp_path / "missing" / "census.parquet", [part(0)])

    def broken():
        yield part(1)
        raise KeyboardInterrupt

    path = tmp_path / "census.parquet"
    write_census(path, [part(0)])
    before = path.read_bytes()
    with pytest.raises(KeyboardInterrupt):
        write_census(path, broken())
    assert path.read_bytes() == before
