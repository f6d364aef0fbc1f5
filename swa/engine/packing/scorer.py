"""Log-likelihoods of many sequences under the intact model and every variant, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch

from swa.engine.measures.reducers import TargetReducer, TargetScores
from swa.engine.packing.batches import batch_of, batches_of
from swa.engine.packing.check import layout_is_exact
from swa.engine.packing.segments import can_attend_by_segments
from swa.engine.packing.trees import Layout, Row, TargetedSequence, pack
from swa.engine.variants.batch import automatic_batch_size
from swa.engine.variants.interventions import BASELINE, Variant
from swa.engine.variants.plan import ForwardPlan, release_memory
from swa.errors import OutOfMemoryError
from swa.models.loading.loaded import LoadedModel
from swa.progress import Progress

LONGEST_TREE = 4096
"""In tokens: longer trees share more."""
LONGEST_MASKED_ON_CPU = 2048
"""Under a mask attention costs the square of a tree's length."""


class SequenceScore(NamedTuple):
    """What a model says of one sequence.

    Attributes:
        logp: Σ log p of its targets, nats, summed in float64.
        greedy: Whether every target is the most likely token.
    """

    logp: float
    greedy: bool


class Batch(NamedTuple):
    """Sequences that run together.

    Attributes:
        rows: The trees they form.
        layout: How these share a batch.
        indices: Numbers of the sequences, in the order of their scores.
    """

    rows: list[Row]
    layout: Layout
    indices: tuple[int, ...]


@dataclass
class SequenceScorer:
    """Scores sequences; what they begin with alike is computed once, layers before an edit too.

    Attributes:
        loaded: The model.
        batch_size: Rows at once; `None`: as many tokens as a tenth of the memory takes.
        progress: Where fallbacks are told.
        notes: Sentences about what could not be shared.
    """

    loaded: LoadedModel
    batch_size: int | None
    progress: Progress
    notes: list[str] = field(default_factory=list)
    _plans: dict[tuple[Variant, ...], ForwardPlan] = field(default_factory=dict)

    def batches(self, sequences: Sequence[TargetedSequence]) -> list[Batch]:
        """Lay sequences out: always the same way for the same sequences, so that an interrupted run can go on."""
        for layout in Layout:
            rows = pack(sequences, max_tokens=self._longest_tree(layout), layout=layout)
            if self._runs(layout, rows, sequences):
                break
        grouped = batches_of(rows, layout=layout, max_tokens=self.token_limit, max_rows=self.batch_size)
        return [Batch(rows, layout, tuple(member for row in rows for member in row.members)) for rows in grouped]

    def _runs(self, layout: Layout, rows: Sequence[Row], sequences: Sequence[TargetedSequence]) -> bool:
        """Whether the model reads these rows as it reads their sequences one by one."""
        if layout is Layout.SEGMENTS:
            return can_attend_by_segments(self.loaded) and layout_is_exact(self.loaded, layout, rows, sequences)
        exact = not any(row.branches for row in rows) or layout_is_exact(self.loaded, layout, rows, sequences)
        if not exact:
            self._note(f"Beginnings cannot be shared in this {type(self.loaded.model).__name__}; they run anew.")
        return exact

    def score(
        self, batch: Batch, sequences: Sequence[TargetedSequence], variants: Sequence[Variant]
    ) -> Iterator[list[SequenceScore]]:
        """Scores of the batch's sequences under each variant in turn (`BASELINE` may be one of them).

        Raises:
            OutOfMemoryError: A single sequence does not fit.
        """
        for scores in self._measure(batch.rows, batch.layout, sequences, tuple(variants)):
            yield _by_sequence(scores, [sequences[index].n_targets for index in batch.indices])

    def _measure(
        self,
        rows: Sequence[Row],
        layout: Layout,
        sequences: Sequence[TargetedSequence],
        variants: tuple[Variant, ...],
    ) -> list[TargetScores]:
        plan = self._plan(tuple(variant for variant in variants if variant is not BASELINE))
        tokens = batch_of(rows, sequences, layout=layout, dtype=self.loaded.dtype)
        try:
            measured = plan.measure(tokens, TargetReducer())
        except OutOfMemoryError:
            members = [member for row in rows for member in row.members]
            if len(members) == 1:
                raise
            release_memory()
            self._note(f"Out of memory with {tokens.input_ids.shape[1]} tokens in a row; rows are halved.")
            half = (len(members) + 1) // 2
            halves = [_apart(some, sequences) for some in (members[:half], members[half:])]
            parts = [self._measure(some, Layout.APART, sequences, variants) for some in halves]
            return [TargetReducer().join(same) for same in zip(*parts, strict=True)]
        self.notes += [sentence for sentence in plan.fallbacks if sentence not in self.notes]
        found = {one.variant: one.result for one in measured}
        return [found[variant] for variant in variants]

    def _plan(self, variants: tuple[Variant, ...]) -> ForwardPlan:
        if variants not in self._plans:
            self._plans[variants] = ForwardPlan(self.loaded, variants, progress=self.progress)
        return self._plans[variants]

    def _longest_tree(self, layout: Layout) -> int:
        masked_on_cpu = layout is Layout.MASKED and self.loaded.device.type == "cpu"
        return LONGEST_MASKED_ON_CPU if masked_on_cpu else LONGEST_TREE

    @property
    def token_limit(self) -> int:
        """Tokens in one forward pass where no number of rows is given."""
        return automatic_batch_size(
            self.loaded.sites,
            n_tokens=1,
            vocabulary=self.loaded.model.get_output_embeddings().weight.shape[0],
            device=self.loaded.device,
        )

    def _note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)
            self.progress.warn(sentence)


def _apart(members: Sequence[int], sequences: Sequence[TargetedSequence]) -> list[Row]:
    """Rows of one sequence each, in the given order."""
    rows = []
    for member in members:
        row = Row()
        row.add(member, sequences[member].tokens[:-1], 0)
        rows.append(row)
    return rows


def _by_sequence(scores: TargetScores, n_targets: Sequence[int]) -> list[SequenceScore]:
    logp = [part.sum().item() for part in torch.split(scores.logp.double(), list(n_targets))]
    greedy = [bool(torch.all(part)) for part in torch.split(scores.greedy, list(n_targets))]
    return [SequenceScore(*pair) for pair in zip(logp, greedy, strict=True)]
