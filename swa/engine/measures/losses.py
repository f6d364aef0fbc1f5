"""Losses of the windows under the intact model and under removals, window by window."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from swa.engine.ledger import Ledger, Round, Rounds
from swa.engine.measures.reducers import LossReducer, RowLoss
from swa.engine.variants.batch import TokenBatch
from swa.engine.variants.interventions import ScaleEntries, Variant
from swa.engine.variants.items import VariantItems
from swa.engine.variants.plan import ForwardPlan, Measured
from swa.engine.variants.readout import ReadOut
from swa.engine.variants.selfcheck import Checked
from swa.models.loading.loaded import LoadedModel
from swa.progress import Progress
from swa.stats import Interval, bootstrap_ratio_of_sums, seeded_generator
from swa.store.ledger import Answer


@dataclass
class WindowLosses:
    """Losses of the intact model and of one removal on the same windows.

    Attributes:
        baseline: Intact.
        removed: With the edits.
    """

    baseline: RowLoss
    removed: RowLoss

    @property
    def delta(self) -> float:
        """Loss with the edits minus loss of the intact model, nats per scored token."""
        return float((self.removed.nll - self.baseline.nll).sum() / self.baseline.n_targets.sum())

    @property
    def ratio(self) -> float:
        """Perplexity ratio."""
        return math.exp(self.delta) if self.delta < 700 else math.inf

    def interval(self, seed: int, name: str) -> Interval:
        """Paired bootstrap over windows."""
        return bootstrap_ratio_of_sums(
            (self.removed.nll - self.baseline.nll).tolist(),
            self.baseline.n_targets.tolist(),
            generator=seeded_generator(seed, name),
        )

    def followed_by(self, other: WindowLosses) -> WindowLosses:
        """The same comparison on further windows."""
        join = LossReducer().join
        return WindowLosses(join([self.baseline, other.baseline]), join([self.removed, other.removed]))


@dataclass
class LossMeter:
    """Measures removals on windows.

    Attributes:
        loaded: The model.
        batch_size: Windows at once.
        n_prefix: Special tokens in front of each window.
        progress: Where fallbacks are told.
        ledger: Where answers are kept.
    """

    loaded: LoadedModel
    batch_size: int
    n_prefix: int
    progress: Progress
    ledger: Ledger
    _checked: Checked = field(init=False)

    def __post_init__(self) -> None:
        """Nothing is known about the model yet; all measurements share what they find out."""
        self._checked = Checked(ReadOut(self.loaded))

    def measure(
        self, removals: Sequence[tuple[ScaleEntries, ...]], windows: Tensor, *, title: str
    ) -> Rounds[list[WindowLosses]]:
        """Remove each set of scalars alone: one round, and the losses by removal.

        Args:
            removals: What is removed together; without any there is no round.
            windows: Token ids `(n_windows, seq)`.
            title: What to call it in the progress display.
        """
        if not removals:
            return []
        variants = [Variant(str(i), edits) for i, edits in enumerate(removals)]
        batches = TokenBatch.all_scored(windows, n_prefix=self.n_prefix).split(self.batch_size)
        measured = VariantItems("losses", self.loaded, batches, variants)
        plan = partial(ForwardPlan, self.loaded, variants, progress=self.progress, known=self._checked)
        yield Round(title, measured.items(cache(plan), LossReducer(), loss_answer))
        intact, *removed = window_losses(measured.answers(self.ledger))
        return [WindowLosses(intact, one) for one in removed]


def loss_answer(measured: Sequence[Measured[RowLoss]]) -> Answer:
    """The losses of the intact model and of a chunk of variants, as an answer."""
    return Answer(arrays=loss_arrays([one.result for one in measured]))


def loss_arrays(losses: Sequence[RowLoss]) -> dict[str, NDArray[Any]]:
    """`nll` `(1 + n_variants, n_rows)`, the intact model first, and `n_targets` `(n_rows,)`."""
    return {"nll": torch.stack([one.nll for one in losses]).numpy(), "n_targets": losses[0].n_targets.numpy()}


def window_losses(answers: Sequence[Sequence[Answer]]) -> list[RowLoss]:
    """Losses on all rows of all batches: of the intact model, then of each variant.

    Args:
        answers: By batch and chunk of variants; of each chunk `nll` and `n_targets` as in `loss_arrays`.
    """
    nll = by_variant(answers, "nll")
    n_targets = torch.from_numpy(np.concatenate([chunk.arrays["n_targets"] for chunk, *_ in answers]))
    return [RowLoss(torch.from_numpy(rows), n_targets) for rows in nll]


def by_variant(answers: Sequence[Sequence[Answer]], name: str) -> NDArray[Any]:
    """An array `(1 + n_variants, n_rows)` over all chunks and batches: the intact model once, then every variant.

    Args:
        answers: By batch and chunk of variants; each holds the intact model and its chunk.
        name: The array's.
    """
    rows = [
        np.concatenate([first.arrays[name], *(chunk.arrays[name][1:] for chunk in others)])
        for first, *others in answers
    ]
    return np.concatenate(rows, axis=1)
