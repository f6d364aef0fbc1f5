"""Does a model read a tree as it reads its sequences one by one? Asked once for every set of sequences."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from swa.engine.batch import TokenBatch
from swa.engine.readout import ReadOut
from swa.engine.reducers import targets_of, token_losses
from swa.engine.selfcheck import MISSING_STATE
from swa.engine.trees import Row, TargetedSequence, batch_of
from swa.models.loaded import LoadedModel

_TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-8}
_LOW_PRECISION = 0.05
"""Nats a target: rounding of half precision gives about a tenth of it, a wrong mask far more."""


def tree_is_exact(
    loaded: LoadedModel, row: Row, sequences: Sequence[TargetedSequence], *, longest: TargetedSequence
) -> bool:
    """Compare log-probabilities in a tree with those of plain forwards.

    Three paths are compared: the longest in the tree and the one at its end, where a window that slides over places
    instead of depths would show, and the longest sequence of all with a twig, where one that slides over depths shows.

    Args:
        loaded: The model.
        row: The longest tree.
        sequences: What the tree's members are.
        longest: The longest of all sequences.
    """
    deepest = max(range(len(row.members)), key=lambda number: len(row.paths[number]))
    twigs = Row()
    twigs.add(0, longest.tokens[:-1], 0)
    twigs.add(1, longest.tokens[:-1], len(longest.tokens) - 2)  # its last token once more, as a branch
    return _agree(loaded, row, sequences, {deepest, len(row.members) - 1}) and _agree(
        loaded, twigs, [longest, longest], {1}
    )


def _agree(loaded: LoadedModel, row: Row, sequences: Sequence[TargetedSequence], numbers: set[int]) -> bool:
    """Whether the paths of these members, by their place in the row, give what they give alone."""
    with torch.no_grad():
        try:
            tree = _losses(loaded, batch_of([row], sequences, dtype=loaded.dtype))
        except (*MISSING_STATE, NotImplementedError):
            return False
        parts = torch.split(tree, [sequences[member].n_targets for member in row.members])
        for number in numbers:
            tokens, n_targets = sequences[row.members[number]]
            alone = _losses(loaded, TokenBatch.of_sequences([tokens], score_from=[len(tokens) - n_targets]))
            # written so that NaN disagrees
            if not (alone - parts[number]).abs().max() <= _TOLERANCE.get(loaded.dtype, _LOW_PRECISION):
                return False
    return True


def _losses(loaded: LoadedModel, batch: TokenBatch) -> Tensor:
    """−log p of each read, in float32."""
    batch = batch.to(loaded.device)
    readout = ReadOut(loaded)
    readout.check(batch)
    return torch.cat([token_losses(chunk.logits, targets_of(chunk, batch)).cpu() for chunk in readout.read(batch)])
