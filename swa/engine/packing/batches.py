"""Batches of trees: their tokens, what each of them sees, and where the targets are read."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from swa.engine.packing.segments import Segment
from swa.engine.packing.trees import Layout, Row, TargetedSequence
from swa.engine.variants.batch import PADDING, TokenBatch


def batch_of(
    rows: Sequence[Row], sequences: Sequence[TargetedSequence], *, layout: Layout, dtype: torch.dtype
) -> TokenBatch:
    """A batch of rows; its reads are the targets of the members, row by row and member by member.

    Args:
        rows: Trees. In segments they follow each other in a single row, else each is a row, padded to the longest.
        sequences: All sequences, for their targets.
        layout: How they share.
        dtype: Type of the masks that are added to attention scores: the model's.
    """
    lengths = [len(row.tokens) for row in rows]
    if layout is Layout.SEGMENTS:
        origins = [(0, sum(lengths[:number])) for number in range(len(rows))]
        shape = (1, sum(lengths))
    else:
        origins = [(number, 0) for number in range(len(rows))]
        shape = (len(rows), max(lengths))
    ids = torch.full(shape, PADDING, dtype=torch.int64)
    depths = torch.zeros(shape, dtype=torch.int64)
    numbers: list[int] = []
    positions: list[int] = []
    targets: list[int] = []
    for row, (number, first) in zip(rows, origins, strict=True):
        ids[number, first : first + len(row.tokens)] = torch.tensor(row.tokens)
        depths[number, first : first + len(row.tokens)] = torch.tensor(row.depths)
        for member, path in zip(row.members, row.paths, strict=True):
            tokens, n_targets = sequences[member]
            numbers += [number] * n_targets
            positions += [first + place for place in path[-n_targets:]]
            targets += tokens[-n_targets:]
    reads = (torch.tensor(numbers), torch.tensor(positions), torch.tensor(targets))
    if layout is Layout.SEGMENTS:
        segments = tuple(
            Segment.after([first + place for place in ancestors], first + start, first + stop, dtype=dtype)
            for row, (_, first) in zip(rows, origins, strict=True)
            for start, stop, ancestors in row.pieces()
        )
        return TokenBatch(ids, *reads, position_ids=depths, segments=segments)
    if not any(row.branches for row in rows):
        return TokenBatch(ids, *reads)
    seen = torch.eye(shape[1], dtype=torch.bool).repeat(len(rows), 1, 1)  # padding sees itself: no row of all −∞
    for number, row in enumerate(rows):
        seen[number, : len(row.tokens), : len(row.tokens)] = row.mask()
    mask = torch.zeros(seen.shape, dtype=dtype).masked_fill_(~seen, torch.finfo(dtype).min)
    return TokenBatch(ids, *reads, attention_mask=mask[:, None], position_ids=depths)


def batches_of(rows: Sequence[Row], *, layout: Layout, max_tokens: int, max_rows: int | None) -> list[list[Row]]:
    """Group rows, longest first, so that a batch stays below `max_tokens` with its padding (or has `max_rows` rows)."""
    batches: list[list[Row]] = []
    for row in rows:
        if batches and _fits(batches[-1], row, layout=layout, max_tokens=max_tokens, max_rows=max_rows):
            batches[-1].append(row)
        else:
            batches.append([row])
    return batches


def _fits(batch: Sequence[Row], row: Row, *, layout: Layout, max_tokens: int, max_rows: int | None) -> bool:
    if max_rows is not None:
        return len(batch) < max_rows
    if layout is Layout.SEGMENTS:
        return sum(len(other.tokens) for other in (*batch, row)) <= max_tokens
    return (len(batch) + 1) * len(batch[0].tokens) <= max_tokens
