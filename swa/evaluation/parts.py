"""Items of an evaluation: a batch of requests under a chunk of variants, and how their answers are put together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from swa.engine.ledger import Item, Ledger, notes_of
from swa.engine.variants.interventions import Variant
from swa.evaluation.variants import Chunk, content_of
from swa.store.ledger import Answer

Advance = Callable[[], None]


class Part(NamedTuple):
    """Some requests under some variants.

    Attributes:
        item: What is computed.
        indices: Numbers of the requests, in the order of their answers.
        chunk: The variants, in the order of their answers.
    """

    item: Item
    indices: Sequence[int]
    chunk: Chunk

    @classmethod
    def of(cls, key: str, indices: Sequence[int], chunk: Chunk, compute: Callable[[Advance], Answer]) -> Part:
        """A part of which each request under each variant is a step."""
        return cls(Item(key, len(indices) * len(chunk), compute), indices, chunk)


class Answers(NamedTuple):
    """All answers to a set of requests.

    Attributes:
        by_content: By what a variant does (`content_of`): the answers in the order of the requests.
        notes: Sentences about how they came about.
    """

    by_content: dict[str, list[Any]]
    notes: list[str]

    def under(self, variant: Variant) -> list[Any]:
        """The answers under a variant; none where there are no requests."""
        return self.by_content.get(content_of(variant), [])


def answer_of(answers: Sequence[Sequence[Any]], *, notes: Sequence[str] = ()) -> Answer:
    """What a ledger keeps of a part: for each variant, one answer a request."""
    return Answer({"answers": [list(values) for values in answers]}, notes=tuple(notes))


def collect(parts: Sequence[Part], ledger: Ledger) -> Answers:
    """Put the answers of all parts together."""
    found: dict[str, dict[int, Any]] = {}
    kept = [ledger.get(part.item.key) for part in parts]
    for part, answer in zip(parts, kept, strict=True):
        rows: Any = answer.values["answers"]
        for variant, values in zip(part.chunk, rows, strict=True):
            found.setdefault(content_of(variant), {}).update(zip(part.indices, values, strict=True))
    in_order = {content: [answers[number] for number in sorted(answers)] for content, answers in found.items()}
    return Answers(in_order, notes_of(kept))


def digest(content: Any) -> str:
    """sha256 of requests, for the keys of items: a batch is hashed once and named in every one of them."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
