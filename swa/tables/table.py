"""A table as data: columns that say what they hold, rows of plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from pydantic import MISSING

Kind = Literal[
    "text", "code", "tokens", "flag", "index", "count", "number", "perplexity", "metric", "change", "ratio", "share",
    "p", "percentile", "depth",
]  # fmt: skip
"""What a column holds. Numbers are written as `swa.text.numbers` writes their kind; `code` is a coordinate or a name,
`tokens` the texts of several tokens, `flag` yes or no, `index` a whole number that is a name."""
WORDS: frozenset[Kind] = frozenset({"text", "code", "tokens", "flag"})
"""Kinds that are no numbers."""

Value = str | float | bool | tuple[str, ...] | None
"""One cell; `None` is what was not measured."""

ALWAYS, ON_PAGES, IN_FILES = 1, 2, 3
"""Ranks of importance: shown everywhere, on pages and in files, in files and data frames alone."""

Field = TypeVar("Field")


@dataclass(frozen=True)
class Column:
    """What one column holds.

    Attributes:
        name: Its name in files and data frames.
        title: What people read above it, in lines where a terminal has little room.
        kind: What kind of value it holds.
        rank: How important it is: `ALWAYS`, `ON_PAGES`, `IN_FILES`.
        unit: Of its numbers, where they have one.
        low: Column with the lower end of the value's 95 % interval.
        high: Column with the upper end.
        logarithm: Column with the logarithm of a ratio, which does not overflow.
        not_significant: Column that says whether the interval holds 0.
        tone: Column whose word colours the cell.
        order: Column by which this one is sorted, where it is not its own value.
    """

    name: str
    title: str
    kind: Kind
    rank: int = ALWAYS
    unit: str = ""
    low: str = ""
    high: str = ""
    logarithm: str = ""
    not_significant: str = ""
    tone: str = ""
    order: str = ""

    @property
    def is_number(self) -> bool:
        """Whether it holds numbers."""
        return self.kind not in WORDS


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        label: What it is about: a coordinate, a variant, a layer.
        values: By name of the column; what is missing or `None` was not measured.
        stands_out: Whether it is to be seen at once.
        order: What labels are sorted by, where not by themselves.
    """

    label: str
    values: Mapping[str, Value]
    stands_out: bool = False
    order: float | None = None


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        caption: What it shows.
        label: What people read above the labels of the rows, which files have in columns of their own.
        columns: Its columns, in the order of files.
        rows: Its rows.
        label_kind: What kind of value the labels are.
    """

    caption: str
    label: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    label_kind: Kind = "code"

    def shown(self, rank: int) -> tuple[Column, ...]:
        """The columns up to a rank in which at least one row has a value."""
        return tuple(
            column
            for column in self.columns
            if column.rank <= rank and any(row.values.get(column.name) is not None for row in self.rows)
        )

    def column(self, name: str) -> Column:
        """The column of a name."""
        return next(column for column in self.columns if column.name == name)


def known(field: Field | MISSING) -> Field | None:
    """A field of a record, `None` where it is absent."""
    return None if field is MISSING else field
