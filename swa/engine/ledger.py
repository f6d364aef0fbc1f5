"""Work in items, and the one place that keeps what is finished.

An analysis is cut into items: small pieces whose answers depend on nothing but their content. A ledger keeps answers
by the key of that content, so that a run that was killed loses one item, and a run that asks for more finds what it
shares.
Sums and records are formed when all items are there, in the order of the plan.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Protocol, TypeVar

from swa.engine.variants.interventions import Variant
from swa.models.loading.loaded import LoadedModel
from swa.progress import Progress
from swa.store.ledger import Answer
from swa.versions import number_versions

VARIANTS_OF_AN_ITEM = 4
Records = TypeVar("Records", covariant=True)
T = TypeVar("T")


class Item(NamedTuple):
    """A piece of work that is computed and kept whole.

    Attributes:
        key: What its answer depends on; see `item_key`.
        n_steps: Steps that a progress display counts, usually forward passes.
        compute: Gives the answer; it calls its argument after each step.
    """

    key: str
    n_steps: int
    compute: Callable[[Callable[[], None]], Answer]


class Round(NamedTuple):
    """Items that are known together; the next round may depend on their answers.

    Attributes:
        title: What a progress display calls them.
        items: In the order of the plan.
    """

    title: str
    items: Sequence[Item]


Rounds = Generator[Round, None, T]
"""Rounds that depend on the answers to earlier ones, and at the end what follows from all answers."""


class Ledger(Protocol):
    """Keeps answers by key."""

    def has(self, key: str) -> bool:
        """Whether an item is finished."""
        ...

    def get(self, key: str) -> Answer:
        """The answer of a finished item."""
        ...

    def put(self, key: str, answer: Answer) -> None:
        """Keep an answer; it is safe when this returns."""
        ...


class MemoryLedger:
    """The ledger of the Python API's plain functions: it lives as long as the call."""

    def __init__(self) -> None:
        self._answers: dict[str, Answer] = {}

    def has(self, key: str) -> bool:
        """See `Ledger.has`."""
        return key in self._answers

    def get(self, key: str) -> Answer:
        """See `Ledger.get`."""
        return self._answers[key]

    def put(self, key: str, answer: Answer) -> None:
        """See `Ledger.put`."""
        self._answers[key] = answer


class Reading:
    """A ledger that remembers of the answers read from it what a record says of them.

    Attributes:
        notes: Their sentences, each once.
        seconds: How long they took, together.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.notes: list[str] = []
        self.seconds = 0.0

    def has(self, key: str) -> bool:
        """See `Ledger.has`."""
        return self._ledger.has(key)

    def get(self, key: str) -> Answer:
        """See `Ledger.get`."""
        answer = self._ledger.get(key)
        self.notes += [note for note in answer.notes if note not in self.notes]
        self.seconds += answer.seconds
        return answer

    def put(self, key: str, answer: Answer) -> None:
        """See `Ledger.put`."""
        self._ledger.put(key, answer)


class Work(Protocol[Records]):
    """An analysis that has been planned for a loaded model."""

    def rounds(self, ledger: Ledger) -> Iterator[Round]:
        """The items, round by round; all of a round are in the ledger before the next is asked for."""
        ...

    def records(self, ledger: Ledger) -> Records:
        """What follows from the answers, once all rounds are done; it computes nothing that takes long."""
        ...


def finish(work: Work[Records], ledger: Ledger, progress: Progress) -> Records:
    """Compute what is missing, item by item, and give the records."""
    for title, items in work.rounds(ledger):
        with progress.task(title, sum(item.n_steps for item in items)) as task:
            for item in items:
                if ledger.has(item.key):
                    task.advance(item.n_steps)
                    continue
                start = time.perf_counter()
                answer = item.compute(task.advance)
                ledger.put(item.key, replace(answer, seconds=time.perf_counter() - start))
    return work.records(ledger)


def outcome(rounds: Rounds[T]) -> T:
    """What rounds end with whose answers are all there.

    Raises:
        KeyError: One is missing.
    """
    while True:
        try:
            next(rounds)
        except StopIteration as end:
            result: T = end.value
            return result


class NoWork:
    """Where nothing is missing."""

    def rounds(self, ledger: Ledger) -> Iterator[Round]:
        """See `Work.rounds`."""
        yield from ()

    def records(self, ledger: Ledger) -> None:
        """See `Work.records`."""


def item_key(kind: str, **content: Any) -> str:
    """sha256 of everything that an answer depends on, the versions that make numbers included.

    Args:
        kind: What is computed, e.g. `losses`.
        **content: Fingerprints, token ids, interventions, options: whatever JSON can hold.
    """
    text = json.dumps({"kind": kind, "versions": number_versions(), **content}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def model_content(loaded: LoadedModel) -> dict[str, str | bool | None]:
    """What the key of every item holds of the model."""
    return {
        "weights": loaded.fingerprint,
        "revision": loaded.revision,
        "dtype": str(loaded.dtype),
        "device": loaded.device.type,
        "offloaded": loaded.offloaded,
    }


def chunks(variants: Sequence[Variant], loaded: LoadedModel) -> list[Sequence[Variant]]:
    """At most four variants in plan order; where weights are read from disk, all: they share the reading.

    Without variants there is one empty chunk, for the intact model.
    """
    size = max(1, len(variants)) if loaded.offloaded else VARIANTS_OF_AN_ITEM
    return [variants[start : start + size] for start in range(0, max(1, len(variants)), size)]


def notes_of(answers: Sequence[Answer]) -> list[str]:
    """The sentences of several answers, each once."""
    return list(dict.fromkeys(note for answer in answers for note in answer.notes))
