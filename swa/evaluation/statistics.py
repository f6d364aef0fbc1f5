"""Numbers of one model, and over models, from what was measured; only removals (factor 0) count."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from pydantic import MISSING

from swa.schemas.coordinate import CoordinateText
from swa.schemas.detection import SuperWeight
from swa.schemas.evaluation import (
    CrossModelStatistics,
    ImpactRecord,
    ModelAnalysis,
    ModelStatistics,
    PerplexityImpact,
)
from swa.stats import exp_or_infinity


def name_of(analysis: ModelAnalysis) -> str:
    """The model as it was named, also for records that do not name it."""
    return "unnamed model" if analysis.model is MISSING else analysis.model


def log_ratio_of(impact: PerplexityImpact) -> float:
    """log(modified / baseline), also of records that hold the ratio alone."""
    if impact.log_ratio is not MISSING:
        return impact.log_ratio
    with np.errstate(divide="ignore"):
        return float(np.log(impact.ratio))


def largest_of(impacts: Sequence[PerplexityImpact]) -> PerplexityImpact:
    """The one with the largest ratio; NaN only where all are."""
    numbers = [impact for impact in impacts if not math.isnan(impact.ratio)]
    return max(numbers or impacts, key=log_ratio_of)


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
    single = _perplexities(analysis.individual)
    if single:
        largest = largest_of(single)
        optional |= {"largest_ratio": largest.ratio, "largest_log_ratio": log_ratio_of(largest)}
    together = _perplexities(analysis.combined)
    if together:
        optional |= {"combined_ratio": together[0].ratio, "combined_log_ratio": log_ratio_of(together[0])}
    drops = _mean_drops(analysis.individual)
    if drops:
        optional["mean_drops"] = drops
    return ModelStatistics(
        model=name_of(analysis),
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
    removals = [impact for analysis in analyses for impact in analysis.individual]
    log_ratios = [log_ratio_of(perplexity) for perplexity in _perplexities(removals)]
    optional: dict[str, Any] = {}
    with np.errstate(invalid="ignore"):
        if log_ratios:
            mean = float(np.mean(log_ratios))
            optional |= {"mean_log_ratio": mean, "geometric_mean_ratio": exp_or_infinity(mean)}
        if len(log_ratios) > 1:
            optional["log_ratio_std"] = float(np.std(log_ratios, ddof=1))
    drops = _mean_drops(removals)
    if drops:
        optional["mean_drops"] = drops
    return CrossModelStatistics(
        n_models=len(models),
        n_with_super_weights=sum(model.n_super_weights > 0 for model in models),
        models=list(models),
        **optional,
    )


def _layers(analysis: ModelAnalysis) -> list[int]:
    """Layer of each super weight that counts; of records without them, of the coordinates that were removed."""
    if analysis.super_weights is not MISSING:
        return [weight.layer for weight in analysis.super_weights if _counts(weight)]
    removed = dict.fromkeys(text for impact in _removals(analysis.individual) for text in impact.coordinates)
    return [CoordinateText.parse(text).layer for text in removed]


def _counts(weight: SuperWeight) -> bool:
    return weight.confirmation is MISSING or weight.confirmation.confirmed


def _removals(impacts: Iterable[ImpactRecord]) -> list[ImpactRecord]:
    return [impact for impact in impacts if impact.factor == 0]


def _perplexities(impacts: Iterable[ImpactRecord]) -> list[PerplexityImpact]:
    return [impact.perplexity for impact in _removals(impacts) if impact.perplexity is not MISSING]


def _mean_drops(impacts: Iterable[ImpactRecord]) -> dict[str, float]:
    """Mean drop by task over the removals that measured it."""
    drops: dict[str, list[float]] = {}
    for impact in _removals(impacts):
        for task, accuracy in (impact.accuracy if impact.accuracy is not MISSING else {}).items():
            drops.setdefault(task, []).append(accuracy.drop)
    with np.errstate(invalid="ignore"):
        return {task: float(np.mean(values)) for task, values in drops.items()}
