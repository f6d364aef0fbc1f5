"""Ledgers on disk whose run ends in the middle: killed after any item, or on a full disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from swa.engine.ledger import MemoryLedger, Work, finish
from swa.progress import SilentProgress
from swa.store.atomic import WriteError
from swa.store.ledger import Answer, FileLedger


def _refuse(sentence: str) -> None:
    raise AssertionError(sentence)


class DyingLedger(FileLedger):
    """Keeps one answer; then the process is killed before the next is."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, warn=_refuse)

    def put(self, key: str, answer: Answer) -> None:
        if self.n_kept:
            raise KeyboardInterrupt
        assert not self.has(key), "a finished item was computed again"
        super().put(key, answer)


def killed_after_each_item(plan: Any, folder: Path) -> Any:
    """The records of an analysis that is killed again and again, each time one item later.

    Args:
        plan: Plans it anew, as a new process does.
        folder: Where answers are kept.
    """
    for _ in range(n_items(plan())):
        try:
            records = finish(plan(), DyingLedger(folder), SilentProgress())
        except KeyboardInterrupt:
            continue
        return records
    raise AssertionError("more was computed than the analysis has items")


def n_items(work: Work[Any]) -> int:
    """Items of an analysis whose rounds do not depend on answers."""
    return sum(len(items) for _, items in work.rounds(MemoryLedger()))


def full_after(n_kept: int) -> Callable[[FileLedger, str, Answer], None]:
    """Stands in for `FileLedger.put`: the disk is full once some answers are kept."""
    put = FileLedger.put

    def limited(ledger: FileLedger, key: str, answer: Answer) -> None:
        if ledger.n_kept == n_kept:
            raise WriteError("'x' could not be written: No space left.")
        put(ledger, key, answer)

    return limited


def raising(error: BaseException) -> Callable[..., None]:
    """Stands in for a function that fails."""

    def fail(*_: Any, **__: Any) -> None:
        raise error

    return fail
