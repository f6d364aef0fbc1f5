"""The cells of the table of `swa evaluate`: what stands for each variant, column by column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from pydantic import MISSING

from swa.findings.impact import drop_of, log_ratio_of
from swa.schemas.evaluation import AccuracyImpact, ImpactRecord, ModelAnalysis, PerplexityImpact
from swa.text import numbers
from swa.text.words import NOT_MEASURED, NOT_SIGNIFICANT, SMOKE_TEST, is_builtin_task

_SEVERE = ("catastrophic", "severe", "invalid")


class Block(NamedTuple):
    """Columns that stay together: perplexity, or one task.

    Attributes:
        titles: One a column.
        cells: One row a variant, the intact model first.
    """

    titles: tuple[str, ...]
    cells: list[tuple[str, ...]]


class Row(NamedTuple):
    """What a row is about.

    Attributes:
        variant: `baseline`, `sw_0`, `all`, …
        what: The edited scalar, or how many.
        stands_out: Whether it is to be seen at once.
    """

    variant: str
    what: str
    stands_out: bool


def rows_of(analysis: ModelAnalysis, shown: Sequence[ImpactRecord]) -> list[Row]:
    """The rows: the intact model, then the variants."""
    rows = [Row("baseline", "intact model", stands_out=False)]
    for impact in shown:
        alone = impact in analysis.individual
        what = impact.coordinates[0] if alone else f"{len(impact.coordinates)} together"
        rows.append(Row(impact.variant, what, _stands_out(impact)))
    return rows


def _stands_out(impact: ImpactRecord) -> bool:
    """Whether the damage is severe, to perplexity or significantly to a task."""
    if impact.perplexity is not MISSING and impact.perplexity.severity in _SEVERE:
        return True
    tasks = {} if impact.accuracy is MISSING else impact.accuracy
    return any(seen.severity in _SEVERE and seen.not_significant is not True for seen in tasks.values())


def blocks_of(analysis: ModelAnalysis, shown: Sequence[ImpactRecord]) -> list[Block]:
    """The columns of what was measured."""
    baseline = analysis.baseline
    blocks = []
    if baseline.perplexity is not MISSING:
        cells: list[tuple[str, ...]] = [(numbers.perplexity(baseline.perplexity.value), "", "")]
        cells += [_perplexity_cells(impact) for impact in shown]
        titles = ("perplexity", "ratio [95 %]", "severity") if shown else ("perplexity",)
        blocks.append(Block(titles, [row[: len(titles)] for row in cells]))
    for task, intact in ({} if baseline.accuracy is MISSING else baseline.accuracy).items():
        values = [numbers.share(intact.value), *(_value(impact, task) for impact in shown)]
        drops = ["", *(_drop(impact, task) for impact in shown)]
        title = _task_title(task, f"{intact.metric}, drop [95 %]" if shown else intact.metric)
        blocks.append(Block((title,), [(cell,) for cell in _beside(values, drops)]))
    return blocks


def _beside(left: Sequence[str], right: Sequence[str]) -> list[str]:
    """Two columns in one, which takes less room below a long title."""
    left_width, right_width = max(map(len, left)), max(map(len, right))
    return [f"{one:>{left_width}} {other:<{right_width}}" for one, other in zip(left, right, strict=True)]


def _task_title(task: str, below: str) -> str:
    """Name and what stands below it; the built-in items are no benchmark, wherever they stand."""
    label = f"\n{SMOKE_TEST}" if is_builtin_task(task) else ""
    return f"{task}{label}\n{below}"


def _perplexity_cells(impact: ImpactRecord) -> tuple[str, ...]:
    seen = impact.perplexity
    if seen is MISSING:
        return (NOT_MEASURED,) * 3
    interval = _interval(seen.ratio_ci_low, seen.ratio_ci_high, numbers.metric)
    inactive = f"none: {impact.edit_inactive}" if impact.edit_inactive is not MISSING else seen.severity
    return (numbers.perplexity(seen.modified), f"{_ratio(seen)}{interval}", inactive)


def _ratio(seen: PerplexityImpact) -> str:
    return numbers.ratio(seen.ratio, log_ratio_of(seen))


def _value(impact: ImpactRecord, task: str) -> str:
    seen = _accuracy(impact, task)
    return NOT_MEASURED if seen is None else numbers.share(seen.modified)


def _drop(impact: ImpactRecord, task: str) -> str:
    seen = _accuracy(impact, task)
    if seen is None:
        return NOT_MEASURED
    mark = f" {NOT_SIGNIFICANT}" if seen.not_significant is True else ""
    drop = drop_of(seen)
    return f"{numbers.share(drop.value)}{_interval(drop.low, drop.high, numbers.share)}{mark}"


def _accuracy(impact: ImpactRecord, task: str) -> AccuracyImpact | None:
    return None if impact.accuracy is MISSING else impact.accuracy.get(task)


def _interval(low: float | MISSING, high: float | MISSING, written: Callable[[float], str]) -> str:
    return "" if low is MISSING or high is MISSING else f" {numbers.interval(low, high, written)}"
