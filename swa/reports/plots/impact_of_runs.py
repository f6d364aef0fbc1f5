"""What removing each super weight does to perplexity, one row a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import MISSING

from swa.reports.plots.run_rows import beside, dots, nothing, run_rows
from swa.reports.plots.style import figure_style
from swa.schemas.summaries import ComparedRun
from swa.text.numbers import ratio

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LARGEST = math.log(1e12)
"""Log-ratios beyond are drawn at the edge, with their number."""


def draw(runs: Sequence[ComparedRun]) -> Figure:
    """Draw a dot a removal on a log scale, and each run's geometric mean with its 95 % interval."""
    with figure_style():
        figure, axes = run_rows(
            runs, "Perplexity ratio of each single removal; black: geometric mean and 95 % interval"
        )
        ends = [_at(value) for run in runs for value in _values(run)]
        low, high = min([0.0, *ends]), max([0.2, *ends])
        axes.set_xlim(low - 0.04 * (high - low), high + 0.04 * (high - low))
        _label_ratios(axes, low, high)
        axes.axvline(0.0, color="black", linewidth=0.8, zorder=1)
        axes.set_xlabel("perplexity, removed ÷ intact", fontsize=9)
        for row, run in enumerate(runs):
            seen = [one for one in run.removals if not math.isnan(one.log_ratio)]
            dots(axes, row, seen, [_at(one.log_ratio) for one in seen], span=high - low)
            _mean(axes, row, run)
            if not run.removals:
                nothing(axes, row)
    return figure


def _values(run: ComparedRun) -> list[float]:
    ratios = [value for value in (run.geometric_mean_ratio, run.ci_low, run.ci_high) if value is not MISSING]
    logs = [*(one.log_ratio for one in run.removals), *map(_log, ratios)]
    return [value for value in logs if not math.isnan(value)]


def _log(ratio: float) -> float:
    return math.log(ratio) if ratio > 0 else ratio - math.inf if ratio == 0 else math.nan


def _at(log_ratio: float) -> float:
    return min(max(log_ratio, -LARGEST), LARGEST)


def _mean(axes: Any, row: int, run: ComparedRun) -> None:
    """The mean below the dots, and its number at the edge."""
    mean = run.geometric_mean_ratio
    if mean is MISSING:
        return
    place = row + 0.3
    if not math.isnan(mean):
        axes.plot(_at(_log(mean)), place, marker="D", markersize=4, color="black", zorder=4)
    if run.ci_low is not MISSING and run.ci_high is not MISSING and run.ci_low < run.ci_high:
        low, high = _at(_log(run.ci_low)), _at(_log(run.ci_high))
        axes.plot([low, high], [place] * 2, color="black", linewidth=1.0, marker="|", markersize=5, zorder=4)
    by = " (confirmation)" if run.measured_by == "confirmation" else ""
    beside(axes, row, f"{ratio(mean, _log(mean))}{by}")


def _label_ratios(axes: Any, low: float, high: float) -> None:
    """Ticks at ratios that are round numbers."""
    steps: tuple[float, ...] = (1, 2, 5) if high - low < math.log(200) else (1,)
    if high - low < math.log(4):
        steps = (1, 1.1, 1.2, 1.5, 2, 3)
    decades = range(math.floor(low / math.log(10)), math.ceil(high / math.log(10)) + 1)
    every = max(1, len(decades) // 6)
    ratios = [step * 10.0**decade for decade in decades if decade % every == 0 for step in steps]
    shown = [ratio for ratio in ratios if low <= math.log(ratio) <= high]
    axes.set_xticks([math.log(ratio) for ratio in shown], [f"×{ratio:g}" for ratio in shown])
