"""Compared runs as tables: counts and depth, impact, accuracy drops, patterns by architecture."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import MISSING

from swa.findings.order import worst
from swa.findings.severity import SEVERITIES
from swa.schemas.summaries import ComparedRun, FamilyPattern
from swa.tables.table import IN_FILES, Column, Row, Table, Value, known
from swa.text.numbers import depth
from swa.text.words import task_title

_COUNTS = (
    Column("family", "family", "text"),
    Column("layout", "layout", "text"),
    Column("n_layers", "layers", "index"),
    Column("dtype", "type", "text"),
    Column("n_candidates", "candidates", "count"),
    Column("n_super_weights", "super weights", "count"),
    Column("depths", "relative depth", "text"),
    Column("revision", "revision", "text"),
)
_IMPACT = (
    Column("measured_by", "measured by", "text"),
    Column("largest_ratio", "largest ratio", "ratio", logarithm="largest_log_ratio"),
    Column("largest_log_ratio", "largest log-ratio", "change", IN_FILES, unit="nats per token"),
    Column("geometric_mean_ratio", "geometric mean", "ratio", low="ci_2.5", high="ci_97.5"),
    Column("ci_2.5", "geometric mean, 2.5 %", "metric", IN_FILES),
    Column("ci_97.5", "geometric mean, 97.5 %", "metric", IN_FILES),
    Column("combined_ratio", "all together", "ratio", logarithm="combined_log_ratio"),
    Column("combined_log_ratio", "all together, log-ratio", "change", IN_FILES, unit="nats per token"),
)
_FAMILIES = (
    Column("norm", "norm", "text"),
    Column("layout", "layout", "text"),
    Column("models", "models", "text"),
    Column("mean_super_weights", "mean super weights", "number"),
    Column("median_depth", "median depth", "depth"),
    Column("geometric_mean_ratio", "geometric mean ratio", "ratio"),
    Column("n_with_recurring_rows", "with recurring rows", "count"),
)


def counts_table(runs: Sequence[ComparedRun]) -> Table:
    """Candidates, super weights and where they lie, one row a run."""
    rows = tuple(
        Row(
            run.label,
            {
                "family": run.family,
                "layout": known(run.layout),
                "n_layers": run.n_layers,
                "dtype": known(run.dtype),
                "n_candidates": known(run.n_candidates),
                "n_super_weights": run.n_super_weights,
                "depths": ", ".join(depth(one.depth) for one in run.removals) or None,
                "revision": run.revision,
            },
        )
        for run in runs
    )
    return Table("Counts and relative depth (layer / layers)", "run", _COUNTS, rows, label_kind="text")


def impact_table(runs: Sequence[ComparedRun]) -> Table:
    """The worst ratio, the geometric mean, all together, and how many removals are how severe, one row a run."""
    severities = [name for name in SEVERITIES if any(one.severity == name for run in runs for one in run.removals)]
    columns = (*_IMPACT, *(Column(f"n_{name}", name, "count") for name in severities))
    rows = tuple(Row(run.label, _impact(run)) for run in runs)
    return Table("Impact of single removals", "run", columns, rows, label_kind="text")


def _impact(run: ComparedRun) -> dict[str, Value]:
    values: dict[str, Value] = {
        "measured_by": known(run.measured_by),
        "geometric_mean_ratio": known(run.geometric_mean_ratio),
        "ci_2.5": known(run.ci_low),
        "ci_97.5": known(run.ci_high),
        "combined_ratio": known(run.combined_ratio),
        "combined_log_ratio": known(run.combined_log_ratio),
        **{f"n_{name}": sum(one.severity == name for one in run.removals) for name in SEVERITIES},
    }
    largest = worst(run.removals, lambda one: one.log_ratio)
    if largest is not None:
        values |= {"largest_ratio": largest.ratio, "largest_log_ratio": largest.log_ratio}
    return values


def drops_table(runs: Sequence[ComparedRun]) -> Table:
    """Mean drop of the single removals and drop of all together, by task; rows only of runs that measured any."""
    measured = [run for run in runs if run.mean_drops is not MISSING or run.combined_drops is not MISSING]
    drops = [(_of(run.mean_drops), _of(run.combined_drops)) for run in measured]
    tasks = dict.fromkeys(task for mean, whole in drops for task in (*mean, *whole))
    columns = tuple(
        Column(f"{task}_{name}", f"{task_title(task)}: {title}", "share")
        for task in tasks
        for name, title in (("mean_drop", "mean"), ("combined_drop", "all together"))
    )
    rows = tuple(
        Row(
            run.label,
            {f"{task}_mean_drop": drop for task, drop in mean.items()}
            | {f"{task}_combined_drop": drop for task, drop in whole.items()},
        )
        for run, (mean, whole) in zip(measured, drops, strict=True)
    )
    return Table("Accuracy drops", "run", columns, rows, label_kind="text")


def families_table(families: Sequence[FamilyPattern]) -> Table:
    """What models of one family, norm and layout have in common."""
    rows = tuple(
        Row(
            one.family,
            {
                "norm": known(one.norm),
                "layout": known(one.layout),
                "models": ", ".join(one.models),
                "mean_super_weights": one.mean_super_weights,
                "median_depth": known(one.median_depth),
                "geometric_mean_ratio": known(one.geometric_mean_ratio),
                "n_with_recurring_rows": one.n_with_recurring_rows,
            },
        )
        for one in families
    )
    return Table("By architecture", "family", _FAMILIES, rows, label_kind="text")


def _of(drops: dict[str, float] | MISSING) -> dict[str, float]:
    return {} if drops is MISSING else drops
