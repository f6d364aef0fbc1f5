"""Does a model read trees as it reads their sequences one by one? Asked once for every set of sequences."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from swa.engine.measures.reducers import targets_of, token_losses
from swa.engine.packing.batches import batch_of
from swa.engine.packing.trees import Layout, Row, TargetedSequence
from swa.engine.variants.batch import TokenBatch
from swa.engine.variants.readout import ReadOut
from swa.engine.variants.selfcheck import MISSING_STATE
from swa.models.loading.loaded import LoadedModel

_TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-8}
_LOW_PRECISION = 0.05
"""Nats a target: rounding of half precision gives about a tenth of it, a wrong mask far more."""

_N_STRANGER = 4
"""Tokens of a tree that the compared one must not see."""


def layout_is_exact(
    loaded: LoadedModel, layout: Layout, rows: Sequence[Row], sequences: Sequence[TargetedSequence]
) -> bool:
    """Compare log-probabilities in trees with those of plain forwards.

    The longest sequence of all is compared, with a twig and behind another tree: a window that slides over depths shows
    there, and so does one tree that sees another. Under a mask the longest tree is compared too, at its deepest path
    and at its end, where a window that slides over places instead of depths shows.

    Args:
        loaded: The model.
        layout: How rows share.
        rows: Trees, longest first.
        sequences: What their members are.
    """
    longest = max(sequences, key=lambda sequence: len(sequence.tokens), default=None)
    if longest is None:
        return True
    strange = TargetedSequence(longest.tokens[:_N_STRANGER], 1)
    stranger, twigs = Row(), Row()
    stranger.add(0, strange.tokens[:-1], 0)
    twigs.add(1, longest.tokens[:-1], 0)
    twigs.add(1, longest.tokens[:-1], len(longest.tokens) - 2)  # its last token once more, as a branch
    if not _agree(loaded, layout, [stranger, twigs], [strange, longest], {2}):
        return False
    tree = rows[0]
    deepest = max(range(len(tree.members)), key=lambda number: len(tree.paths[number]))
    return layout is Layout.SEGMENTS or _agree(loaded, layout, [tree], sequences, {deepest, len(tree.members) - 1})


def _agree(
    loaded: LoadedModel,
    layout: Layout,
    rows: Sequence[Row],
    sequences: Sequence[TargetedSequence],
    numbers: set[int],
) -> bool:
    """Whether the paths of these members, by their place in the rows, give what they give alone."""
    members = [sequences[member] for row in rows for member in row.members]
    with torch.no_grad():
        try:
            shared = _losses(loaded, batch_of(rows, sequences, layout=layout, dtype=loaded.dtype))
        except (*MISSING_STATE, NotImplementedError):
            return False
        parts = torch.split(shared, [member.n_targets for member in members])
        for number in numbers:
            tokens, n_targets = members[number]
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
