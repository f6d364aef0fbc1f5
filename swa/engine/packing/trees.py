"""Sequences that begin alike, laid into one row so that what they share is computed once.

A row holds a tree of token ids in depth-first order. Each token sees its ancestors and itself and stands at its depth
(position ids), so every path reads as a sequence of its own. A row without branches is a plain sequence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor


class Layout(Enum):
    """How much sequences may share. Which one a model can run is tried out."""

    SEGMENTS = "segments"
    """All trees of a batch in one row; each piece attends to what it sees and to nothing else."""
    MASKED = "masked"
    """A tree a row; a mask says what each token sees, which costs attention to everything."""
    APART = "apart"
    """A sequence a row, together with those that it continues; the model's own causal mask."""


class TargetedSequence(NamedTuple):
    """Token ids of which the last ones are to be predicted.

    Attributes:
        tokens: Two or more ids; the last one is a target only and does not run.
        n_targets: How many of the last tokens are targets, from 1; the first token never is.
    """

    tokens: tuple[int, ...]
    n_targets: int


@dataclass
class Row:
    """One tree.

    Attributes:
        members: Numbers of the sequences in it.
        tokens: Token ids in depth-first order.
        depths: Depth of each token = its position in every sequence that runs through it.
        starts: For each branch: its first token's place in the row, and the places of its ancestors.
        paths: For each member: the places of its tokens, from the root on.
    """

    members: list[int] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    depths: list[int] = field(default_factory=list)
    starts: list[tuple[int, list[int]]] = field(default_factory=list)
    paths: list[list[int]] = field(default_factory=list)

    @property
    def branches(self) -> bool:
        """Whether it is more than a single sequence."""
        return any(start != len(ancestors) for start, ancestors in self.starts)

    def add(self, member: int, tokens: Sequence[int], n_shared: int) -> None:
        """Add a sequence that shares its first tokens with the one added last."""
        ancestors = self.paths[-1][:n_shared] if self.paths else []
        start = len(self.tokens)
        if n_shared < len(tokens):
            self.starts.append((start, ancestors))
        self.members.append(member)
        self.tokens += tokens[n_shared:]
        self.depths += range(n_shared, len(tokens))
        self.paths.append([*ancestors, *range(start, len(self.tokens))])

    def pieces(self) -> Iterator[tuple[int, int, list[int]]]:
        """Start, stop and ancestors of each run of tokens that have the same ancestors."""
        bounds = [start for start, _ in self.starts] + [len(self.tokens)]
        for (start, stop), (_, ancestors) in zip(pairwise(bounds), self.starts, strict=True):
            yield start, stop, ancestors

    def mask(self) -> Tensor:
        """`(n_tokens, n_tokens)` bool: whether the token of the row sees the one of the column."""
        n_tokens = len(self.tokens)
        seen = torch.zeros(n_tokens, n_tokens, dtype=torch.bool)
        for start, stop, ancestors in self.pieces():
            seen[start:stop, ancestors] = True
            seen[start:stop, start:stop] = torch.ones(stop - start, stop - start, dtype=torch.bool).tril()
        return seen


def pack(sequences: Sequence[TargetedSequence], *, max_tokens: int, layout: Layout) -> list[Row]:
    """Lay sequences into rows, longest rows first.

    Sequences are taken in lexicographic order, where those that begin alike are neighbours.

    Args:
        sequences: What is to be run.
        max_tokens: Longest row; a single sequence may be longer.
        layout: What may share a row.
    """
    rows: list[Row] = []
    order = sorted(range(len(sequences)), key=lambda number: sequences[number].tokens[:-1])
    last: Sequence[int] = ()
    for number in order:
        tokens = sequences[number].tokens[:-1]
        n_shared = _n_shared(last, tokens)
        fits = rows and n_shared > 0 and len(rows[-1].tokens) + len(tokens) - n_shared <= max_tokens
        if not fits or not _joins(layout, n_shared, len(last), len(tokens)):
            rows.append(Row())
            n_shared = 0
        rows[-1].add(number, tokens, n_shared)
        last = tokens
    return sorted(rows, key=lambda row: -len(row.tokens))


def _joins(layout: Layout, n_shared: int, n_before: int, n_tokens: int) -> bool:
    """Whether a sequence joins the one before it, which it shares its first tokens with."""
    if layout is Layout.APART:
        return n_shared == n_before
    # under a mask strangers stay apart: attention costs the square of the row's length
    return layout is Layout.SEGMENTS or 2 * n_shared >= n_tokens


def _n_shared(left: Sequence[int], right: Sequence[int]) -> int:
    n = min(len(left), len(right))
    return next((i for i in range(n) if left[i] != right[i]), n)
