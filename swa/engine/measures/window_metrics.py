"""Four metrics of the predictions, window by window, and sums over the vocabulary for token shifts.

See docs/methods.md#interventions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from swa.engine.measures.reducers import LogitsChunk, targets_of
from swa.engine.variants.batch import TokenBatch

METRICS = ("loss", "entropy", "topk_margin", "stopword_mass", "logit_margin")
"""Order of the columns of `WindowSums.metrics`."""


class TokenMetrics(NamedTuple):
    """What one model predicts at some positions; every tensor is `(n,)` float32.

    Attributes:
        loss: −log p(target), nats.
        entropy: −Σ p log p, nats.
        topk_margin: Largest minus second largest probability.
        stopword_mass: Probability of the function words.
        logit_margin: Largest minus second largest logit.
    """

    loss: Tensor
    entropy: Tensor
    topk_margin: Tensor
    stopword_mass: Tensor
    logit_margin: Tensor


class WindowSums(NamedTuple):
    """Sums of one batch.

    Attributes:
        metrics: `(n_windows, 5)` float64: sums over a window's targets, in the order of `METRICS`.
        n_targets: `(n_windows,)` int64.
        p: `(vocabulary,)` float64: Σ over all targets of each token's probability.
        logp: `(vocabulary,)` float64: Σ of each token's log-probability, nats.
    """

    metrics: Tensor
    n_targets: Tensor
    p: Tensor
    logp: Tensor


class WindowReducer:
    """Reduces logits to `WindowSums`.

    Args:
        stopword_ids: Ids of function words, ascending; without any their mass is 0.
    """

    def __init__(self, stopword_ids: Sequence[int]) -> None:
        self._stopword_ids = torch.tensor(stopword_ids, dtype=torch.int64)

    def reduce(self, chunks: Iterable[LogitsChunk], batch: TokenBatch) -> WindowSums:
        """See `Reducer.reduce`."""
        rows: list[Tensor] = []
        p_sum = logp_sum = torch.zeros(())
        for chunk in chunks:
            metrics, p, lse, logits = token_metrics(chunk.logits, targets_of(chunk, batch), self._stopword_ids)
            rows.append(torch.stack(metrics, dim=1).double().cpu())
            p_sum = p_sum + p.sum(dim=0).double().cpu()
            logp_sum = logp_sum + (logits.sum(dim=0).double() - lse.double().sum()).cpu()
        of_rows = batch.rows.cpu()
        sums = torch.zeros(len(batch), len(METRICS), dtype=torch.float64).index_add_(0, of_rows, torch.cat(rows))
        return WindowSums(sums, torch.bincount(of_rows, minlength=len(batch)), p_sum, logp_sum)

    def join(self, parts: Sequence[WindowSums]) -> WindowSums:
        """See `Reducer.join`."""
        return WindowSums(
            torch.cat([part.metrics for part in parts]),
            torch.cat([part.n_targets for part in parts]),
            torch.stack([part.p for part in parts]).sum(dim=0),
            torch.stack([part.logp for part in parts]).sum(dim=0),
        )


class Predictions(NamedTuple):
    """Metrics with what they were made of.

    Attributes:
        metrics: By position.
        p: `(n, vocabulary)` float32 probabilities.
        lse: `(n,)` log of the sum of the exponentials of `logits`.
        logits: `(n, vocabulary)` float32, less the largest of each position.
    """

    metrics: TokenMetrics
    p: Tensor
    lse: Tensor
    logits: Tensor


def token_metrics(logits: Tensor, targets: Tensor, stopword_ids: Tensor) -> Predictions:
    """Metrics of each position, all in float32.

    Everything is made of logits less the largest of their position: the sum Σ p·logit then is no larger than the
    entropy itself, and nothing cancels.

    Args:
        logits: `(n, vocabulary)`, any floating type. Float32 ones are overwritten.
        targets: `(n,)` token ids.
        stopword_ids: Ids of function words.
    """
    logits = logits.float()
    best = logits.topk(2, dim=-1).values  # (n, 2)
    below = best[:, 1] - best[:, 0]
    p = logits.sub_(best[:, :1]).exp()
    total = p.sum(dim=-1)
    p /= total[:, None]
    lse = total.log()
    metrics = TokenMetrics(
        loss=lse - logits.gather(-1, targets.to(logits.device)[:, None])[:, 0],
        entropy=lse - (p * logits).sum(dim=-1),  # as a matrix product (einsum) it is off by 0.002 nats
        topk_margin=-below.expm1() / total,
        stopword_mass=p[:, stopword_ids.to(p.device)].sum(dim=-1),
        logit_margin=-below,
    )
    return Predictions(metrics, p, lse, logits)
