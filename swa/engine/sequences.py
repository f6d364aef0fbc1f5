"""Log-likelihoods of many sequences under the intact model and every variant, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch

from swa.engine.batch import automatic_batch_size
from swa.engine.edits import BASELINE, Variant
from swa.engine.plan import ForwardPlan, release_memory
from swa.engine.reducers import TargetReducer, TargetScores
from swa.engine.treecheck import tree_is_exact
from swa.engine.trees import Row, TargetedSequence, batch_of, batches_of, pack
from swa.errors import OutOfMemoryError
from swa.models.loaded import LoadedModel
from swa.progress import Progress

ROW_ON_CPU, ROW_ELSEWHERE = 2048, 4096
"""Longest tree in tokens: longer ones share more, but attention costs the square of their length."""


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
        rows: How they are laid out.
        indices: Numbers of the sequences, in the order of their scores.
    """

    rows: list[Row]
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
        rows = pack(sequences, max_tokens=self._row_limit(), branching=True)
        longest = max(sequences, key=lambda sequence: len(sequence.tokens), default=None)
        if longest is not None and any(row.branches for row in rows):
            tree = next(row for row in rows if row.branches)  # the longest one
            if not tree_is_exact(self.loaded, tree, sequences, longest=longest):
                self._note(f"Beginnings cannot be shared in this {type(self.loaded.model).__name__}; they run anew.")
                rows = pack(sequences, max_tokens=self._row_limit(), branching=False)
        grouped = batches_of(rows, max_tokens=self.token_limit, max_rows=self.batch_size)
        return [Batch(rows, tuple(member for row in rows for member in row.members)) for rows in grouped]

    def score(
        self, batch: Batch, sequences: Sequence[TargetedSequence], variants: Sequence[Variant]
    ) -> Iterator[list[SequenceScore]]:
        """Scores of the batch's sequences under each variant in turn (`BASELINE` may be one of them).

        Raises:
            OutOfMemoryError: A single sequence does not fit.
        """
        for scores in self._measure(batch.rows, sequences, tuple(variants)):
            yield _by_sequence(scores, [sequences[index].n_targets for index in batch.indices])

    def _measure(
        self, rows: Sequence[Row], sequences: Sequence[TargetedSequence], variants: tuple[Variant, ...]
    ) -> list[TargetScores]:
        plan = self._plan(tuple(variant for variant in variants if variant is not BASELINE))
        tokens = batch_of(rows, sequences, dtype=self.loaded.dtype)
        try:
            measured = plan.measure(tokens, TargetReducer(), baseline=BASELINE in variants)
        except OutOfMemoryError:
            members = [member for row in rows for member in row.members]
            if len(members) == 1:
                raise
            release_memory()
            self._note(f"Out of memory with {tokens.input_ids.shape[1]} tokens in a row; rows are halved.")
            half = (len(members) + 1) // 2
            parts = [self._measure(_apart(some, sequences), sequences, variants) for some in _halves(members, half)]
            return [TargetReducer().join(same) for same in zip(*parts, strict=True)]
        self.notes += [sentence for sentence in plan.fallbacks if sentence not in self.notes]
        found = {one.variant: one.result for one in measured}
        return [found[variant] for variant in variants]

    def _plan(self, variants: tuple[Variant, ...]) -> ForwardPlan:
        if variants not in self._plans:
            self._plans[variants] = ForwardPlan(self.loaded, variants, progress=self.progress)
        return self._plans[variants]

    def _row_limit(self) -> int:
        return ROW_ON_CPU if self.loaded.device.type == "cpu" else ROW_ELSEWHERE

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


def _halves(members: list[int], half: int) -> list[list[int]]:
    return [members[:half], members[half:]]


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
