"""What removals cost: which of them count, which is the worst, and how much a metric drops.

A removal is an edit with factor 0. Those of scalars that a confirmation refused (`--all-candidates`) do not count.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pydantic import MISSING

from swa.findings.order import worst
from swa.findings.verdict import refused_among
from swa.schemas.evaluation import AccuracyImpact, ImpactRecord, ModelAnalysis, PerplexityImpact
from swa.stats import log_or_infinity

LOWER_IS_BETTER = frozenset(
    {"perplexity", "word_perplexity", "byte_perplexity", "bits_per_byte", "brier_score", "ter", "wer"}
)
"""Metrics of which less is better, as lm-evaluation-harness registers them; records do not say it."""


class Drop(NamedTuple):
    """How much a metric gets worse, larger is worse, with the ends of its interval where there is one."""

    value: float
    low: float | MISSING
    high: float | MISSING


class TextImpact(NamedTuple):
    """A variant and what it does to perplexity."""

    variant: ImpactRecord
    seen: PerplexityImpact


class TaskImpact(NamedTuple):
    """A variant and what it does to one task."""

    variant: ImpactRecord
    seen: AccuracyImpact


def drop_of(seen: AccuracyImpact) -> Drop:
    """The drop of a metric; records hold baseline − modified, which is a gain where less is better."""
    if seen.metric.split(",")[0] not in LOWER_IS_BETTER:
        return Drop(seen.drop, seen.drop_ci_low, seen.drop_ci_high)
    low, high = seen.drop_ci_low, seen.drop_ci_high
    return Drop(-seen.drop, MISSING if high is MISSING else -high, MISSING if low is MISSING else -low)


def log_ratio_of(seen: PerplexityImpact) -> float:
    """log(modified / baseline), also of records that hold the ratio alone."""
    return log_or_infinity(seen.ratio) if seen.log_ratio is MISSING else seen.log_ratio


def removals(impacts: Iterable[ImpactRecord]) -> list[ImpactRecord]:
    """Those that remove."""
    return [impact for impact in impacts if impact.factor == 0]


def single_removals(analysis: ModelAnalysis) -> list[ImpactRecord]:
    """Removals of one scalar alone that count."""
    weights = [] if analysis.super_weights is MISSING else analysis.super_weights
    refused = refused_among(weights)
    return [impact for impact in removals(analysis.individual) if not refused.intersection(impact.coordinates)]


def on_text(impacts: Iterable[ImpactRecord]) -> list[TextImpact]:
    """What variants do to perplexity, of those that measured it."""
    return [TextImpact(impact, impact.perplexity) for impact in impacts if impact.perplexity is not MISSING]


def worst_ratio(analysis: ModelAnalysis) -> TextImpact | None:
    """The single removal after which perplexity is worst; of several that overflow the one with the largest log."""
    return worst(on_text(single_removals(analysis)), lambda found: log_ratio_of(found.seen))


def whole_ratio(analysis: ModelAnalysis) -> TextImpact | None:
    """What the removal of all together does to perplexity."""
    return next(iter(on_text(removals(analysis.combined))), None)


def on_task(impacts: Iterable[ImpactRecord], task: str) -> list[TaskImpact]:
    """What variants do to a task, of those that measured it."""
    return [
        TaskImpact(impact, impact.accuracy[task])
        for impact in impacts
        if impact.accuracy is not MISSING and task in impact.accuracy
    ]


def worst_drop(analysis: ModelAnalysis, task: str) -> TaskImpact | None:
    """The single removal after which a task's metric is worst."""
    return worst(on_task(single_removals(analysis), task), lambda found: drop_of(found.seen).value)


def whole_drop(analysis: ModelAnalysis, task: str) -> TaskImpact | None:
    """What the removal of all together does to a task."""
    return next(iter(on_task(removals(analysis.combined), task)), None)


def tasks_of(analysis: ModelAnalysis) -> list[str]:
    """The tasks of an evaluation."""
    return [] if analysis.baseline.accuracy is MISSING else list(analysis.baseline.accuracy)
