"""All super weights edited together, beside what the single edits let expect."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from pydantic import MISSING

from swa.findings.impact import drop_of, log_ratio_of
from swa.findings.names import model_name
from swa.findings.order import worst
from swa.reports.plots.bars import LEAST_DROP, Bar, draw_bars, or_nan
from swa.reports.plots.panels import heading, stacked
from swa.reports.plots.style import CONFIRMED, figure_style, wrapped
from swa.schemas.evaluation import AccuracyImpact, ImpactRecord, ModelAnalysis, PerplexityImpact
from swa.stats import exp_or_infinity
from swa.text.numbers import number, ratio, share
from swa.text.words import task_title

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RATIO_ROWS = ("all together", "product of the single ratios", "1 + sum of the single increases", "largest single ratio")
DROP_ROWS = ("all together", "sum of the single drops", "product of the shares kept", "largest single drop")
COLOURS = (CONFIRMED, "#d7dde3", "#d7dde3", "#8b98a5")
"""Of the rows: measured, computed, computed, measured."""


def draw(analysis: ModelAnalysis) -> Figure:
    """Draw, at each factor, the edit of all against the sum, the product and the largest of the single ones.

    Perplexity: the product of the ratios is what follows when changes of the loss add up, the sum is 1 plus the
    relative increases. Accuracy: the sum of the drops; and the drop that follows when the shares of the accuracy
    that each edit keeps multiply. Sum and product need every single edit, and have no interval.
    """
    together = analysis.combined
    tasks = list(dict.fromkeys(task for impact in together for task in _accuracy(impact)))
    with_perplexity = any(impact.perplexity is not MISSING for impact in together)
    with figure_style(), np.errstate(invalid="ignore", over="ignore"):
        figure, top, small = stacked(
            _labels(RATIO_ROWS, together) if with_perplexity else [], _labels(DROP_ROWS, together), len(tasks)
        )
        if top is not None:
            bars = [_ratio_bars(impact, _singles(analysis, impact)) for impact in together]
            draw_bars(top, _in_rows(bars), start=1.0, log=True, reach=2.0)
            top.set_xlabel("perplexity ratio to the intact model", fontsize=9)
        for axes, task in zip(small, tasks, strict=True):
            bars = [_drop_bars(impact, _singles(analysis, impact), task) for impact in together]
            draw_bars(axes, _in_rows(bars), start=0.0, log=False, reach=LEAST_DROP)
            metric = next(_accuracy(impact)[task].metric for impact in together if task in _accuracy(impact))
            axes.set_title(wrapped(task_title(task), 22), fontsize=9, loc="left")
            axes.set_xlabel(wrapped(f"drop in {metric}", 22), fontsize=9)
        what = "all together against the single ones" if together else "nothing edited together"
        heading(figure, f"{model_name(analysis)}: {what}")
    return figure


def _labels(rows: Sequence[str], together: Sequence[ImpactRecord]) -> list[str]:
    scaled = any(impact.factor for impact in together)
    return [f"{row}, factor {number(impact.factor)}" if scaled else row for impact in together for row in rows]


def _accuracy(impact: ImpactRecord) -> dict[str, AccuracyImpact]:
    return {} if impact.accuracy is MISSING else impact.accuracy


def _singles(analysis: ModelAnalysis, together: ImpactRecord) -> list[ImpactRecord]:
    return [impact for impact in analysis.individual if impact.factor == together.factor]


def _are_all(singles: Sequence[ImpactRecord], together: ImpactRecord) -> bool:
    """Whether every scalar of the whole is among the single edits: else sum and product would lack some."""
    return {text for impact in singles for text in impact.coordinates} >= set(together.coordinates)


def _in_rows(groups: Sequence[Sequence[Bar]]) -> list[Bar]:
    """Bars of the groups below one another; within a group `row` says which of the four a bar is."""
    return [bar._replace(row=bar.row + len(COLOURS) * index) for index, group in enumerate(groups) for bar in group]


def _bar(row: int, value: float, label: str, low: float = math.nan, high: float = math.nan) -> Bar:
    return Bar(row, value, COLOURS[row], label, low=low, high=high)


def _ratio_bars(together: ImpactRecord, singles: Sequence[ImpactRecord]) -> list[Bar]:
    """Up to four bars; what was not measured has none."""
    bars = [] if together.perplexity is MISSING else [_ratio_bar(0, together.perplexity)]
    measured = [impact for impact in singles if impact.perplexity is not MISSING]
    ratios = [impact.perplexity for impact in measured if impact.perplexity is not MISSING]
    if not ratios:
        return bars
    if _are_all(measured, together):
        product = float(np.sum([log_ratio_of(impact) for impact in ratios]))
        increased = 1.0 + float(np.sum([impact.ratio - 1.0 for impact in ratios]))
        bars.append(_bar(1, exp_or_infinity(product), ratio(exp_or_infinity(product), product)))
        bars.append(_bar(2, increased, ratio(increased, increased)))
    largest = worst(ratios, log_ratio_of)
    return bars if largest is None else [*bars, _ratio_bar(3, largest)]


def _ratio_bar(row: int, impact: PerplexityImpact) -> Bar:
    label = ratio(impact.ratio, log_ratio_of(impact))
    return _bar(row, impact.ratio, label, or_nan(impact.ratio_ci_low), or_nan(impact.ratio_ci_high))


def _drop_bars(together: ImpactRecord, singles: Sequence[ImpactRecord], task: str) -> list[Bar]:
    """Up to four bars; what was not measured has none."""
    bars = [_drop_bar(0, _accuracy(together)[task])] if task in _accuracy(together) else []
    measured = [impact for impact in singles if task in _accuracy(impact)]
    impacts = [_accuracy(impact)[task] for impact in measured]
    if not impacts:
        return bars
    if _are_all(measured, together):
        total, intact = float(np.sum([drop_of(impact).value for impact in impacts])), impacts[0].baseline
        kept = float(np.prod([impact.modified / intact for impact in impacts])) if intact else math.nan
        bars.append(_bar(1, total, share(total)))
        bars.append(_bar(2, intact - intact * kept, share(intact - intact * kept) if intact else "undefined"))
    largest = worst(impacts, lambda impact: drop_of(impact).value)
    return bars if largest is None else [*bars, _drop_bar(3, largest)]


def _drop_bar(row: int, impact: AccuracyImpact) -> Bar:
    drop = drop_of(impact)
    return _bar(row, drop.value, share(drop.value), or_nan(drop.low), or_nan(drop.high))
