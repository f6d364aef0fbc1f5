"""What `swa compare` shows: a line a run, or one object for scripts."""

from __future__ import annotations

from pathlib import Path

from pydantic import MISSING

from swa.cli.terminal.output import Output
from swa.findings.order import worst
from swa.runs.steps.compare import WrittenComparison
from swa.schemas.runs import CommandResult, ModelOutcome
from swa.schemas.summaries import ComparedRun
from swa.store.tree import folder_of_record
from swa.text import numbers
from swa.text.words import counted


def show(written: WrittenComparison, out: Output) -> None:
    """Print a line a run, on what runs of one model agree, and the files."""
    for run in _runs(written):
        out.text(_headline(run))
    for one in written.comparison.agreements:
        share = "" if one.agreement is MISSING else f" of {len(one.common) + len(one.differing)}"
        out.text(f"{one.model}: {len(one.runs)} runs agree on {len(one.common)}{share} super weights")
    out.files(written.files)


def _headline(run: ComparedRun) -> str:
    """One line: the run, its super weights, what removing them does."""
    text = f"{run.label}: {counted(run.n_super_weights, 'super weight')}"
    if run.geometric_mean_ratio is MISSING:
        return text
    interval = ""
    if run.ci_low is not MISSING and run.ci_high is not MISSING:
        interval = f" {numbers.interval(run.ci_low, run.ci_high)}"
    return f"{text}, geometric mean ratio {numbers.ratio(run.geometric_mean_ratio)}{interval} ({run.measured_by})"


def _runs(written: WrittenComparison) -> list[ComparedRun]:
    runs = written.comparison.runs
    return [] if runs is MISSING else runs


def command_result(written: WrittenComparison) -> CommandResult:
    """What `--json` prints."""
    models = [_outcome(run, written.files) for run in _runs(written)]
    return CommandResult(command="compare", status="complete", models=models)


def _outcome(run: ComparedRun, files: dict[str, str]) -> ModelOutcome:
    names = ("geometric_mean_ratio", "ci_low", "ci_high", "combined_ratio")
    headline = {name: value for name in names if (value := getattr(run, name)) is not MISSING}
    largest = worst(run.removals, lambda one: one.log_ratio)
    if largest is not None:
        headline["largest_ratio"] = largest.ratio
    return ModelOutcome(
        model=run.label,
        folder=str(folder_of_record(Path(run.sources[0]))),
        n_candidates=run.n_super_weights if run.n_candidates is MISSING else run.n_candidates,
        n_confirmed=run.n_super_weights,
        headline=headline,
        files=files,
    )
