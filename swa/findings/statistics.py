"""Numbers of one model, and over models, from what was measured; only removals that count do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from pydantic import MISSING

from swa.findings.impact import (
    drop_of,
    log_ratio_of,
    on_text,
    single_removals,
    whole_ratio,
    worst_ratio,
)
from swa.findings.names import model_name
from swa.findings.verdict import counts
from swa.schemas.coordinate import CoordinateText
from swa.schemas.evaluation import CrossModelStatistics, ImpactRecord, ModelAnalysis, ModelStatistics
from swa.stats import exp_or_infinity


def model_statistics(analysis: ModelAnalysis, *, family: str, n_layers: int) -> ModelStatistics:
    """Numbers of one model; what was not measured is absent.

    Super weights that a confirmation refused (`--all-candidates`) are not counted. Those without a confirmation
    (`--super-weights`, `--no-confirm`) are: there the user says what a super weight is.

    Args:
        analysis: What was measured.
        family: The model's type in transformers.
        n_layers: Layers of the model.
    """
    layers = _layers(analysis)
    optional: dict[str, Any] = {}
    for name, found in (("largest", worst_ratio(analysis)), ("combined", whole_ratio(analysis))):
        if found is not None:
            optional |= {f"{name}_ratio": found.seen.ratio, f"{name}_log_ratio": log_ratio_of(found.seen)}
    drops = mean_drops(single_removals(analysis))
    if drops:
        optional["mean_drops"] = drops
    return ModelStatistics(
        model=model_name(analysis),
        family=family,
        n_super_weights=len(layers),
        depths=[layer / n_layers for layer in layers],
        **optional,
    )


def cross_model_statistics(
    models: Sequence[ModelStatistics], analyses: Sequence[ModelAnalysis]
) -> CrossModelStatistics:
    """Numbers over models, those without super weights included; what was not measured is absent.

    A removal whose ratio is NaN makes the mean NaN: left out, it would make the rest look like all of them.

    Args:
        models: Numbers of each model, in the order of the run.
        analyses: What was measured, in the same order.
    """
    removed = [impact for analysis in analyses for impact in single_removals(analysis)]
    log_ratios = [log_ratio_of(found.seen) for found in on_text(removed)]
    optional: dict[str, Any] = {}
    with np.errstate(invalid="ignore"):
        if log_ratios:
            mean = float(np.mean(log_ratios))
            optional |= {"mean_log_ratio": mean, "geometric_mean_ratio": exp_or_infinity(mean)}
        if len(log_ratios) > 1:
            optional["log_ratio_std"] = float(np.std(log_ratios, ddof=1))
    drops = mean_drops(removed)
    if drops:
        optional["mean_drops"] = drops
    return CrossModelStatistics(
        n_models=len(models),
        n_with_super_weights=sum(model.n_super_weights > 0 for model in models),
        models=list(models),
        **optional,
    )


def mean_drops(impacts: Iterable[ImpactRecord]) -> dict[str, float]:
    """Mean drop by task over the variants that measured it."""
    drops: dict[str, list[float]] = {}
    for impact in impacts:
        for task, seen in (impact.accuracy if impact.accuracy is not MISSING else {}).items():
            drops.setdefault(task, []).append(drop_of(seen).value)
    with np.errstate(invalid="ignore"):
        return {task: float(np.mean(values)) for task, values in drops.items()}


def _layers(analysis: ModelAnalysis) -> list[int]:
    """Layer of each super weight that counts; of records without them, of the coordinates that were removed."""
    if analysis.super_weights is not MISSING:
        return [weight.layer for weight in analysis.super_weights if counts(weight)]
    removed = dict.fromkeys(text for impact in single_removals(analysis) for text in impact.coordinates)
    return [CoordinateText.parse(text).layer for text in removed]
