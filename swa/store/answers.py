"""The answers of finished batches on disk: a killed evaluation loses at most the batch in work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import ValidationError

from swa.schemas.answers import UnitAnswers
from swa.store.atomic import remove
from swa.store.jsonl import append_line, read_lines, repair
from swa.store.names import distinct_name

N_KEY = 12
"""Digits of a unit's key in its file's name; the lines hold the whole key."""


class FileBook:
    """The `AnswerBook` of the command line: one JSON-lines file for each unit and key.

    Args:
        folder: Where the files are; it exists.
        warn: Called with a sentence about lines that are left aside.
        fresh: Whether what an earlier run kept is thrown away, unit by unit, as each is begun.
    """

    def __init__(self, folder: Path, *, warn: Callable[[str], None], fresh: bool = False) -> None:
        self._folder, self._warn, self._fresh = folder, warn, fresh
        self._begun: set[Path] = set()
        self._n_appended = 0

    @property
    def n_appended(self) -> int:
        """Lines kept since the book was opened."""
        return self._n_appended

    def lines(self, unit: str, key: str) -> Sequence[UnitAnswers]:
        """What is finished of a unit: only lines with exactly this key.

        Raises:
            WriteError: A torn line could not be cut off, or a file not removed.
        """
        path = self._begin(unit, key)
        kept = []
        for number, row in enumerate(read_lines(path).rows, start=1):
            try:
                line = UnitAnswers.model_validate_json(row)
            except ValidationError:
                self._warn(f"Line {number} of '{path}' holds no answers; they are computed again.")
                continue
            if (line.unit, line.key) == (unit, key):
                kept.append(line)
        return kept

    def append(self, line: UnitAnswers) -> None:
        """Keep one more line; it is on the disk when this returns.

        Raises:
            WriteError: The disk is full or the folder is gone.
        """
        append_line(self._begin(line.unit, line.key), line.model_dump_json())
        self._n_appended += 1

    def _begin(self, unit: str, key: str) -> Path:
        path = self._folder / f"{distinct_name(unit)}_{key[:N_KEY]}.jsonl"
        if path not in self._begun:
            self._begun.add(path)
            if self._fresh:
                remove(path)
            elif repair(path):
                self._warn(f"The last line of '{path}' was torn by an interruption; its batch is computed again.")
        return path
