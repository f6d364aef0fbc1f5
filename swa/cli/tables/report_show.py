"""What `swa report` shows: what it found of each model, or one object for scripts."""

from __future__ import annotations

from swa.cli.terminal.output import Output
from swa.findings import headline
from swa.findings.verdict import n_confirmed
from swa.reports.saved.models import ModelArtifacts
from swa.runs.steps.report import WrittenReport
from swa.schemas.runs import CommandResult, ModelOutcome
from swa.text.words import counted


def show(written: WrittenReport, out: Output) -> None:
    """Print a line a model, and the files."""
    for found in written.models:
        out.text(_headline(found))
    out.files(written.files)


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
    weights = [] if found.detection is None else found.detection.result.super_weights
    return n_confirmed(weights), len(weights)


def command_result(written: WrittenReport) -> CommandResult:
    """What `--json` prints."""
    return CommandResult(
        command="report", status="complete", models=[_outcome(found, written.files) for found in written.models]
    )


def _outcome(found: ModelArtifacts, files: dict[str, str]) -> ModelOutcome:
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
