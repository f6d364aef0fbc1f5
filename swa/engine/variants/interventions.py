"""What is changed: single scalars, rows or columns of down projections, times a factor."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import JsonValue

from swa.models.discovery.sites import Site


@dataclass(frozen=True)
class ScaleEntries:
    """`W[row, col] *= factor`; `None` means all rows or all columns (`row=None`: the whole neuron `col`).

    Attributes:
        site: The down projection.
        row: Output channel, or `None` for all.
        col: Input channel, or `None` for all.
        factor: 0 removes, 1 changes nothing.
    """

    site: Site
    row: int | None
    col: int | None
    factor: float = 0.0

    @property
    def index(self) -> tuple[int | slice, int | slice]:
        """What to index `W` with."""
        return (
            slice(None) if self.row is None else self.row,
            slice(None) if self.col is None else self.col,
        )

    @property
    def content(self) -> list[JsonValue]:
        """What the key of an item holds of it."""
        site = self.site
        return ["scale", site.module, site.parameter, site.expert, self.row, self.col, self.factor]


@dataclass(frozen=True)
class Variant:
    """A model under a set of interventions.

    Attributes:
        name: `baseline`, `sw_0`, `all`, `control`, …
        interventions: All of them act together.
    """

    name: str
    interventions: tuple[ScaleEntries, ...] = ()

    @property
    def content(self) -> list[JsonValue]:
        """What the key of an item holds of it; its name changes nothing."""
        return [one.content for one in self.interventions]


BASELINE = Variant("baseline")
"""The intact model."""
