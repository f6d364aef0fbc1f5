"""Perplexity of the intact model and of every variant on the same texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from pydantic import MISSING

from swa.data.sources import TextSource
from swa.engine.ledger import Item, Ledger
from swa.engine.packing.scorer import SequenceScorer
from swa.evaluation.impact import TextLosses
from swa.evaluation.options import EvaluateOptions
from swa.evaluation.sequences import ScoredSequences
from swa.evaluation.texts import ScoredTexts, scored_texts
from swa.evaluation.variants import INTACT, Chunk, EvaluatedVariant
from swa.schemas.evaluation import BaselinePerplexity


class MeasuredTexts(NamedTuple):
    """The texts of the perplexity under all variants.

    Attributes:
        source: Where they come from.
        texts: How they were cut.
        losses: By name of the variant.
        notes: Sentences about the texts, and about how they were scored.
    """

    source: TextSource
    texts: ScoredTexts
    losses: dict[str, TextLosses]
    notes: list[str]

    def baseline(self) -> BaselinePerplexity:
        """The intact model."""
        intact = self.losses[INTACT.name]
        return BaselinePerplexity(
            value=intact.perplexity,
            n_texts=len(intact.nll),
            n_tokens=int(intact.n_targets.sum()),
            protocol=self.texts.protocol,
            dataset_fingerprint=self.source.fingerprint,
            bos=self.texts.bos,
            n_truncated=self.texts.n_truncated if self.texts.protocol == "paragraphs" else MISSING,
        )


class AskedTexts:
    """Texts that are scored under every variant.

    Args:
        scorer: Scores sequences.
        source: Where the texts come from.
        options: How they are cut.
        chunks: The intact model and the variants.

    Raises:
        UsageError: Nothing in the text can be scored.
    """

    def __init__(
        self, scorer: SequenceScorer, source: TextSource, options: EvaluateOptions, chunks: Sequence[Chunk]
    ) -> None:
        self._source = source
        self._texts = scored_texts(scorer.loaded, source, options)
        self._scored = ScoredSequences(scorer, self._texts.sequences, chunks)
        for sentence in self._texts.notes:
            scorer.progress.warn(sentence)

    def items(self, ledger: Ledger) -> list[Item]:
        """All items."""
        return [part.item for part in self._scored.parts(ledger)]

    def measured(self, ledger: Ledger, variants: Sequence[EvaluatedVariant]) -> MeasuredTexts:
        """The losses of the variants, once all items are there."""
        scores = self._scored.answers(ledger)
        n_targets = np.array([sequence.n_targets for sequence in self._texts.sequences], dtype=np.int64)
        losses = {}
        for variant in variants:
            nll = [-score.logp for score in scores.under(variant.variant)]
            losses[variant.name] = TextLosses(np.array(nll, dtype=np.float64), n_targets)
        return MeasuredTexts(self._source, self._texts, losses, [*self._texts.notes, *scores.notes])
