"""`swa report`: Markdown and one self-contained page from saved artifacts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swa.cli.declare.options import OutputOptions, in_panel
from swa.cli.terminal.output import Output
from swa.text.words import counted

if TYPE_CHECKING:
    from swa.reports.saved.models import ModelArtifacts
    from swa.runs.steps.report import WrittenReport
    from swa.schemas.runs import CommandResult, ModelOutcome

EXAMPLES = """
    swa report results
    swa report results/comprehensive_super_weight_analysis/demo --output pages
    swa report results --json | jq -r '.models[0].files.report'
"""


def command(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            rich_help_panel="Artifacts",
            help="Results folder of detect, evaluate, vocab, cascade or run, or one model's folder in it; searched "
            "at any depth.",
        ),
    ],
    shown: OutputOptions,
    output: Annotated[
        Path | None,
        in_panel("Output")(
            "--output", metavar="DIR", help="Where report.md and report.html go; by default DIR itself."
        ),
    ] = None,
) -> None:
    """Write a report from saved artifacts; no model is loaded.

    report.html is one page with all tables and figures inside, report.md the same as text with links to the figures.
    Of several runs in a folder the newest complete one is shown. What is missing is said.
    """
    from swa import runs

    out = Output(for_machines=shown.json, verbose=shown.verbose, quiet=shown.quiet)
    written = runs.report(directory, output)
    for found in written.models:
        for note in found.notes:
            out.warn(note)
        for path in _sources(found):
            out.detail(f"{found.name}: {path}")
    if shown.json:
        out.line(_result(written).model_dump_json())
        return
    for found in written.models:
        out.text(_headline(found))
    for name, place in written.files.items():
        out.text(f"{name}: {place}")


def _sources(found: ModelArtifacts) -> list[Path]:
    parts = (found.detection, found.analysis, found.super_weights, found.neurons, found.cascades)
    return [part.path for part in parts if part is not None]


def _headline(found: ModelArtifacts) -> str:
    """One line: the model, and what the report has of it."""
    parts = []
    if found.detection is not None:
        n_confirmed, n_candidates = _counts(found)
        parts.append(f"{n_confirmed} confirmed of {counted(n_candidates, 'candidate')}")
    if found.analysis is not None:
        analysis = found.analysis.result
        parts.append(counted(len(analysis.individual) + len(analysis.combined), "evaluated variant"))
    for cards, noun in (
        (found.super_weights, "super-weight card"),
        (found.neurons, "neuron card"),
        (found.cascades, "cascade"),
    ):
        if cards is not None:
            parts.append(counted(len(cards.records), noun))
    return f"{found.name}: {'; '.join(parts)}"


def _counts(found: ModelArtifacts) -> tuple[int, int]:
    """Confirmed super weights and candidates."""
    from swa.findings.verdict import n_confirmed

    weights = [] if found.detection is None else found.detection.result.super_weights
    return n_confirmed(weights), len(weights)


def _result(written: WrittenReport) -> CommandResult:
    from swa.schemas.runs import CommandResult

    return CommandResult(
        command="report", status="complete", models=[_outcome(found, written.files) for found in written.models]
    )


def _outcome(found: ModelArtifacts, files: dict[str, str]) -> ModelOutcome:
    from swa.findings import headline
    from swa.schemas.runs import ModelOutcome

    n_confirmed, n_candidates = _counts(found)
    numbers = headline.of_artifacts(
        found.detection and found.detection.result,
        found.analysis and found.analysis.result,
        () if found.super_weights is None else found.super_weights.records,
    )
    return ModelOutcome(
        model=found.name,
        folder=str(found.folders[0].path),
        n_candidates=n_candidates,
        n_confirmed=n_confirmed,
        headline=numbers,
        files=files,
    )
