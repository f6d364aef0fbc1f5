"""Tables for programs: CSV and data frames, with the same names of columns."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from swa.store.csvtext import Cell, csv_text
from swa.tables.table import Table, Value

if TYPE_CHECKING:
    import pandas as pd


def csv_of(table: Table) -> str:
    """The table as CSV; lists are JSON, which keeps blanks and control characters and can be read back."""
    names = [column.name for column in table.columns]
    return csv_text(names, ({name: _cell(value) for name, value in row.values.items()} for row in table.rows))


def frame_of(table: Table) -> pd.DataFrame:
    """The table as a data frame of pandas; lists stay lists, what a row is about is the index."""
    import pandas as pd

    rows = [
        {name: list(value) if isinstance(value, tuple) else value for name, value in row.values.items()}
        for row in table.rows
    ]
    labels = pd.Index([row.label for row in table.rows], name=table.label)
    return pd.DataFrame(rows, columns=[column.name for column in table.columns], index=labels)


def _cell(value: Value) -> Cell:
    return json.dumps(list(value), ensure_ascii=False) if isinstance(value, tuple) else value
