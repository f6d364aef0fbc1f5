"""Log-likelihoods of many sequences under the intact model and every variant, batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch

from swa.engine.measures.reducers import TargetReducer, TargetScores
from swa.engine.packing.batches import batch_of, batches_of
from swa.engine.packing.check import layout_is_exact
from swa.engine.packing.segments import can_attend_by_segments
from swa.engine.packing.trees import Layout, Row, TargetedSequence, pack
from swa.engine.variants.batch import TokenBatch, automatic_batch_size
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


class ChosenLayout(NamedTuple):
    """How a set of sequences is laid out.

    Attributes:
        layout: The one that shares most and that the model reads right.
        notes: Sentences about what could not be shared.
    """

    layout: Layout
    notes: tuple[str, ...]


class Scored(NamedTuple):
    """A batch under some variants.

    Attributes:
        scores: For each variant: one score a sequence of the batch.
        notes: Sentences about what could not be shared.
    """

    scores: list[list[SequenceScore]]
    notes: tuple[str, ...]


@dataclass
class SequenceScorer:
    """Scores sequences; what they begin with alike is computed once, layers before an edit too.

    Attributes:
        loaded: The model.
        variants: What sequences may be scored under, beside the intact model.
        batch_size: Rows at once; `None`: as many tokens as a tenth of the memory takes.
        progress: Where fallbacks are told, each once.
    """

    loaded: LoadedModel
    variants: Sequence[Variant]
    batch_size: int | None
    progress: Progress
    _plan: ForwardPlan = field(init=False)
    _reducer: TargetReducer = field(init=False, default_factory=TargetReducer)
    _tokens: tuple[Batch, TokenBatch] | None = field(init=False, default=None)
    _said: set[str] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        """Plan the forward passes."""
        self._plan = ForwardPlan(self.loaded, self.variants, progress=self.progress)

    def layout(self, sequences: Sequence[TargetedSequence]) -> ChosenLayout:
        """Try out how these sequences can share a row."""
        notes: list[str] = []
        for layout in (Layout.SEGMENTS, Layout.MASKED):
            if self._runs(layout, self._rows(sequences, layout), sequences, notes):
                return ChosenLayout(layout, tuple(notes))
        return ChosenLayout(Layout.APART, tuple(notes))

    def batches(self, sequences: Sequence[TargetedSequence], layout: Layout) -> list[Batch]:
        """Lay sequences out: always the same way for the same sequences, so that an interrupted run can go on."""
        rows = self._rows(sequences, layout)
        grouped = batches_of(rows, layout=layout, max_tokens=self.token_limit, max_rows=self.batch_size)
        return [Batch(rows, layout, tuple(member for row in rows for member in row.members)) for rows in grouped]

    def score(self, batch: Batch, sequences: Sequence[TargetedSequence], variants: Sequence[Variant]) -> Scored:
        """Scores of the batch's sequences under some variants (`BASELINE` may be one of them).

        The intact model runs once for consecutive calls with the same batch object.

        Raises:
            OutOfMemoryError: A single sequence does not fit.
        """
        notes: list[str] = []
        n_targets = [sequences[index].n_targets for index in batch.indices]
        measured = self._measure(batch, sequences, variants, notes)
        return Scored(
            [_by_sequence(scores, n_targets) for scores in measured],
            tuple(dict.fromkeys([*notes, *self._plan.fallbacks])),
        )

    def forget(self) -> None:
        """Give back what is kept of the last batch."""
        self._tokens = None
        self._plan.forget()

    def _runs(
        self, layout: Layout, rows: Sequence[Row], sequences: Sequence[TargetedSequence], notes: list[str]
    ) -> bool:
        """Whether the model reads these rows as it reads their sequences one by one."""
        if layout is Layout.SEGMENTS:
            return can_attend_by_segments(self.loaded) and layout_is_exact(self.loaded, layout, rows, sequences)
        exact = not any(row.branches for row in rows) or layout_is_exact(self.loaded, layout, rows, sequences)
        if not exact:
            self._note(f"Beginnings cannot be shared in this {type(self.loaded.model).__name__}; they run anew.", notes)
        return exact

    def _measure(
        self,
        batch: Batch,
        sequences: Sequence[TargetedSequence],
        variants: Sequence[Variant],
        notes: list[str],
    ) -> list[TargetScores]:
        edited = [variant for variant in variants if variant is not BASELINE]
        tokens = self._tokens_of(batch, sequences)
        try:
            measured = self._plan.measure(tokens, self._reducer, variants=edited)
        except OutOfMemoryError:
            if len(batch.indices) == 1:
                raise
            self.forget()
            release_memory()
            self._note(f"Out of memory with {tokens.input_ids.shape[1]} tokens in a row; rows are halved.", notes)
            half = (len(batch.indices) + 1) // 2
            halves = [_apart(some, sequences) for some in (batch.indices[:half], batch.indices[half:])]
            parts = [self._measure(some, sequences, variants, notes) for some in halves]
            return [self._reducer.join(same) for same in zip(*parts, strict=True)]
        found = {one.variant: one.result for one in measured}
        return [found[variant] for variant in variants]

    def _tokens_of(self, batch: Batch, sequences: Sequence[TargetedSequence]) -> TokenBatch:
        """The batch as the plan takes it: the same object for the same batch, by which the plan knows it."""
        if self._tokens is None or self._tokens[0] is not batch:
            made = batch_of(batch.rows, sequences, layout=batch.layout, dtype=self.loaded.dtype)
            self._tokens = batch, made
        return self._tokens[1]

    def _rows(self, sequences: Sequence[TargetedSequence], layout: Layout) -> list[Row]:
        return pack(sequences, max_tokens=self._longest_tree(layout), layout=layout)

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

    def _note(self, sentence: str, notes: list[str]) -> None:
        notes.append(sentence)
        if sentence not in self._said:
            self._said.add(sentence)
            self.progress.warn(sentence)


def _apart(members: Sequence[int], sequences: Sequence[TargetedSequence]) -> Batch:
    """Rows of one sequence each, in the given order."""
    rows = []
    for member in members:
        row = Row()
        row.add(member, sequences[member].tokens[:-1], 0)
        rows.append(row)
    return Batch(rows, Layout.APART, tuple(members))


def _by_sequence(scores: TargetScores, n_targets: Sequence[int]) -> list[SequenceScore]:
    logp = [part.sum().item() for part in torch.split(scores.logp.double(), list(n_targets))]
    greedy = [bool(torch.all(part)) for part in torch.split(scores.greedy, list(n_targets))]
    return [SequenceScore(*pair) for pair in zip(logp, greedy, strict=True)]
