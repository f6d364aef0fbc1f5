"""Reducers: what is kept of the logits. They see them chunk by chunk and never hold a whole batch of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from swa.engine.variants.batch import TokenBatch

R = TypeVar("R")


class LogitsChunk(NamedTuple):
    """Logits of some of a batch's reads.

    Attributes:
        start: Number of the first one.
        logits: `(n, vocabulary)`, in the order of the reads.
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
        losses = [token_losses(chunk.logits, targets_of(chunk, batch)) for chunk in chunks]
        rows = batch.rows.cpu()
        nll = torch.zeros(len(batch), dtype=torch.float64).index_add_(0, rows, torch.cat(losses).double().cpu())
        return RowLoss(nll, torch.bincount(rows, minlength=len(batch)))

    def join(self, parts: Sequence[RowLoss]) -> RowLoss:
        """See `Reducer.join`."""
        return RowLoss(torch.cat([part.nll for part in parts]), torch.cat([part.n_targets for part in parts]))


class TargetScores(NamedTuple):
    """What each read says of its target.

    Attributes:
        logp: `(n_reads,)` float32: log p(target), nats.
        greedy: `(n_reads,)` bool: whether the target is the most likely token.
    """

    logp: Tensor
    greedy: Tensor


class TargetReducer:
    """Log-probability of every single target, and whether it is the most likely token."""

    def reduce(self, chunks: Iterable[LogitsChunk], batch: TokenBatch) -> TargetScores:
        """See `Reducer.reduce`."""
        logp, greedy = [], []
        for chunk in chunks:
            targets = targets_of(chunk, batch).to(chunk.logits.device)
            best = Best(*chunk.logits.max(dim=-1))
            greedy.append((best.token == targets).cpu())
            logp.append(-token_losses(chunk.logits, targets, best=best).cpu())
        return TargetScores(torch.cat(logp), torch.cat(greedy))

    def join(self, parts: Sequence[TargetScores]) -> TargetScores:
        """See `Reducer.join`."""
        return TargetScores(torch.cat([part.logp for part in parts]), torch.cat([part.greedy for part in parts]))


def targets_of(chunk: LogitsChunk, batch: TokenBatch) -> Tensor:
    """The targets `(n,)` of a chunk."""
    return batch.targets[chunk.start : chunk.start + len(chunk.logits)]


class Best(NamedTuple):
    """The most likely token of each read.

    Attributes:
        logit: `(n,)` its logit.
        token: `(n,)` its id.
    """

    logit: Tensor
    token: Tensor


def token_losses(logits: Tensor, targets: Tensor, *, best: Best | None = None) -> Tensor:
    """−log p(target) of each position in float32.

    Args:
        logits: `(n, vocabulary)`, any floating type. Float32 ones are overwritten: a second buffer of their size
            would cost as much time as the sum itself.
        targets: `(n,)` token ids.
        best: The largest logits, where they are known already.
    """
    logits = logits.float()
    chosen = logits.gather(-1, targets.to(logits.device)[:, None])[:, 0]
    largest = logits.amax(dim=-1) if best is None else best.logit.float()
    # a row that is infinite all over would give inf − inf, whose exponential is NaN: its loss is NaN too
    return logits.sub_(largest[:, None]).exp_().sum(dim=-1).log_().add_(largest).sub_(chosen)
