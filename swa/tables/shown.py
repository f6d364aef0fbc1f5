"""Records as people see them outside the command line: as text, in a notebook, as a data frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from swa.schemas.base import Record
from swa.schemas.cards import NeuronCard, SuperWeightCard
from swa.schemas.cascade import CascadeResult
from swa.schemas.detection import DetectionResult, SuperWeight
from swa.schemas.evaluation import ModelAnalysis
from swa.tables.cascade import cascade_table
from swa.tables.detection import detection_table
from swa.tables.evaluation import evaluation_table
from swa.tables.flat import frame_of
from swa.tables.neurons import neuron_table
from swa.tables.super_weights import super_weight_table
from swa.tables.table import ALWAYS, Table
from swa.tables.written import cell_text, title_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Shown:
    """Tables that can be printed, shown by a notebook, and taken as a data frame.

    Attributes:
        tables: The tables, one at least.
    """

    tables: tuple[Table, ...]

    def __str__(self) -> str:
        """The tables as text, each row on one line."""
        return "\n\n".join(map(_text, self.tables))

    def _repr_html_(self) -> str:
        return "".join(map(_html, self.tables))

    def to_frame(self) -> pd.DataFrame:
        """The first table, one row a unit, with the names of columns that files have."""
        return frame_of(self.tables[0])


NOTHING_SHOWN = Shown((Table("No super weights and no neurons", "coordinate", (), ()),))
"""Of a model in which nothing was found, or nothing was asked for."""


def show(record: Record | Sequence[Record]) -> Shown:
    """A record, or records of one kind, as the command line's tables show them.

    Args:
        record: DetectionResult, ModelAnalysis, CascadeResult; or super weights, cards of super weights or neurons,
            cascades.

    Raises:
        TypeError: There is no table for such a record.
    """
    records = [record] if isinstance(record, Record) else list(record)
    tables: list[Table] = []
    for one in records:
        if isinstance(one, DetectionResult):
            tables.append(detection_table(one.super_weights))
        elif isinstance(one, ModelAnalysis):
            tables.append(evaluation_table(one))
        elif isinstance(one, CascadeResult):
            tables.append(cascade_table(one))
    weights = [one for one in records if isinstance(one, SuperWeight)]
    cards = [one for one in records if isinstance(one, SuperWeightCard)]
    neurons = [one for one in records if isinstance(one, NeuronCard)]
    tables += [detection_table(weights)] if weights else []
    tables += [super_weight_table(cards)] if cards else []
    tables += [neuron_table(neurons)] if neurons else []
    if not tables:
        raise TypeError(f"There is no table for {type(record).__name__}.")
    return Shown(tuple(tables))


def _cells(table: Table) -> list[list[str]]:
    """Titles and rows, the label first."""
    columns = table.shown(ALWAYS)
    titles = [table.label, *(title_of(column).replace("\n", " ") for column in columns)]
    return [titles, *([row.label, *(cell_text(row, column) for column in columns)] for row in table.rows)]


def _text(table: Table) -> str:
    cells = _cells(table)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join([table.caption, *lines])


def _html(table: Table) -> str:
    titles, *rows = _cells(table)
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><caption>{escape(table.caption)}</caption><tr>{head}</tr>{body}</table>"
