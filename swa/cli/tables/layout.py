"""How tables of all commands look, and whether one fits the console."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

_UNLIMITED = 1000
"""Columns beyond those of any console."""


def empty_table() -> Table:
    """A rule below the head and one blank between columns: up to ten of them have to fit."""
    return Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=0)


def fits(table: Table, console: Console) -> bool:
    """Whether no line of the table would be folded."""
    return console.measure(table, options=console.options.update(max_width=_UNLIMITED)).maximum <= console.width
