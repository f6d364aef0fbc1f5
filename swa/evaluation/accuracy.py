"""Answers of one requested task under the intact model and every variant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from swa.engine.ledger import Item, Ledger
from swa.engine.packing.scorer import SequenceScorer
from swa.engine.packing.trees import TargetedSequence
from swa.evaluation.harness.bridge import Encoder
from swa.evaluation.harness.generation import Generator
from swa.evaluation.harness.scoring import Answer
from swa.evaluation.harness.tasks import RequestedTask
from swa.evaluation.parts import Part, collect
from swa.evaluation.sequences import ScoredSequences
from swa.evaluation.variants import Chunk, EvaluatedVariant

_Place = Callable[[Sequence[tuple[float, bool]], Sequence[str]], Answer]
"""Takes a request's answer out of the scores of all sequences and the generated texts."""


class AnsweredTask(NamedTuple):
    """What the models said.

    Attributes:
        by_name: By name of the variant, then by leaf, in the order of the leaf's requests.
        notes: Sentences about how the answers came about.
    """

    by_name: dict[str, list[list[Answer]]]
    notes: list[str]


@dataclass
class EncodedTask:
    """The requests of a task as they reach the model.

    Attributes:
        sequences: Everything that is scored, of all requests.
        generations: The requests that are generated.
        leaves: For each of the task's leaves, in the order of its requests: where each answer comes from.
    """

    sequences: list[TargetedSequence] = field(default_factory=list)
    generations: list[Any] = field(default_factory=list)
    leaves: list[list[_Place]] = field(default_factory=list)


def encode(encoder: Encoder, requested: RequestedTask) -> EncodedTask:
    """Encode the requests of a task as lm-eval does."""
    encoded = EncodedTask()
    for leaf in requested.leaves:
        encoded.leaves.append([_encode(encoder, request, encoded) for request in leaf.requests])
    return encoded


def _encode(encoder: Encoder, request: Any, encoded: EncodedTask) -> _Place:
    first = len(encoded.sequences)
    if request.request_type == "generate_until":
        number = len(encoded.generations)
        encoded.generations.append(request)
        return lambda _scores, texts: texts[number]
    if request.request_type == "loglikelihood_rolling":
        encoded.sequences += encoder.loglikelihood_rolling([request])[0]
        last = len(encoded.sequences)
        return lambda scores, _texts: float(sum(logp for logp, _ in scores[first:last]))
    encoded.sequences += encoder.loglikelihood([request], disable_tqdm=True)
    return lambda scores, _texts: scores[first]


class AskedTask:
    """A task whose requests are answered under every variant.

    Args:
        scorer: Scores sequences.
        encoder: Encodes and generates.
        requested: The task.
        chunks: The intact model and the variants.
        seed: Seed of tasks that sample.

    Raises:
        UsageError: It asks for more tokens than the model's context holds.
    """

    def __init__(
        self,
        scorer: SequenceScorer,
        encoder: Encoder,
        requested: RequestedTask,
        chunks: Sequence[Chunk],
        *,
        seed: int,
    ) -> None:
        self.requested = requested
        encoded = encode(encoder, requested)
        self._leaves = encoded.leaves
        self._scored = ScoredSequences(scorer, encoded.sequences, chunks)
        self._generated: list[Part] = []
        if encoded.generations:
            generator = Generator(
                scorer.loaded,
                encoder,
                encoded.generations,
                batch_size=scorer.batch_size,
                seed=seed,
                progress=scorer.progress,
            )
            self._generated = generator.parts(chunks)

    def items(self, ledger: Ledger) -> list[Item]:
        """All items: first what is scored, then what is generated."""
        return [part.item for part in (*self._scored.parts(ledger), *self._generated)]

    def answers(self, ledger: Ledger, variants: Sequence[EvaluatedVariant]) -> AnsweredTask:
        """The answers of the variants, once all items are there."""
        scores, texts = self._scored.answers(ledger), collect(self._generated, ledger)
        by_name = {}
        for variant in variants:
            given, written = scores.under(variant.variant), texts.under(variant.variant)
            by_name[variant.name] = [[place(given, written) for place in places] for places in self._leaves]
        return AnsweredTask(by_name, [*scores.notes, *texts.notes])
