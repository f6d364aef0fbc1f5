"""Tables of a comparison: counts and depth, impact, accuracy drops."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import MISSING

from swa.findings.order import worst
from swa.findings.severity import SEVERITIES
from swa.reports.page import cells
from swa.reports.page.document import Cell, Paragraph, Section, Table
from swa.schemas.summaries import ComparedRun
from swa.stats import log_or_infinity
from swa.text import numbers
from swa.text.words import NOT_MEASURED, task_title


def counts(runs: Sequence[ComparedRun]) -> Section:
    """Candidates, super weights and where they lie."""
    columns = cells.columns(
        "run", "family", "layout", "#layers", "type", "#candidates", "#super weights", "#relative depth", "revision"
    )
    rows = tuple(
        (
            cells.text(run.label),
            cells.text(run.family),
            cells.NOTHING if run.layout is MISSING else cells.text(run.layout),
            cells.whole(run.n_layers),
            cells.NOTHING if run.dtype is MISSING else cells.text(run.dtype),
            cells.whole(run.n_candidates),
            cells.whole(run.n_super_weights),
            Cell((", ".join(numbers.depth(one.depth) for one in run.removals) or NOT_MEASURED,)),
            cells.text(run.revision or NOT_MEASURED),
        )
        for run in runs
    )
    return Section("Counts and depth", "counts", (Table("Counts and relative depth (layer / layers)", columns, rows),))


def impact(runs: Sequence[ComparedRun]) -> Section:
    """Perplexity ratios, their geometric means, and how severe they are."""
    severities = [name for name in SEVERITIES if any(one.severity == name for run in runs for one in run.removals)]
    columns = cells.columns(
        "run",
        "measured by",
        "#largest ratio",
        "#geometric mean [95 %]",
        "#all together",
        *(f"#{s}" for s in severities),
    )
    rows = []
    for run in runs:
        largest = worst(run.removals, lambda one: one.log_ratio)
        rows.append(
            (
                cells.text(run.label),
                cells.NOTHING if run.measured_by is MISSING else cells.text(run.measured_by),
                cells.NOTHING if largest is None else cells.ratio(largest.ratio, largest.log_ratio),
                _mean(run),
                cells.NOTHING
                if run.combined_ratio is MISSING or run.combined_log_ratio is MISSING
                else cells.ratio(run.combined_ratio, run.combined_log_ratio),
                *(cells.whole(sum(one.severity == name for one in run.removals)) for name in severities),
            )
        )
    text = (
        "Ratios are perplexity without the super weight over perplexity with it: in the evaluation where there is one, "
        "else in the confirmation of the detection (another, shorter text). Intervals of geometric means are "
        "percentile bootstraps over removals (2,000 resamples); severities are counted."
    )
    return Section("Impact", "impact", (Paragraph((text,)), Table("Impact of single removals", columns, tuple(rows))))


def _mean(run: ComparedRun) -> Cell:
    mean = run.geometric_mean_ratio
    return cells.NOTHING if mean is MISSING else cells.ratio(mean, log_or_infinity(mean), run.ci_low, run.ci_high)


def drops(runs: Sequence[ComparedRun]) -> Section | None:
    """Accuracy drops by task; nothing where no accuracy was measured."""
    measured = [run for run in runs if run.mean_drops is not MISSING or run.combined_drops is not MISSING]
    tasks = list(dict.fromkeys(task for run in measured for task in (*_of(run.mean_drops), *_of(run.combined_drops))))
    if not tasks:
        return None
    titles = [f"#{task_title(task)}: {what}" for task in tasks for what in ("mean", "all together")]
    rows = tuple(
        (
            cells.text(run.label),
            *(
                cells.value(of_run.get(task, MISSING), numbers.share)
                for task in tasks
                for of_run in (_of(run.mean_drops), _of(run.combined_drops))
            ),
        )
        for run in measured
    )
    text = "Drop: intact minus modified; mean over the single removals, and with all removed together."
    table = Table("Accuracy drops", cells.columns("run", *titles), rows)
    return Section("Accuracy drops", "drops", (Paragraph((text,)), table))


def _of(drops: dict[str, float] | MISSING) -> dict[str, float]:
    return {} if drops is MISSING else drops
