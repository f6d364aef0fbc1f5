"""What a pass over windows adds up, and the arrays in which its items keep their shares."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from swa.engine.measures.lens import LensSums, joined_sums
from swa.engine.measures.window_metrics import WindowSums
from swa.engine.variants.plan import Measured
from swa.store.ledger import Answer


def item_arrays(measured: Sequence[Measured[WindowSums]], shifted: Collection[int]) -> dict[str, NDArray[np.generic]]:
    """Everything that one batch gave, as `kind/number`; names of variants change nothing and do not stand in it.

    Args:
        measured: The intact model first, then variants.
        shifted: Numbers of those whose sums over the vocabulary are kept.
    """
    found: dict[str, NDArray[np.generic]] = {"n_targets": measured[0].result.n_targets.numpy()}
    for number, (_, sums, lens) in enumerate(measured):
        found[f"metrics/{number}"] = sums.metrics.numpy()
        if number in shifted:
            found[f"p/{number}"], found[f"logp/{number}"] = sums.p.numpy(), sums.logp.numpy()
        if lens is not None:
            found[f"readings/{number}"], found[f"h_row/{number}"] = lens.readings.numpy(), lens.h_row.numpy()
            found[f"counts/{number}"] = np.array([lens.n_positions, lens.n_windows])
    return found


@dataclass
class PassSums:
    """What a pass has added up.

    Attributes:
        metrics: By variant's name: `(n_windows, 5)` sums over each window's targets.
        n_targets: `(n_windows,)` targets of each window.
        p: By variant's name: `(vocabulary,)` Σ p over all targets; of the variants with token shifts and, where there
            are some, of the intact model.
        logp: The same of log p.
        lens: By variant's name: readings through the lens.
        notes: Sentences that a reader of the numbers should know, each once.
    """

    metrics: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    n_targets: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    p: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    logp: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    lens: dict[str, LensSums] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, answer: Answer, names: Sequence[str | None]) -> None:
        """Add what an item gave.

        Args:
            answer: It holds `item_arrays`.
            names: Name of each model; `None` leaves the intact one out, which an item before brought with its targets.
        """
        arrays: Any = answer.arrays
        self.notes += [note for note in answer.notes if note not in self.notes]
        if names[0] is not None:
            self.n_targets = np.concatenate([self.n_targets, arrays["n_targets"]])
        for number, name in enumerate(names):
            if name is None:
                continue
            rows = arrays[f"metrics/{number}"]
            self.metrics[name] = np.concatenate([self.metrics[name], rows]) if name in self.metrics else rows
            if f"p/{number}" in arrays:
                self.p[name] = self.p.get(name, 0.0) + arrays[f"p/{number}"]
                self.logp[name] = self.logp.get(name, 0.0) + arrays[f"logp/{number}"]
            if f"readings/{number}" in arrays:
                lens = _lens_of(arrays, number)
                self.lens[name] = joined_sums([self.lens[name], lens]) if name in self.lens else lens


def _lens_of(arrays: Any, number: int) -> LensSums:
    n_positions, n_windows = arrays[f"counts/{number}"].tolist()
    readings, h_row = (torch.from_numpy(arrays[f"{kind}/{number}"]) for kind in ("readings", "h_row"))
    return LensSums(readings, n_positions, h_row, n_windows)
