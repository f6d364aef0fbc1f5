"""The numbers of one compared run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import MISSING

from swa.findings.impact import TextImpact, log_ratio_of, on_text, removals, single_removals, whole_ratio
from swa.findings.severity import perplexity_severity
from swa.findings.statistics import mean_drops
from swa.reports.compare.protocol import protocol_of
from swa.reports.compare.runs import Run
from swa.schemas.coordinate import CoordinateText
from swa.schemas.summaries import ComparedRun, RecurringRow, Removal
from swa.stats import bootstrap_ratio_of_sums, exp_or_infinity, seeded_generator

SEED = 42
"""Of the bootstrap over removals and models: `swa compare` draws nothing else."""


def compared_run(run: Run, label: str, *, counted: bool) -> ComparedRun:
    """The run's part of a comparison.

    Args:
        run: The run.
        label: What it is called.
        counted: Whether the statistics count its model by it.
    """
    removed, source = _removals(run)
    optional: dict[str, Any] = {}
    if removed:
        optional["measured_by"] = source
        optional |= geometric_mean([one.log_ratio for one in removed], name=label)
    if run.detection is not None:
        optional |= {
            "layout": "moe" if run.detection.coverage.n_experts else "dense",
            "norm": run.detection.norm,
            "n_candidates": len(run.detection.super_weights),
            "dtype": run.detection.dtype,
        }
    elif run.headers:
        optional["dtype"] = run.headers[0].dtype
    if run.analysis is not None:
        whole = whole_ratio(run.analysis)
        if whole is not None:
            optional |= {"combined_ratio": whole.seen.ratio, "combined_log_ratio": log_ratio_of(whole.seen)}
        drops = mean_drops(single_removals(run.analysis))
        together = mean_drops(removals(run.analysis.combined))
        optional |= ({"mean_drops": drops} if drops else {}) | ({"combined_drops": together} if together else {})
    revisions = [run.detection.revision] if run.detection else [header.revision for header in run.headers]
    return ComparedRun(
        label=label,
        model=run.model,
        counted=counted,
        sources=[str(path) for path in run.sources],
        revision=revisions[0] if revisions else None,
        family=run.family,
        n_layers=run.n_layers,
        n_super_weights=len(run.super_weights),
        removals=removed,
        recurring_rows=_recurring(run),
        protocol=protocol_of(run),
        **optional,
    )


def geometric_mean(log_ratios: Sequence[float], *, name: str) -> dict[str, float]:
    """Geometric mean of ratios and, of two or more, its bootstrap interval."""
    with np.errstate(invalid="ignore"):
        numbers = {"geometric_mean_ratio": exp_or_infinity(float(np.mean(log_ratios)))}
        if len(log_ratios) > 1:
            generator = seeded_generator(SEED, "compare", name)
            interval = bootstrap_ratio_of_sums(log_ratios, np.ones(len(log_ratios)), generator=generator)
            numbers |= {"ci_2.5": exp_or_infinity(interval.low), "ci_97.5": exp_or_infinity(interval.high)}
    return numbers


def _removals(run: Run) -> tuple[list[Removal], str]:
    """Single removals of the evaluation; without one, the confirmations of the detection."""
    measured = [] if run.analysis is None else on_text(single_removals(run.analysis))
    if measured:
        return [_evaluated(found, run) for found in measured], "evaluation"
    return [
        Removal(
            coordinate=weight.coordinate,
            depth=weight.layer / run.n_layers,
            ratio=weight.confirmation.perplexity_ratio,
            log_ratio=weight.confirmation.delta_loss,
            severity=perplexity_severity(weight.confirmation.perplexity_ratio),
        )
        for weight in run.super_weights
        if weight.confirmation is not MISSING
    ], "confirmation"


def _evaluated(found: TextImpact, run: Run) -> Removal:
    seen, coordinate = found.seen, found.variant.coordinates[0]
    return Removal(
        coordinate=coordinate,
        depth=CoordinateText.parse(coordinate).layer / run.n_layers,
        ratio=seen.ratio,
        log_ratio=log_ratio_of(seen),
        severity=seen.severity,
    )


def _recurring(run: Run) -> list[RecurringRow]:
    layers: dict[int, list[int]] = {}
    for weight in run.super_weights:
        layers.setdefault(weight.row, []).append(weight.layer)
    return [RecurringRow(row=row, layers=sorted(found)) for row, found in sorted(layers.items()) if len(found) > 1]
