"""`cascade`: how the removal of each super weight spreads through the layers (2-methods 2.7)."""

from __future__ import annotations

from collections.abc import Sequence

from swa.cascades.options import CascadeOptions
from swa.data.sources import TextSource
from swa.engine.measures.lens import LensSums, LensTarget
from swa.engine.measures.lens_records import cascade_readings
from swa.engine.measures.passes import NoPassBook, PassBook, run_pass
from swa.engine.measures.text_windows import TextWindows, text_windows, windows_at_once
from swa.engine.variants.interventions import ScaleEntries, Variant
from swa.models.loading.loaded import LoadedModel
from swa.progress import Progress, SilentProgress
from swa.schemas.cascade import CascadeResult
from swa.schemas.detection import SuperWeight


def cascade(
    loaded: LoadedModel,
    super_weights: Sequence[SuperWeight],
    text: TextSource,
    *,
    options: CascadeOptions | None = None,
    book: PassBook | None = None,
    progress: Progress | None = None,
    notes: list[str] | None = None,
) -> list[CascadeResult]:
    """Follow the removal of each super weight through the layers.

    Args:
        loaded: The model. Its weights are the same to the bit afterwards.
        super_weights: What is removed, one at a time.
        text: What the model reads.
        options: The choices.
        book: Keeps the sums after each batch, so that an interrupted pass goes on.
        progress: Where the work is reported.
        notes: Sentences that a reader should know are added here.

    Raises:
        UsageError: A coordinate or a layer is not the model's, or the numbers make no windows.
        UnsupportedModelError: The layers of this model do not hand one residual stream on.
    """
    options, progress = options or CascadeOptions(), progress or SilentProgress()
    notes = [] if notes is None else notes
    if not super_weights:
        return []
    windows = _windows(loaded, text, options)
    notes += windows.notes
    targets: dict[Variant, LensTarget] = {}
    for weight in super_weights:
        site = loaded.sites.find(weight.coordinate)
        n_layers = loaded.sites.stacks[site.stack]
        layers = options.layers.of(site.layer, n_layers)
        targets[Variant(weight.coordinate, (ScaleEntries(site, weight.row, weight.col),))] = LensTarget(
            site.stack, layers, site.layer, weight.row
        )
    sums = run_pass(
        loaded,
        windows.batches(windows_at_once(loaded, windows, options.batch_size)),
        list(targets),
        shifted=(),
        lens=targets,
        stopword_ids=(),
        book=book or NoPassBook(),
        progress=progress,
        title="Cascade",
        notes=notes,
    )
    return [
        _result(loaded, weight, target.layers, sums.lens[variant.name])
        for weight, (variant, target) in zip(super_weights, targets.items(), strict=True)
    ]


def _windows(loaded: LoadedModel, text: TextSource, options: CascadeOptions) -> TextWindows:
    return text_windows(
        loaded,
        text,
        tokens=options.tokens,
        window_len=options.window_len,
        stride=options.stride,
        drop_first_token=options.drop_first_token,
    )


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
