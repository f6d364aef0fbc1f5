"""The census of neurons: a Parquet table in parts, one for each down projection, joined when all are there."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from swa.store.atomic import remove, write_error, written_whole

N_KEY = 12
"""Digits of the key in the name of the folder of parts."""


class CensusFile:
    """A Parquet file that grows by parts. A killed run loses at most the part in work.

    Args:
        path: The file; its folder exists.
        key: What the numbers depend on: parts of another key are not used.
        types: Name and type (`int32`, `float64`, `string`) of the columns: a column may be empty in a part.
    """

    def __init__(self, path: Path, key: str, *, types: Mapping[str, str]) -> None:
        self.path = path
        self._types = types
        self._parts = path.with_name(f"{path.stem}_{key[:N_KEY]}.parts")

    def begin(self, *, fresh: bool) -> None:
        """Make the folder of parts; those of an earlier run are kept unless all is to be `fresh`.

        Raises:
            WriteError: It cannot be made.
        """
        try:
            if fresh and self._parts.exists():
                shutil.rmtree(self._parts)
            self._parts.mkdir(exist_ok=True)
        except OSError as error:
            raise write_error(self._parts, error) from error

    def has(self, number: int) -> bool:
        """Whether a part is there."""
        return self._part(number).exists()

    def add(self, number: int, columns: Mapping[str, Any]) -> None:
        """Write one part whole.

        Args:
            number: Its place in the table.
            columns: Values by name, of equal length.

        Raises:
            WriteError: The disk is full or the folder is gone.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.Table.from_pydict(dict(columns), schema=self._schema())
        with written_whole(self._part(number)) as stream:
            pq.write_table(table, stream)

    def join(self, numbers: Sequence[int]) -> None:
        """Write the table from its parts, in this order, one row group each; then the parts go.

        Raises:
            WriteError: The disk is full or the folder is gone.
        """
        import pyarrow.parquet as pq

        with written_whole(self.path) as stream, pq.ParquetWriter(stream, self._schema()) as writer:
            for number in numbers:
                writer.write_table(pq.ParquetFile(self._part(number)).read())
        for number in numbers:
            remove(self._part(number))
        shutil.rmtree(self._parts, ignore_errors=True)  # what is left is of other runs, and no table misses it

    def _schema(self) -> Any:
        import pyarrow as pa

        return pa.schema([(name, pa.type_for_alias(kind)) for name, kind in self._types.items()])

    def _part(self, number: int) -> Path:
        return self._parts / f"{number:06d}.parquet"
