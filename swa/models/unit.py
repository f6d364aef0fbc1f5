"""What one variant removes."""

from __future__ import annotations

from typing import NamedTuple

from swa.models.discovery.sites import Site


class Address(NamedTuple):
    """One scalar of a down projection.

    Attributes:
        site: The down projection.
        row: Output channel.
        col: Input channel.
    """

    site: Site
    row: int
    col: int

    @property
    def place(self) -> tuple[int, int]:
        """Row and column."""
        return self.row, self.col
