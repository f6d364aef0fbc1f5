"""`cascade`: how the removal of each super weight spreads through the layers (docs/methods.md#cascade)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from swa.cascades.options import CascadeOptions
from swa.data.sources import TextSource
from swa.engine.ledger import Ledger, MemoryLedger, Round, finish
from swa.engine.measures.lens import LensSums, LensTarget
from swa.engine.measures.lens_records import cascade_readings
from swa.engine.measures.passes import WindowPass
from swa.engine.measures.text_windows import batched_windows
from swa.engine.variants.interventions import ScaleEntries, Variant
from swa.models.loading.loaded import LoadedModel
from swa.progress import Progress, SilentProgress
from swa.schemas.cascade import CascadeResult
from swa.schemas.detection import SuperWeight
from swa.schemas.run import EffectiveWindows
from swa.text.words import counted


class CascadeRecords(NamedTuple):
    """What a cascade gives.

    Attributes:
        results: One a super weight, in their order.
        notes: Sentences that a reader should know.
    """

    results: list[CascadeResult]
    notes: list[str]


@dataclass(frozen=True)
class CascadeWork:
    """The cascade of some super weights, planned; a `Work`.

    Attributes:
        weights: What is removed, one at a time.
        measured: The pass over the windows, with the removals in their order.
    """

    weights: Sequence[SuperWeight]
    measured: WindowPass

    @property
    def windows(self) -> EffectiveWindows:
        """The windows as they were laid."""
        return self.measured.windows.effective

    @property
    def text(self) -> str:
        """What will run, in words."""
        return f"{counted(len(self.weights), 'super weight')} on {self.measured.windows.text}"

    def rounds(self, ledger: Ledger) -> Iterator[Round]:
        """See `Work.rounds`."""
        del ledger  # there is one round
        yield self.measured.round()

    def records(self, ledger: Ledger) -> CascadeRecords:
        """See `Work.records`."""
        sums = self.measured.sums(ledger)
        loaded, lens = self.measured.loaded, self.measured.lens
        results = [
            _result(loaded, weight, lens[variant].layers, sums.lens[variant.name])
            for weight, variant in zip(self.weights, self.measured.variants, strict=True)
        ]
        return CascadeRecords(results, sums.notes)


def plan_cascade(
    loaded: LoadedModel,
    super_weights: Sequence[SuperWeight],
    text: TextSource,
    *,
    options: CascadeOptions | None = None,
    progress: Progress | None = None,
) -> CascadeWork:
    """Plan what follows the removal of each super weight through the layers.

    Args:
        loaded: The model. Its weights are the same to the bit afterwards.
        super_weights: What is removed, one at a time; one at least.
        text: What the model reads.
        options: The choices.
        progress: Where is told what could not be shared.

    Raises:
        UsageError: A coordinate or a layer is not the model's, or the numbers make no windows.
    """
    options = options or CascadeOptions()
    laid = batched_windows(
        loaded,
        text,
        tokens=options.tokens,
        window_len=options.window_len,
        stride=options.stride,
        drop_first_token=options.drop_first_token,
        batch_size=options.batch_size,
    )
    targets: dict[Variant, LensTarget] = {}
    for weight in super_weights:
        site = loaded.sites.find(weight.coordinate)
        layers = options.layers.of(site.layer, loaded.sites.stacks[site.stack])
        removal = Variant(weight.coordinate, (ScaleEntries(site, weight.row, weight.col),))
        targets[removal] = LensTarget(site.stack, layers, site.layer, weight.row)
    progress = progress or SilentProgress()
    return CascadeWork(
        super_weights, WindowPass(loaded, laid, list(targets), title="Cascade", progress=progress, lens=targets)
    )


def cascade(
    loaded: LoadedModel,
    super_weights: Sequence[SuperWeight],
    text: TextSource,
    *,
    options: CascadeOptions | None = None,
    progress: Progress | None = None,
    notes: list[str] | None = None,
) -> list[CascadeResult]:
    """Follow the removal of each super weight through the layers.

    Args:
        loaded: The model. Its weights are the same to the bit afterwards.
        super_weights: What is removed, one at a time.
        text: What the model reads.
        options: The choices.
        progress: Where the work is reported.
        notes: Sentences that a reader should know are added here.

    Raises:
        UsageError: A coordinate or a layer is not the model's, or the numbers make no windows.
        UnsupportedModelError: The layers of this model do not hand one residual stream on.
    """
    if not super_weights:
        return []
    progress = progress or SilentProgress()
    work = plan_cascade(loaded, super_weights, text, options=options, progress=progress)
    found = finish(work, MemoryLedger(), progress)
    if notes is not None:
        notes += found.notes
    return found.results


def _result(loaded: LoadedModel, weight: SuperWeight, layers: Sequence[int], sums: LensSums) -> CascadeResult:
    readings = cascade_readings(layers, sums)
    return CascadeResult(
        model=loaded.name,
        layer=weight.layer,
        site=weight.site,
        expert=weight.expert,
        row=weight.row,
        col=weight.col,
        module=weight.module,
        coordinate=weight.coordinate,
        cascade=readings.block,
        delta_logit_margin=readings.delta_logit_margin,
        residual_cosine=readings.residual_cosine,
        residual_norm_ratio=readings.residual_norm_ratio,
        h_row_baseline=readings.h_row_baseline,
        h_row_removed=readings.h_row_removed,
    )
