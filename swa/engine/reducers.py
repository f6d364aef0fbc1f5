"""Reducers: what is kept of the logits. They see them chunk by chunk and never hold a whole batch of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from swa.engine.batch import TokenBatch

R = TypeVar("R")


class LogitsChunk(NamedTuple):
    """Logits of a range of positions.

    Attributes:
        start: First position.
        logits: `(batch, n_positions, vocabulary)`; the entry at `i` predicts the token at `start + i + 1`.
    """

    start: int
    logits: Tensor


class Reducer(Protocol[R]):
    """Turns the logits of a batch into a small result, and joins the results of parts of a batch."""

    def reduce(self, chunks: Iterable[LogitsChunk], batch: TokenBatch) -> R:
        """Consume the logits of one batch."""
        ...

    def join(self, parts: Sequence[R]) -> R:
        """Put the results of consecutive rows together."""
        ...


class RowLoss(NamedTuple):
    """Summed loss of each row.

    Attributes:
        nll: `(n_rows,)` float64: −Σ log p(target) over the row's scored targets, nats.
        n_targets: `(n_rows,)` int64.
    """

    nll: Tensor
    n_targets: Tensor


class LossReducer:
    """Negative log-likelihood of the scored targets of each row, summed in float64."""

    def reduce(self, chunks: Iterable[LogitsChunk], batch: TokenBatch) -> RowLoss:
        """See `Reducer.reduce`."""
        nll = torch.zeros(len(batch), dtype=torch.float64)
        for chunk in chunks:
            n_positions = min(chunk.logits.shape[1], batch.input_ids.shape[1] - 1 - chunk.start)
            if n_positions < 1:
                continue
            targets = batch.input_ids[:, chunk.start + 1 : chunk.start + 1 + n_positions]
            scored = batch.scored[:, chunk.start + 1 : chunk.start + 1 + n_positions]
            for row in range(len(batch)):  # one row at a time: the float32 copy stays small
                losses = token_losses(chunk.logits[row, :n_positions], targets[row])
                nll[row] += losses[scored[row].to(losses.device)].double().sum().cpu()
        return RowLoss(nll, batch.scored[:, 1:].sum(dim=1).cpu())

    def join(self, parts: Sequence[RowLoss]) -> RowLoss:
        """See `Reducer.join`."""
        return RowLoss(torch.cat([part.nll for part in parts]), torch.cat([part.n_targets for part in parts]))


def token_losses(logits: Tensor, targets: Tensor) -> Tensor:
    """−log p(target) of each position in float32.

    Args:
        logits: `(n, vocabulary)`, any floating type.
        targets: `(n,)` token ids.
    """
    logits = logits.float()
    chosen = logits.gather(-1, targets.to(logits.device)[:, None])[:, 0]
    return logits.logsumexp(dim=-1) - chosen
