"""Perplexity of the intact model and of every variant on the same texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from swa.engine.packing.scorer import SequenceScorer
from swa.evaluation.book import AnswerBook
from swa.evaluation.impact import TextLosses
from swa.evaluation.texts import ScoredTexts
from swa.evaluation.units import Unit, Work, finish, unit_key
from swa.evaluation.variants import EvaluatedVariant
from swa.progress import Progress

UNIT = "perplexity"


def measure_perplexity(
    scorer: SequenceScorer,
    texts: ScoredTexts,
    variants: Sequence[EvaluatedVariant],
    *,
    book: AnswerBook,
    progress: Progress,
) -> dict[str, TextLosses]:
    """Losses of the texts by name of the variant.

    Args:
        scorer: Runs the texts.
        texts: What to run.
        variants: The intact model and the variants.
        book: Where finished batches are kept.
        progress: Where texts are counted, once for every variant.
    """
    sequences = texts.sequences
    unit: Unit[tuple[float, int]] = Unit(
        UNIT,
        "losses",
        unit_key(scorer.loaded, [(s.tokens, s.n_targets) for s in sequences], batch_size=scorer.batch_size),
        len(sequences),
        book,
    )

    def plan() -> Work[tuple[float, int]]:
        batches = scorer.batches(sequences)

        def answer(number: int, missing: list[EvaluatedVariant]) -> Iterator[list[tuple[float, int]]]:
            n_targets = [sequences[index].n_targets for index in batches[number].indices]
            for scores in scorer.score(batches[number], sequences, [variant.variant for variant in missing]):
                yield [(-score.logp, n) for score, n in zip(scores, n_targets, strict=True)]

        return Work([batch.indices for batch in batches], answer)

    n_keys = len({variant.key for variant in variants})
    with progress.task("Perplexity", len(sequences) * n_keys) as task:
        finish(unit, variants, plan, advance=task.advance)
    return {variant.name: _losses(unit.answers(variant)) for variant in variants}


def _losses(answers: Sequence[tuple[float, int]]) -> TextLosses:
    return TextLosses(
        nll=np.array([nll for nll, _ in answers], dtype=np.float64),
        n_targets=np.array([n_targets for _, n_targets in answers], dtype=np.int64),
    )
