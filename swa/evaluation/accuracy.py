"""Answers of one requested task under the intact model and every variant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from swa.engine.packing.scorer import SequenceScorer
from swa.engine.packing.trees import TargetedSequence
from swa.evaluation.book import AnswerBook
from swa.evaluation.harness.bridge import Encoder
from swa.evaluation.harness.generation import Generator
from swa.evaluation.harness.scoring import Answer
from swa.evaluation.harness.tasks import RequestedTask
from swa.evaluation.units import Unit, Work, finish, unit_key
from swa.evaluation.variants import EvaluatedVariant
from swa.progress import Progress

_Place = Callable[[Sequence[tuple[float, bool]], Sequence[str]], Answer]
"""Takes a request's answer out of the scores of all sequences and the generated texts."""


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


def answer_task(
    scorer: SequenceScorer,
    encoder: Encoder,
    requested: RequestedTask,
    variants: Sequence[EvaluatedVariant],
    *,
    seed: int,
    book: AnswerBook,
    progress: Progress,
) -> dict[str, list[list[Answer]]]:
    """Answers by name of the variant, then by leaf, in the order of the leaf's requests.

    Args:
        scorer: Scores sequences.
        encoder: Encodes and generates.
        requested: The task.
        variants: The intact model and the variants.
        seed: Seed of tasks that sample.
        book: Where finished batches are kept.
        progress: Where requests are counted, once for every variant.
    """
    encoded = encode(encoder, requested)
    n_keys = len({variant.key for variant in variants})
    n_steps = (len(encoded.sequences) + len(encoded.generations)) * n_keys
    with progress.task(requested.name, n_steps) as task:
        scores = _scores(scorer, requested.name, encoded.sequences, variants, book=book, advance=task.advance)
        texts = _texts(
            scorer,
            encoder,
            requested.name,
            encoded.generations,
            variants,
            seed=seed,
            book=book,
            progress=progress,
            advance=task.advance,
        )
    answers = {}
    for variant in variants:
        given, written = scores.answers(variant), texts.answers(variant)
        answers[variant.name] = [[place(given, written) for place in places] for places in encoded.leaves]
    return answers


def _scores(
    scorer: SequenceScorer,
    name: str,
    sequences: Sequence[TargetedSequence],
    variants: Sequence[EvaluatedVariant],
    *,
    book: AnswerBook,
    advance: Callable[[int], None],
) -> Unit[tuple[float, bool]]:
    key = unit_key(scorer.loaded, [(s.tokens, s.n_targets) for s in sequences], batch_size=scorer.batch_size)
    unit: Unit[tuple[float, bool]] = Unit(name, "loglikelihoods", key, len(sequences), book)

    def plan() -> Work[tuple[float, bool]]:
        batches = scorer.batches(sequences)

        def answer(number: int, missing: list[EvaluatedVariant]) -> Iterator[list[tuple[float, bool]]]:
            for scores in scorer.score(batches[number], sequences, [variant.variant for variant in missing]):
                yield [(score.logp, score.greedy) for score in scores]

        return Work([batch.indices for batch in batches], answer)

    finish(unit, variants, plan, advance=advance)
    return unit


def _texts(
    scorer: SequenceScorer,
    encoder: Encoder,
    name: str,
    requests: Sequence[Any],
    variants: Sequence[EvaluatedVariant],
    *,
    seed: int,
    book: AnswerBook,
    progress: Progress,
    advance: Callable[[int], None],
) -> Unit[str]:
    key = unit_key(scorer.loaded, [list(request.args) for request in requests], batch_size=scorer.batch_size, seed=seed)
    unit: Unit[str] = Unit(name, "generations", key, len(requests), book)

    def plan() -> Work[str]:
        generator = Generator(
            scorer.loaded, encoder, requests, batch_size=scorer.batch_size, seed=seed, progress=progress
        )
        return Work(generator.batches, generator.answer)

    finish(unit, variants, plan, advance=advance)
    return unit
