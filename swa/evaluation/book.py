"""Where answers are kept while an evaluation runs, so that an interrupted one goes on where it stopped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from swa.schemas.answers import UnitAnswers


class AnswerBook(Protocol):
    """Keeps the lines of finished batches."""

    def lines(self, unit: str, key: str) -> Sequence[UnitAnswers]:
        """What is finished of a unit: only lines with exactly this key."""
        ...

    def append(self, line: UnitAnswers) -> None:
        """Keep one more line; it is safe when this returns."""


class NoBook:
    """The default of the Python API: nothing is kept beyond the call."""

    def lines(self, unit: str, key: str) -> Sequence[UnitAnswers]:
        """See `AnswerBook.lines`."""
        del unit, key
        return ()

    def append(self, line: UnitAnswers) -> None:
        """See `AnswerBook.append`."""
