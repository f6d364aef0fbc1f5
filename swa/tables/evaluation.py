"""An evaluation as a table: the intact model, then every variant; one task of it with all that is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import MISSING

from swa.findings.impact import drop_of, log_ratio_of, tasks_of
from swa.schemas.evaluation import AccuracyImpact, ImpactRecord, ModelAnalysis, Severity
from swa.tables.table import IN_FILES, ON_PAGES, Column, Row, Table, Value, known
from swa.text.words import task_title

BASELINE = "baseline"
"""Label of the intact model's row."""
EDITED = Column("coordinates", "what is edited", "code")
PERPLEXITY_COLUMNS = (
    Column("perplexity", "perplexity", "perplexity"),
    Column("ratio", "ratio", "ratio", low="ratio_ci_2.5", high="ratio_ci_97.5", logarithm="log_ratio"),
    Column("ratio_ci_2.5", "ratio, 2.5 %", "metric", IN_FILES),
    Column("ratio_ci_97.5", "ratio, 97.5 %", "metric", IN_FILES),
    Column("log_ratio", "log-ratio", "change", IN_FILES, unit="nats per token"),
    Column("severity", "severity", "text", tone="severity", order="log_ratio"),
)
_SEVERE: frozenset[Severity] = frozenset({"catastrophic", "severe", "invalid"})


def task_columns(task: str, metric: str) -> tuple[Column, ...]:
    """The columns of a task; its drop has interval, mark and colour.

    Args:
        task: Its name.
        metric: Its main metric.
    """
    title = task_title(task)
    ends = f"{task}_drop_ci_2.5", f"{task}_drop_ci_97.5"
    return (
        Column(task, f"{title}: {metric}", "share", IN_FILES),
        Column(
            f"{task}_drop", f"{title}: drop", "share", ON_PAGES, "", *ends,
            not_significant=f"{task}_not_significant", tone=f"{task}_severity",
        ),
        Column(ends[0], f"{title}: drop, 2.5 %", "share", IN_FILES),
        Column(ends[1], f"{title}: drop, 97.5 %", "share", IN_FILES),
        Column(f"{task}_not_significant", f"{title}: not significant", "flag", IN_FILES),
        Column(f"{task}_mcnemar_p", f"{title}: McNemar p", "p", IN_FILES),
        Column(f"{task}_severity", f"{title}: severity", "text", IN_FILES, tone=f"{task}_severity"),
        Column(f"{task}_n", f"{title}: items", "count", IN_FILES),
    )  # fmt: skip


def evaluation_table(analysis: ModelAnalysis, variants: Sequence[ImpactRecord] | None = None) -> Table:
    """One row a variant below that of the intact model; severe damage stands out.

    Args:
        analysis: What was measured.
        variants: Those to show; by default all.
    """
    chosen = [*analysis.individual, *analysis.combined] if variants is None else variants
    baseline = analysis.baseline
    columns = [EDITED, Column("factor", "factor", "number", ON_PAGES)]
    columns += PERPLEXITY_COLUMNS if baseline.perplexity is not MISSING else ()
    if baseline.accuracy is not MISSING:
        for task, intact in baseline.accuracy.items():
            columns += task_columns(task, intact.metric)
    rows = (_baseline_row(analysis), *(Row(one.variant, _values(one), _stands_out(one)) for one in chosen))
    return Table("Impact of each variant", "variant", tuple(columns), rows, label_kind="text")


def task_table(table: Table, task: str, metric: str) -> Table:
    """Of an evaluation the rows that measured a task, with everything about it.

    Args:
        table: The evaluation.
        task: The task.
        metric: Its main metric.
    """
    value, drop, *_ = task_columns(task, metric)
    columns = (
        EDITED,
        _retitled(value, metric),
        _retitled(drop, "drop"),
        Column(f"{task}_mcnemar_p", "McNemar p", "p"),
        Column(f"{task}_severity", "severity", "text", tone=f"{task}_severity", order=f"{task}_drop"),
        Column(f"{task}_n", "items", "count"),
    )
    rows = tuple(row for row in table.rows if row.values.get(task) is not None)
    return Table(f"{task_title(task)}: every variant", table.label, columns, rows, label_kind="text")


def _retitled(column: Column, title: str) -> Column:
    return Column(
        column.name, title, column.kind, low=column.low, high=column.high,
        not_significant=column.not_significant, tone=column.tone,
    )  # fmt: skip


def _baseline_row(analysis: ModelAnalysis) -> Row:
    baseline = analysis.baseline
    values: dict[str, Value] = {"coordinates": ()}
    if baseline.perplexity is not MISSING:
        values["perplexity"] = baseline.perplexity.value
    for task in tasks_of(analysis):
        assert baseline.accuracy is not MISSING, "it has tasks"
        values |= {task: baseline.accuracy[task].value, f"{task}_n": baseline.accuracy[task].n}
    return Row(BASELINE, values)


def _values(impact: ImpactRecord) -> dict[str, Value]:
    values: dict[str, Value] = {"coordinates": tuple(impact.coordinates), "factor": impact.factor}
    seen = impact.perplexity
    if seen is not MISSING:
        inactive = impact.edit_inactive
        values |= {
            "perplexity": seen.modified,
            "ratio": seen.ratio,
            "ratio_ci_2.5": known(seen.ratio_ci_low),
            "ratio_ci_97.5": known(seen.ratio_ci_high),
            "log_ratio": log_ratio_of(seen),
            "severity": seen.severity if inactive is MISSING else f"none: {inactive}",
        }
    for task, accuracy in _accuracies(impact):
        drop = drop_of(accuracy)
        values |= {
            task: accuracy.modified,
            f"{task}_drop": drop.value,
            f"{task}_drop_ci_2.5": known(drop.low),
            f"{task}_drop_ci_97.5": known(drop.high),
            f"{task}_not_significant": known(accuracy.not_significant),
            f"{task}_mcnemar_p": known(accuracy.mcnemar_p),
            f"{task}_severity": known(accuracy.severity),
            f"{task}_n": accuracy.n,
        }
    return values


def _stands_out(impact: ImpactRecord) -> bool:
    """Whether the damage is severe, to perplexity or significantly to a task."""
    if impact.perplexity is not MISSING and impact.perplexity.severity in _SEVERE:
        return True
    return any(seen.severity in _SEVERE and seen.not_significant is not True for _, seen in _accuracies(impact))


def _accuracies(impact: ImpactRecord) -> Iterable[tuple[str, AccuracyImpact]]:
    return () if impact.accuracy is MISSING else impact.accuracy.items()
