"""From runs to the record of their comparison."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import MISSING

from swa.errors import UsageError
from swa.findings.order import worst
from swa.findings.statistics import cross_model_statistics, model_statistics
from swa.reports.compare.agreement import agreements, differing_settings
from swa.reports.compare.numbers import SEED, compared_run, geometric_mean
from swa.reports.compare.protocol import mismatches, written
from swa.reports.compare.runs import Run
from swa.schemas.evaluation import CrossModelStatistics, ModelStatistics
from swa.schemas.summaries import ComparedRun, Comparison, FamilyPattern
from swa.stats import bootstrap_ratio_of_sums, exp_or_infinity, seeded_generator


def comparison_of(runs: Sequence[Run], *, allow_mismatch: bool = False) -> Comparison:
    """The comparison of runs.

    Args:
        runs: At least one.
        allow_mismatch: Whether runs of different protocols are compared nevertheless; the differences are recorded.

    Raises:
        UsageError: The protocols differ and that is not allowed.
    """
    found = mismatches(runs)
    if found and not allow_mismatch:
        raise UsageError(
            f"The runs were not measured alike: {'. '.join(found)}.",
            hint="Compare runs of one protocol, or accept the differences with --allow-mismatch.",
        )
    newest = _newest_of_each_model(runs)
    compared = [
        compared_run(run, label, counted=index in newest)
        for index, (run, label) in enumerate(zip(runs, labels_of(runs), strict=True))
    ]
    chosen = [compared[index] for index in newest]
    return Comparison(
        sources=list(dict.fromkeys(str(path) for run in runs for path in run.sources)),
        statistics=_statistics([runs[index] for index in newest]),
        agreements=agreements(runs),
        mismatches=found,
        runs=compared,
        families=_families(chosen),
        **_interval(chosen),
    )


def labels_of(runs: Sequence[Run]) -> list[str]:
    """The model; of several runs of it with what tells them apart, else with their place."""
    labels = []
    for run in runs:
        same = [other for other in runs if other.model == run.model]
        settings = differing_settings(same)
        place = next(index for index, other in enumerate(same) if other is run)
        told = ", ".join(
            f"{name.replace('_', ' ')} {written(values[place])}"
            for name, values in settings.items()
            if values[place] is not None and any(value not in (None, values[place]) for value in values)
        )
        told = told or _apart(run, same) or f"run {place + 1}"
        labels.append(run.model if len(same) == 1 else f"{run.model} ({told})")
    return [label if labels.count(label) == 1 else f"{label} [{index + 1}]" for index, label in enumerate(labels)]


def _apart(run: Run, same: Sequence[Run]) -> str:
    """What tells a run apart that has no settings to tell."""
    alone = run.detection is None and sum(other.detection is None for other in same) == 1
    return "super weights named" if alone else ""


def statistics_of_runs(comparison: Comparison) -> CrossModelStatistics:
    """Numbers of every run under its label, for figures with one row a run."""
    assert comparison.runs is not MISSING, "`compare` puts them in"
    rows = [_labelled(run) for run in comparison.runs]
    return comparison.statistics.model_copy(update={"models": rows})


def _labelled(run: ComparedRun) -> ModelStatistics:
    optional: dict[str, Any] = {}
    largest = worst(run.removals, lambda one: one.log_ratio)
    if largest is not None and run.measured_by == "evaluation":
        optional |= {"largest_ratio": largest.ratio, "largest_log_ratio": largest.log_ratio}
    if run.combined_ratio is not MISSING:
        optional |= {"combined_ratio": run.combined_ratio, "combined_log_ratio": run.combined_log_ratio}
    if run.mean_drops is not MISSING:
        optional["mean_drops"] = run.mean_drops
    return ModelStatistics(
        model=run.label,
        family=run.family,
        n_super_weights=run.n_super_weights,
        depths=[one.depth for one in run.removals],
        **optional,
    )


def _newest_of_each_model(runs: Sequence[Run]) -> list[int]:
    """Of each model the run that began last, one with an evaluation where there is one."""
    chosen: dict[str, int] = {}
    for index, run in enumerate(runs):
        best = chosen.setdefault(run.model, index)
        if (run.analysis is not None, run.started) > (runs[best].analysis is not None, runs[best].started):
            chosen[run.model] = index
    return list(chosen.values())


def _statistics(runs: Sequence[Run]) -> CrossModelStatistics:
    models = [
        _measured(run).model_copy(
            update={
                "model": run.model,
                "n_super_weights": len(run.super_weights),
                "depths": [weight.layer / run.n_layers for weight in run.super_weights],
            }
        )
        for run in runs
    ]
    return cross_model_statistics(models, [run.analysis for run in runs if run.analysis is not None])


def _measured(run: Run) -> ModelStatistics:
    """What the run's evaluation measured, if it has one."""
    if run.analysis is None:
        return ModelStatistics(model=run.model, family=run.family, n_super_weights=0, depths=[])
    return model_statistics(run.analysis, family=run.family, n_layers=run.n_layers)


def _evaluated(runs: Sequence[ComparedRun]) -> list[ComparedRun]:
    return [run for run in runs if run.removals and run.measured_by == "evaluation"]


def _interval(runs: Sequence[ComparedRun]) -> dict[str, Any]:
    """Interval of the geometric mean over all removals, with models drawn anew: removals of one are alike."""
    measured = _evaluated(runs)
    if len(measured) < 2:
        return {}
    with np.errstate(invalid="ignore"):
        sums = [float(np.sum([one.log_ratio for one in run.removals])) for run in measured]
    counts = [len(run.removals) for run in measured]
    interval = bootstrap_ratio_of_sums(sums, counts, generator=seeded_generator(SEED, "compare", "models"))
    return {"ratio_ci_2.5": exp_or_infinity(interval.low), "ratio_ci_97.5": exp_or_infinity(interval.high)}


def _families(runs: Sequence[ComparedRun]) -> list[FamilyPattern]:
    groups: dict[tuple[str, object, object], list[ComparedRun]] = {}
    for run in runs:
        groups.setdefault((run.family, run.norm, run.layout), []).append(run)
    return [_family(found) for found in groups.values()]


def _family(runs: Sequence[ComparedRun]) -> FamilyPattern:
    depths = [one.depth for run in runs for one in run.removals]
    logs = [one.log_ratio for run in _evaluated(runs) for one in run.removals]
    optional: dict[str, Any] = {"median_depth": float(np.median(depths))} if depths else {}
    if logs:
        optional["geometric_mean_ratio"] = geometric_mean(logs, name=runs[0].family)["geometric_mean_ratio"]
    return FamilyPattern(
        family=runs[0].family,
        layout=runs[0].layout,
        norm=runs[0].norm,
        models=[run.model for run in runs],
        mean_super_weights=float(np.mean([run.n_super_weights for run in runs])),
        n_with_recurring_rows=sum(bool(run.recurring_rows) for run in runs),
        **optional,
    )
