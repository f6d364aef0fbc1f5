"""Files of records, one a line, that hold what is finished and grow by what is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import ValidationError

from swa.schemas.base import Record
from swa.store.atomic import write_bytes
from swa.store.jsonl import append_line, read_lines, repair

Kind = TypeVar("Kind", bound=Record)


class CardFile(Generic[Kind]):
    """A JSON-lines file of records of one kind.

    Args:
        path: The file; its folder exists.
        kind: What its lines are.
        warn: Called with a sentence about lines that are left aside.
    """

    def __init__(self, path: Path, kind: type[Kind], *, warn: Callable[[str], None]) -> None:
        self.path = path
        self._kind, self._warn = kind, warn

    def read(self) -> list[Kind]:
        """The records in their order; lines that an interruption or somebody else left are cut off and said.

        Raises:
            WriteError: Such lines could not be cut off.
        """
        if repair(self.path):
            self._warn(f"The last line of '{self.path}' was torn by an interruption; it is computed again.")
        cards: list[Kind] = []
        n_foreign = 0
        for number, row in enumerate(read_lines(self.path).rows, start=1):
            try:
                cards.append(self._kind.model_validate_json(row))
            except ValidationError:
                n_foreign += 1
                self._warn(f"Line {number} of '{self.path}' is no valid {self._kind.__name__} and is taken out.")
        if n_foreign:
            self.replace(cards)
        return cards

    def append(self, card: Kind) -> None:
        """Keep one more record; it is on the disk when this returns.

        Raises:
            WriteError: The disk is full or the folder is gone.
        """
        append_line(self.path, card.model_dump_json())

    def replace(self, cards: Iterable[Kind]) -> None:
        """Let the file hold exactly these records.

        Raises:
            WriteError: The disk is full or the folder is gone.
        """
        write_bytes(self.path, "".join(f"{card.model_dump_json()}\n" for card in cards).encode())
