"""Sequences scored under every variant, in items: texts of a perplexity, and answers that tasks let the model rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from swa.engine.ledger import Ledger, item_key, model_content
from swa.engine.packing.scorer import Batch, SequenceScore, SequenceScorer
from swa.engine.packing.trees import Layout, TargetedSequence
from swa.evaluation.parts import Advance, Answers, Part, answer_of, collect, digest
from swa.evaluation.variants import Chunk
from swa.store.ledger import Answer


@dataclass
class ScoredSequences:
    """A set of sequences, and the chunks of variants that they are scored under.

    Which layout the model can run is tried out by forward passes. So this is kept too, beside the items: a run that
    goes on has the same batches, and nothing to try.

    Attributes:
        scorer: Runs them.
        sequences: What is scored.
        chunks: The intact model and the variants.
    """

    scorer: SequenceScorer
    sequences: Sequence[TargetedSequence]
    chunks: Sequence[Chunk]
    _parts: list[Part] | None = field(init=False, default=None)

    def parts(self, ledger: Ledger) -> list[Part]:
        """The items: batch after batch, because the intact model of a batch is kept for its next chunk."""
        if self._parts is None:
            self._parts = self._laid_out(ledger) if self.sequences else []
        return self._parts

    def answers(self, ledger: Ledger) -> Answers:
        """A `SequenceScore` for each sequence, by variant."""
        found = collect(self.parts(ledger), ledger)
        scores = {content: [SequenceScore(*one) for one in answers] for content, answers in found.by_content.items()}
        return Answers(scores, found.notes)

    def _laid_out(self, ledger: Ledger) -> list[Part]:
        layout = self._layout(ledger)
        batches = self.scorer.batches(self.sequences, Layout(layout.values["layout"]))
        return [part for batch in batches for part in self._parts_of(batch, layout.notes)]

    def _layout(self, ledger: Ledger) -> Answer:
        """Which layout it is, tried out where no run did so before."""
        key = item_key("layout", model=model_content(self.scorer.loaded), sequences=digest(self.sequences))
        if not ledger.has(key):
            layout, notes = self.scorer.layout(self.sequences)
            ledger.put(key, Answer({"layout": layout.value}, notes=notes))
        return ledger.get(key)

    def _parts_of(self, batch: Batch, notes_of_layout: tuple[str, ...]) -> list[Part]:
        rows = digest([[self.sequences[member] for member in row.members] for row in batch.rows])

        def part(chunk: Chunk) -> Part:
            def compute(advance: Advance) -> Answer:
                scores, notes = self.scorer.score(batch, self.sequences, chunk)
                for _ in range(len(batch.indices) * len(chunk)):
                    advance()
                return answer_of(scores, notes=(*notes_of_layout, *notes))

            key = item_key(
                "scores",
                model=model_content(self.scorer.loaded),
                layout=batch.layout.value,
                rows=rows,
                batch_size=self.scorer.batch_size,
                variants=[variant.content for variant in chunk],
            )
            return Part.of(key, batch.indices, chunk, compute)

        return [part(chunk) for chunk in self.chunks]
