"""The census of neurons as a Parquet table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from swa.store.atomic import written_whole

CENSUS_TYPES = {
    "layer": "int32",
    "expert": "int32",
    "neuron": "int32",
    "module": "string",
    **{f"{name}{suffix}": "float64" for suffix in ("", "_cos") for name in ("var", "skew", "kurt")},
    "label": "string",
}
"""Columns of the census; in float64 of float32 sums, as the analysis gives them. A column may be empty in a part."""


def write_census(path: Path, parts: Iterable[Mapping[str, Any]]) -> None:
    """Write the table whole, a row group for each down projection.

    Args:
        path: The file; its folder exists.
        parts: Columns by name, of equal length; one part a down projection.

    Raises:
        WriteError: The disk is full or the folder is gone.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, pa.type_for_alias(kind)) for name, kind in CENSUS_TYPES.items()])
    with written_whole(path) as stream, pq.ParquetWriter(stream, schema) as writer:
        for columns in parts:
            writer.write_table(pa.Table.from_pydict(dict(columns), schema=schema))
