"""The intact model against each variant: perplexity on top, the drop of every task's accuracy below."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import MISSING

from swa.findings.impact import drop_of, log_ratio_of
from swa.findings.names import model_name
from swa.reports.plots.bars import LEAST_DROP, Bar, draw_bars, or_nan
from swa.reports.plots.panels import heading, stacked
from swa.reports.plots.severity import INTACT, SEVERITY_COLOURS, UNRATED, severity_legend
from swa.reports.plots.style import figure_style, plain, wrapped
from swa.schemas.evaluation import (
    AccuracyImpact,
    BaselineAccuracy,
    BaselinePerplexity,
    ImpactRecord,
    ModelAnalysis,
    PerplexityImpact,
    Severity,
)
from swa.text import numbers
from swa.text.words import NOT_SIGNIFICANT, task_title

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOG_FROM = 10.0
"""Ratio from which on perplexity has a logarithmic scale."""


def draw(analysis: ModelAnalysis) -> Figure:
    """Draw every variant of one model, coloured by severity, with paired 95 % intervals.

    Bars of perplexity begin at 0, on a logarithmic scale at 1, the least that perplexity can be. What was not
    measured has no panel.
    """
    variants = [*analysis.individual, *analysis.combined]
    labels = _labels(analysis)
    perplexity = analysis.baseline.perplexity
    tasks = {} if analysis.baseline.accuracy is MISSING or not variants else analysis.baseline.accuracy
    with figure_style():
        figure, top, small = stacked([] if perplexity is MISSING else ["intact model", *labels], labels, len(tasks))
        if perplexity is not MISSING:
            _draw_perplexity(top, perplexity, variants)
        for axes, (task, intact) in zip(small, tasks.items(), strict=True):
            _draw_task(axes, task, intact, variants)
        what = "the intact model against each edit" if variants else "no super weight"
        heading(figure, f"{model_name(analysis)}: {what}")
        _legend(figure, variants)
    return figure


def _labels(analysis: ModelAnalysis) -> list[str]:
    """What was edited: the coordinate, or how many together; with the factor unless all were removed."""
    whats = [plain(impact.coordinates[0] if impact.coordinates else impact.variant) for impact in analysis.individual]
    whats += [f"all together ({len(impact.coordinates)})" for impact in analysis.combined]
    factors = [impact.factor for impact in [*analysis.individual, *analysis.combined]]
    scaled = any(factors)
    return [
        f"{what} × {numbers.number(factor)}" if scaled else what for what, factor in zip(whats, factors, strict=True)
    ]


def _draw_perplexity(axes: Any, intact: BaselinePerplexity, variants: Sequence[ImpactRecord]) -> None:
    bars = [Bar(0, intact.value, INTACT, numbers.perplexity(intact.value))]
    for row, variant in enumerate(variants, start=1):
        if variant.perplexity is not MISSING:
            bars.append(_perplexity_bar(row, variant.perplexity))
    log = any(value > LOG_FROM * intact.value for bar in bars for value in (bar.value, bar.high))
    draw_bars(axes, bars, start=1.0 if log else 0.0, log=log, reach=intact.value)
    axes.axvline(intact.value, color=INTACT, linewidth=1.0, linestyle="--", zorder=1)
    axes.set_xlabel(
        f"perplexity on {numbers.count(intact.n_texts)} {intact.protocol} (× the intact model's)", fontsize=9
    )


def _perplexity_bar(row: int, impact: PerplexityImpact) -> Bar:
    multiple = numbers.ratio(impact.ratio, log_ratio_of(impact))
    return Bar(
        row,
        impact.modified,
        SEVERITY_COLOURS[impact.severity],
        multiple if math.isinf(impact.ratio) else f"{numbers.perplexity(impact.modified)}  ({multiple})",
        low=or_nan(impact.ratio_ci_low) * impact.baseline,
        high=or_nan(impact.ratio_ci_high) * impact.baseline,
    )


def _draw_task(axes: Any, task: str, intact: BaselineAccuracy, variants: Sequence[ImpactRecord]) -> None:
    impacts = {
        row: variant.accuracy[task]
        for row, variant in enumerate(variants)
        if variant.accuracy is not MISSING and task in variant.accuracy
    }
    to_chance = [intact.value - impact.chance for impact in impacts.values() if impact.chance is not MISSING][:1]
    bars = [_drop_bar(row, impact) for row, impact in impacts.items()]
    draw_bars(axes, bars, start=0.0, log=False, reach=LEAST_DROP, marks=to_chance)
    for drop in to_chance:
        axes.axvline(drop, color="black", linewidth=1.0, linestyle=":", zorder=1)
    axes.set_title(
        f"{wrapped(task_title(task), 22)}\nintact {numbers.share(intact.value)}, n = {numbers.count(intact.n)}",
        fontsize=9,
        loc="left",
    )
    axes.set_xlabel(wrapped(f"drop in {intact.metric}", 22), fontsize=9)


def _drop_bar(row: int, impact: AccuracyImpact) -> Bar:
    by_chance = impact.not_significant is not MISSING and impact.not_significant
    drop = drop_of(impact)
    return Bar(
        row,
        drop.value,
        UNRATED if impact.severity is MISSING else SEVERITY_COLOURS[impact.severity],
        f"{numbers.share(drop.value)}{f' {NOT_SIGNIFICANT}' if by_chance else ''}",
        low=or_nan(drop.low),
        high=or_nan(drop.high),
    )


def _legend(figure: Figure, variants: Sequence[ImpactRecord]) -> None:
    """Only what occurs in the figure."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    perplexities = [variant.perplexity for variant in variants if variant.perplexity is not MISSING]
    accuracies = [
        impact
        for variant in variants
        for impact in (variant.accuracy.values() if variant.accuracy is not MISSING else ())
    ]
    severities: set[Severity] = {impact.severity for impact in perplexities}
    severities |= {impact.severity for impact in accuracies if impact.severity is not MISSING}
    handles: list[Any] = list(severity_legend(severities))
    if any(impact.severity is MISSING for impact in accuracies):
        handles.append(Patch(facecolor=UNRATED, label="no accuracy: severity is not defined"))
    if any(impact.chance is not MISSING for impact in accuracies):
        handles.append(Line2D([], [], color="black", linestyle=":", label="drop to the level of guessing"))
    if any(impact.not_significant is not MISSING and impact.not_significant for impact in accuracies):
        handles.append(Patch(facecolor="none", label=f"{NOT_SIGNIFICANT}: the 95 % interval holds 0"))
    if handles:
        figure.legend(handles=handles, loc="outside lower left", ncols=2, frameon=False, fontsize=8)
