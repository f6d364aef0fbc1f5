"""Finished answers are looked up, missing ones computed batch by batch and kept at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from pydantic import MISSING

from swa.evaluation.book import AnswerBook
from swa.evaluation.variants import EvaluatedVariant
from swa.models.loading.loaded import LoadedModel
from swa.schemas.answers import UnitAnswers

A = TypeVar("A")
Kind = Literal["losses", "loglikelihoods", "generations"]


@dataclass
class Unit(Generic[A]):
    """One task, or the perplexity, under all variants.

    Attributes:
        name: What it is called in files and bars.
        kind: What an answer is.
        key: What its answers depend on, beside the variant.
        n_requests: Number of requests.
        book: Where finished answers are kept.
    """

    name: str
    kind: Kind
    key: str
    n_requests: int
    book: AnswerBook
    _known: dict[str, dict[int, A]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read what is finished."""
        for line in self.book.lines(self.name, self.key):
            answers = getattr(line, self.kind)
            if answers is not MISSING:
                for variant, values in answers.items():
                    self._known.setdefault(variant, {}).update(zip(line.indices, values, strict=True))

    def missing(self, indices: Sequence[int], variants: Sequence[EvaluatedVariant]) -> list[EvaluatedVariant]:
        """The variants, one of each key, that lack an answer to one of the requests."""
        by_key = {variant.key: variant for variant in reversed(variants)}
        lacking = {key for key in by_key if any(index not in self._known.get(key, {}) for index in indices)}
        return [variant for variant in variants if variant.key in lacking and by_key[variant.key] is variant]

    def keep(self, indices: Sequence[int], answers: Mapping[str, Sequence[A]]) -> None:
        """Keep the answers of a batch, by variant key."""
        for variant, values in answers.items():
            self._known.setdefault(variant, {}).update(zip(indices, values, strict=True))
        line: dict[str, Any] = {"unit": self.name, "key": self.key, "indices": list(indices)}
        line[self.kind] = {variant: list(values) for variant, values in answers.items()}
        self.book.append(UnitAnswers.model_validate(line))

    def answers(self, variant: EvaluatedVariant) -> list[A]:
        """All answers under a variant, in the order of the requests."""
        known = self._known.get(variant.key, {})
        return [known[index] for index in range(self.n_requests)]


def unit_key(loaded: LoadedModel, requests: Any, **choices: Any) -> str:
    """sha256 over everything that an answer depends on beside the variant.

    Args:
        loaded: The model: weights, revision, type and device of the computation.
        requests: The requests as they reach the model: token ids, or texts with their stop rules.
        **choices: Options that change numbers.
    """
    content = {
        "weights": loaded.fingerprint,
        "revision": loaded.revision,
        "dtype": str(loaded.dtype),
        "device": loaded.device.type,
        "offloaded": loaded.offloaded,
        "requests": requests,
        **choices,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


class Work(NamedTuple, Generic[A]):
    """How a unit is answered.

    Attributes:
        batches: Numbers of the requests of each batch; always the same for the same requests.
        answer: From the number of a batch and the variants that lack it to the answers of each of them.
    """

    batches: Sequence[Sequence[int]]
    answer: Callable[[int, list[EvaluatedVariant]], Iterator[Sequence[A]]]


def finish(
    unit: Unit[A],
    variants: Sequence[EvaluatedVariant],
    plan: Callable[[], Work[A]],
    *,
    advance: Callable[[int], None],
) -> None:
    """Answer every batch under every variant that lacks it, and keep each batch when it is done.

    Args:
        unit: What to answer.
        variants: All variants, the intact model among them.
        plan: Makes the batches; not called where everything is answered already.
        advance: Called with the number of (request, variant) pairs that are done, also those that were found.
    """
    keys = len({variant.key for variant in variants})
    if not unit.missing(range(unit.n_requests), variants):
        advance(unit.n_requests * keys)
        return
    work = plan()
    for number, indices in enumerate(work.batches):
        missing = unit.missing(indices, variants)
        if missing:
            answers = work.answer(number, missing)
            unit.keep(indices, {v.key: list(values) for v, values in zip(missing, answers, strict=True)})
        advance(len(indices) * keys)
