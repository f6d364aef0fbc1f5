"""One pass over the windows for the intact model and every intervention, with sums that can be kept and taken up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from swa.engine.measures.lens import LensReader, LensSums, LensTarget, joined_sums
from swa.engine.measures.window_metrics import WindowReducer, WindowSums
from swa.engine.variants.batch import TokenBatch
from swa.engine.variants.interventions import BASELINE, Variant
from swa.engine.variants.plan import ForwardPlan, Measured
from swa.models.loading.loaded import LoadedModel
from swa.progress import Progress

Arrays = Mapping[str, NDArray[np.generic]]


class PassBook(Protocol):
    """Keeps the sums of a pass while it runs."""

    def load(self) -> Arrays | None:
        """What was kept last, `None` for a new pass."""
        ...

    def save(self, arrays: Arrays) -> None:
        """Keep this instead."""


class NoPassBook:
    """The default of the Python API: nothing is kept."""

    def load(self) -> Arrays | None:
        """See `PassBook.load`."""
        return None

    def save(self, arrays: Arrays) -> None:
        """See `PassBook.save`."""


@dataclass
class PassSums:
    """What a pass has added up.

    Attributes:
        n_batches: Batches that are in it.
        metrics: By variant's name: `(n_windows, 5)` sums over each window's targets.
        n_targets: `(n_windows,)` targets of each window.
        p: By variant's name: `(vocabulary,)` Σ p over all targets; of the intact model and of removals.
        logp: The same of log p.
        lens: By variant's name: readings through the lens.
    """

    n_batches: int = 0
    metrics: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    n_targets: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    p: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    logp: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    lens: dict[str, LensSums] = field(default_factory=dict)

    def add(self, measured: Sequence[Measured[WindowSums]], *, shifted: set[str]) -> None:
        """Add a batch.

        Args:
            measured: The intact model first, then the variants.
            shifted: Names of the variants whose token shifts are wanted.
        """
        self.n_batches += 1
        self.n_targets = np.concatenate([self.n_targets, measured[0].result.n_targets.numpy()])
        for one in measured:
            name, sums = one.variant.name, one.result
            before = self.metrics.get(name)
            rows = sums.metrics.numpy()
            self.metrics[name] = rows if before is None else np.concatenate([before, rows])
            if name in shifted:
                self.p[name] = self.p.get(name, 0.0) + sums.p.numpy()
                self.logp[name] = self.logp.get(name, 0.0) + sums.logp.numpy()
            if one.seen is not None:
                before_lens = self.lens.get(name)
                self.lens[name] = one.seen if before_lens is None else joined_sums([before_lens, one.seen])

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Everything as named arrays."""
        found: dict[str, NDArray[np.generic]] = {"n_batches": np.array(self.n_batches), "n_targets": self.n_targets}
        for kind, values in (("metrics", self.metrics), ("p", self.p), ("logp", self.logp)):
            found |= {f"{kind}/{name}": array for name, array in values.items()}
        for name, lens in self.lens.items():
            found[f"readings/{name}"] = lens.readings.numpy()
            found[f"h_row/{name}"] = lens.h_row.numpy()
            found[f"counts/{name}"] = np.array([lens.n_positions, lens.n_windows])
        return found

    @classmethod
    def of(cls, arrays: Arrays) -> PassSums:
        """Read `arrays` back."""
        by_kind: dict[str, dict[str, NDArray]] = {}  # type: ignore[type-arg]
        for key, array in arrays.items():
            kind, _, name = key.partition("/")
            by_kind.setdefault(kind, {})[name] = array
        lens = {
            name: LensSums(
                torch.from_numpy(readings),
                int(by_kind["counts"][name][0]),
                torch.from_numpy(by_kind["h_row"][name]),
                int(by_kind["counts"][name][1]),
            )
            for name, readings in by_kind.get("readings", {}).items()
        }
        return cls(
            int(by_kind["n_batches"][""]),
            by_kind.get("metrics", {}),
            by_kind["n_targets"][""],
            by_kind.get("p", {}),
            by_kind.get("logp", {}),
            lens,
        )


def run_pass(
    loaded: LoadedModel,
    batches: Sequence[TokenBatch],
    variants: Sequence[Variant],
    *,
    shifted: Sequence[Variant],
    lens: Mapping[Variant, LensTarget],
    stopword_ids: Sequence[int],
    book: PassBook,
    progress: Progress,
    title: str,
    notes: list[str],
) -> PassSums:
    """Run every batch once for the intact model and each variant.

    Args:
        loaded: The model.
        batches: The windows.
        variants: The interventions.
        shifted: Variants whose token shifts are wanted.
        lens: What is read through the lens of which variant.
        stopword_ids: Ids of function words, ascending; without any their mass is 0.
        book: Keeps the sums after each batch.
        progress: Where runs are counted.
        title: What they are called there.
        notes: Sentences about what could not be shared are added here.
    """
    kept = book.load()
    sums = PassSums() if kept is None else PassSums.of(kept)
    plan = ForwardPlan(loaded, list(variants), progress=progress)
    reader = LensReader(loaded, lens) if lens else None
    names = {BASELINE.name, *(variant.name for variant in shifted)}
    with progress.task(title, len(batches) * (len(variants) + 1)) as task:
        task.advance(sums.n_batches * (len(variants) + 1))
        for batch in batches[sums.n_batches :]:
            measured = plan.measure(batch, WindowReducer(stopword_ids), reader=reader, advance=task.advance)
            sums.add(measured, shifted=names)
            book.save(sums.arrays())
    notes += [sentence for sentence in plan.fallbacks if sentence not in notes]
    return sums
