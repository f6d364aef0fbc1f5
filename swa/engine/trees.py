"""Sequences that begin alike, laid into one row so that what they share is computed once.

A row holds a tree of token ids in depth-first order. Each token sees its ancestors and itself (a 4-D mask) and stands
at its depth (position ids), so every path reads as a sequence of its own. A row without branches needs neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from swa.engine.batch import PADDING, TokenBatch


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
    """One row of a batch.

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

    def mask(self) -> Tensor:
        """`(n_tokens, n_tokens)` bool: whether the token of the row sees the one of the column."""
        n_tokens = len(self.tokens)
        seen = torch.zeros(n_tokens, n_tokens, dtype=torch.bool)
        stops = [start for start, _ in self.starts[1:]] + [n_tokens]
        for (start, ancestors), stop in zip(self.starts, stops, strict=True):
            seen[start:stop, ancestors] = True
            seen[start:stop, start:stop] = torch.ones(stop - start, stop - start, dtype=torch.bool).tril()
        return seen


def pack(sequences: Sequence[TargetedSequence], *, max_tokens: int, branching: bool) -> list[Row]:
    """Lay sequences into rows, longest rows first.

    Sequences join a row where they share at least half of their tokens with their neighbour in lexicographic order:
    attention in a row costs the square of its length, so strangers stay apart.

    Args:
        sequences: What is to be run.
        max_tokens: Longest row; a single sequence may be longer.
        branching: Whether rows may be trees. Otherwise a sequence joins only the one that it continues.
    """
    rows: list[Row] = []
    order = sorted(range(len(sequences)), key=lambda number: sequences[number].tokens[:-1])
    last: Sequence[int] = ()
    for number in order:
        tokens = sequences[number].tokens[:-1]
        n_shared = _n_shared(last, tokens)
        joins = n_shared == len(last) if not branching else 2 * n_shared >= len(tokens)
        if not rows or n_shared == 0 or not joins or len(rows[-1].tokens) + len(tokens) - n_shared > max_tokens:
            rows.append(Row())
            n_shared = 0
        rows[-1].add(number, tokens, n_shared)
        last = tokens
    return sorted(rows, key=lambda row: -len(row.tokens))


def _n_shared(left: Sequence[int], right: Sequence[int]) -> int:
    n = min(len(left), len(right))
    return next((i for i in range(n) if left[i] != right[i]), n)


def batch_of(rows: Sequence[Row], sequences: Sequence[TargetedSequence], *, dtype: torch.dtype) -> TokenBatch:
    """A batch of rows; its reads are the targets of the members, row by row and member by member.

    Args:
        rows: Rows, padded to the longest.
        sequences: All sequences, for their targets.
        dtype: Type of the mask that is added to attention scores: the model's.
    """
    n_tokens = max(len(row.tokens) for row in rows)
    ids = torch.full((len(rows), n_tokens), PADDING, dtype=torch.int64)
    numbers: list[int] = []
    positions: list[int] = []
    targets: list[int] = []
    for number, row in enumerate(rows):
        ids[number, : len(row.tokens)] = torch.tensor(row.tokens)
        for member, path in zip(row.members, row.paths, strict=True):
            tokens, n_targets = sequences[member]
            numbers += [number] * n_targets
            positions += path[-n_targets:]
            targets += tokens[-n_targets:]
    reads = (torch.tensor(numbers), torch.tensor(positions), torch.tensor(targets))
    if not any(row.branches for row in rows):
        return TokenBatch(ids, *reads)
    seen = torch.eye(n_tokens, dtype=torch.bool).repeat(len(rows), 1, 1)  # padding sees itself: no row of all −∞
    depths = torch.zeros(len(rows), n_tokens, dtype=torch.int64)
    for number, row in enumerate(rows):
        n = len(row.tokens)
        seen[number, :n, :n] = row.mask()
        depths[number, :n] = torch.tensor(row.depths)
    mask = torch.zeros(seen.shape, dtype=dtype).masked_fill_(~seen, torch.finfo(dtype).min)
    return TokenBatch(ids, *reads, attention_mask=mask[:, None], position_ids=depths)


def batches_of(rows: Sequence[Row], *, max_tokens: int, max_rows: int | None) -> list[list[Row]]:
    """Group rows, longest first, so that a batch of them, padded, stays below `max_tokens` (or has `max_rows` rows)."""
    batches: list[list[Row]] = []
    for row in rows:
        fits = batches and (
            len(batches[-1]) < max_rows
            if max_rows is not None
            else (len(batches[-1]) + 1) * len(batches[-1][0].tokens) <= max_tokens
        )
        if fits:
            batches[-1].append(row)
        else:
            batches.append([row])
    return batches
