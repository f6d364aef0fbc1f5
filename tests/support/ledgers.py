"""Work in tests: rounds that are not a whole analysis, and runs that end in the middle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from swa.engine.ledger import Ledger, MemoryLedger, Round, Rounds, finish, outcome
from swa.progress import SilentProgress

T = TypeVar("T")


@dataclass
class _Work(Generic[T]):
    of: Callable[[Ledger], Rounds[T]]

    def rounds(self, ledger: Ledger) -> Iterator[Round]:
        return self.of(ledger)

    def records(self, ledger: Ledger) -> T:
        return outcome(self.of(ledger))


def finished(rounds: Callable[[Ledger], Rounds[T]], ledger: Ledger | None = None) -> T:
    """What rounds end with, once all their items are computed."""
    return finish(_Work(rounds), ledger or MemoryLedger(), SilentProgress())


class KilledError(Exception):
    """The run ends here."""


class KilledLedger(MemoryLedger):
    """A ledger whose run is killed when it has kept some answers; afterwards it goes on.

    Attributes:
        computed: Keys of the answers in the order in which they were kept.
        kill_after: How many may be kept in all, `None` for any number.
    """

    def __init__(self, kill_after: int | None = None) -> None:
        super().__init__()
        self.computed: list[str] = []
        self.kill_after = kill_after

    def put(self, key, answer):
        super().put(key, answer)
        self.computed.append(key)
        if len(self.computed) == self.kill_after:
            raise KilledError
