"""`swa compare`: several models, or several runs of one, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swa.cli.declare.options import OutputOptions, in_panel
from swa.cli.terminal.output import Output
from swa.text.words import counted

if TYPE_CHECKING:
    from swa.runs.steps.compare import WrittenComparison
    from swa.schemas.runs import CommandResult, ModelOutcome
    from swa.schemas.summaries import ComparedRun

EXAMPLES = """
    swa compare results
    swa compare fp32/demo bf16/demo --output results/dtypes
    swa compare results/*/demo/data/detection_*.json --allow-mismatch
"""


def command(
    places: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR|FILE...",
            rich_help_panel="Artifacts",
            help="Results folders, searched at any depth (each model's folder is a run), or detection_*.json, "
            "analysis_*.json and complete_analysis_*.json.",
        ),
    ],
    shown: OutputOptions,
    output: Annotated[
        Path, in_panel("Output")("--output", metavar="DIR", help="Where record, page and figures go.")
    ] = Path("results/comparison"),
    allow_mismatch: Annotated[
        bool,
        in_panel("Run")(
            "--allow-mismatch",
            help="Compare runs whose protocols differ (texts, tasks, items, scales, seed); what differs is recorded.",
        ),
    ] = False,
) -> None:
    """Compare models, or runs of one model, from saved artifacts; no model is loaded.

    Writes comparison.json, comparison.md and figures. Runs that were not measured alike are refused, and what differs
    is said. Of one model's runs it also says which super weights they agree on.
    """
    from swa import runs

    out = Output(for_machines=shown.json, verbose=shown.verbose, quiet=shown.quiet)
    written = runs.compare(places, output, allow_mismatch=allow_mismatch)
    for run in written.runs:
        for note in run.notes:
            out.warn(note)
        for path in run.sources:
            out.detail(f"{run.model}: {path}")
    for mismatch in written.comparison.mismatches:
        out.warn(f"Not measured alike: {mismatch}.")
    if shown.json:
        out.line(_result(written).model_dump_json())
    else:
        _show(written, out)


def _show(written: WrittenComparison, out: Output) -> None:
    from pydantic import MISSING

    for run in _runs(written):
        out.text(_headline(run))
    for one in written.comparison.agreements:
        share = "" if one.agreement is MISSING else f" of {len(one.common) + len(one.differing)}"
        out.text(f"{one.model}: {len(one.runs)} runs agree on {len(one.common)}{share} super weights")
    out.files(written.files)


def _headline(run: ComparedRun) -> str:
    """One line: the run, its super weights, what removing them does."""
    from pydantic import MISSING

    from swa.text import numbers

    text = f"{run.label}: {counted(run.n_super_weights, 'super weight')}"
    if run.geometric_mean_ratio is MISSING:
        return text
    interval = ""
    if run.ci_low is not MISSING and run.ci_high is not MISSING:
        interval = f" {numbers.interval(run.ci_low, run.ci_high)}"
    return f"{text}, geometric mean ratio {numbers.ratio(run.geometric_mean_ratio)}{interval} ({run.measured_by})"


def _runs(written: WrittenComparison) -> list[ComparedRun]:
    from pydantic import MISSING

    runs = written.comparison.runs
    return [] if runs is MISSING else runs


def _result(written: WrittenComparison) -> CommandResult:
    from swa.schemas.runs import CommandResult

    models = [_outcome(run, written.files) for run in _runs(written)]
    return CommandResult(command="compare", status="complete", models=models)


def _outcome(run: ComparedRun, files: dict[str, str]) -> ModelOutcome:
    from pydantic import MISSING

    from swa.findings.order import worst
    from swa.schemas.runs import ModelOutcome
    from swa.store.tree import folder_of_record

    names = ("geometric_mean_ratio", "ci_low", "ci_high", "combined_ratio")
    numbers = {name: value for name in names if (value := getattr(run, name)) is not MISSING}
    largest = worst(run.removals, lambda one: one.log_ratio)
    if largest is not None:
        numbers["largest_ratio"] = largest.ratio
    return ModelOutcome(
        model=run.label,
        folder=str(folder_of_record(Path(run.sources[0]))),
        n_candidates=run.n_super_weights if run.n_candidates is MISSING else run.n_candidates,
        n_confirmed=run.n_super_weights,
        headline=numbers,
        files=files,
    )
