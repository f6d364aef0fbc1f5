"""Figures of single cards as files: pages that cannot draw link to them, and some are shown as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import MISSING

from swa.reports.page.document import Picture
from swa.reports.saved.models import Cards
from swa.schemas.base import Record

Kind = TypeVar("Kind", bound=Record)


@dataclass(frozen=True)
class SavedFigures:
    """Where the figures of one card would be.

    Attributes:
        folder: Their folder.
        stem: What their names begin with.
    """

    folder: Path
    stem: str

    def named(self, what: str) -> tuple[Path, ...]:
        """The figure that shows `what`, where it is there."""
        path = self.folder / f"{self.stem}-{what}.png"
        return (path,) if path.exists() else ()

    def pictures(self, what: str, title: str) -> tuple[Picture, ...]:
        """The same as a block of its own, for what no drawing of the page shows."""
        return tuple(Picture(title, path.read_bytes(), path) for path in self.named(what))


def saved_figures(
    cards: Cards[Kind], kind: str, stem: Callable[[Kind, Sequence[str]], str], card: Kind
) -> SavedFigures:
    """The figures of a card.

    Args:
        cards: The file that the card is in.
        kind: Name of the folder of figures: `neurons`, `super_weights`.
        stem: From the card, and the modules that must be named, to what the names begin with.
        card: The card.
    """
    named = MISSING if cards.run is None else cards.run.named_by_module
    by_module: Sequence[str] = () if named is MISSING else getattr(named, kind)
    return SavedFigures(cards.folder.plots / kind, stem(card, by_module))
