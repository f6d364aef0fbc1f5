"""Losses of the windows under the intact model and under removals, window by window."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor

from swa.engine.measures.reducers import LossReducer, RowLoss
from swa.engine.variants.batch import TokenBatch
from swa.engine.variants.interventions import ScaleEntries, Variant
from swa.engine.variants.plan import ForwardPlan
from swa.engine.variants.readout import ReadOut
from swa.engine.variants.selfcheck import Checked
from swa.models.loading.loaded import LoadedModel
from swa.progress import Progress
from swa.stats import Interval, bootstrap_ratio_of_sums, seeded_generator


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
        progress: Where the passes are counted.
        notes: Sentences about layers that could not be shared.
    """

    loaded: LoadedModel
    batch_size: int
    n_prefix: int
    progress: Progress
    notes: list[str]
    _checked: Checked = field(init=False)

    def __post_init__(self) -> None:
        """Nothing is known about the model yet; all measurements share what they find out."""
        self._checked = Checked(ReadOut(self.loaded))

    def measure(
        self, removals: Sequence[tuple[ScaleEntries, ...]], windows: Tensor, *, description: str
    ) -> list[WindowLosses]:
        """Remove each set of scalars alone.

        Args:
            removals: What is removed together.
            windows: Token ids `(n_windows, seq)`.
            description: What to call it in the progress display.
        """
        plan = ForwardPlan(
            self.loaded,
            [Variant(str(i), edits) for i, edits in enumerate(removals)],
            progress=self.progress,
            known=self._checked,
        )
        reducer = LossReducer()
        batches = TokenBatch.all_scored(windows, n_prefix=self.n_prefix).split(self.batch_size)
        with self.progress.task(description, len(batches) * (len(removals) + 1)) as task:
            parts = [plan.measure(batch, reducer, advance=task.advance) for batch in batches]
        self.notes += [sentence for sentence in plan.fallbacks if sentence not in self.notes]
        joined = [reducer.join([measured.result for measured in same]) for same in zip(*parts, strict=True)]
        return [WindowLosses(joined[0], removed) for removed in joined[1:]]
