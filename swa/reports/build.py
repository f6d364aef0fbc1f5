"""From the artifacts in a folder to a report."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from swa.findings.impact import TextImpact, log_ratio_of, whole_ratio, worst_ratio
from swa.findings.verdict import n_confirmed
from swa.reports.page import cells
from swa.reports.page.document import Cell, Code, Document, Section, Table
from swa.reports.saved.models import ModelArtifacts
from swa.reports.sections import cards, cascade, definitions, detection, impact, moe, neurons, repeat, run, summary
from swa.text.words import counted

_PARTS: tuple[tuple[str, Callable[[ModelArtifacts, str], Section | None]], ...] = (
    ("findings", summary.section),
    ("run", run.section),
    ("candidates", detection.section),
    ("impact", impact.section),
    ("cards", cards.section),
    ("neurons", neurons.section),
    ("cascade", cascade.section),
    ("experts", moe.section),
)


def build_report(models: Sequence[ModelArtifacts], *, command: str) -> Document:
    """A report on all models.

    Args:
        models: What is saved of each.
        command: The command that makes the report again.
    """
    sections: list[Section] = []
    if len(models) > 1:
        sections.append(Section("Models", "models", (_overview(models),)))
    for number, found in enumerate(models):
        anchor = f"m{number}"
        made = (part(found, f"{anchor}-{name}") for name, part in _PARTS)
        sections.append(Section(found.name, anchor, tuple(part for part in made if part is not None)))
    sections += [
        definitions.section("definitions"),
        repeat.repeat_section(models, command, "repeat"),
        repeat.citation_section(models, "cite"),
    ]
    names = ", ".join(found.name for found in models)
    title = f"Super weights of {names}" if len(models) <= 3 else f"Super weights of {counted(len(models), 'model')}"
    return Document(
        title, ("Made by ", Code("swa report"), " from saved artifacts; no model was loaded."), tuple(sections)
    )


def _overview(models: Sequence[ModelArtifacts]) -> Table:
    columns = cells.columns(
        "model",
        "architecture",
        "#candidates",
        "#super weights",
        "#largest ratio",
        "#all together",
        "#cards",
        "#neurons",
    )
    return Table("All models of this report", columns, tuple(_row(found) for found in models))


def _row(found: ModelArtifacts) -> tuple[Cell, ...]:
    result = None if found.detection is None else found.detection.result
    weights = [] if result is None else result.super_weights
    return (
        cells.text(found.name),
        cells.NOTHING if result is None else cells.text(result.architecture),
        cells.NOTHING if result is None else cells.count(len(weights)),
        cells.NOTHING if result is None else cells.count(n_confirmed(weights)),
        _ratio(None if found.analysis is None else worst_ratio(found.analysis.result)),
        _ratio(None if found.analysis is None else whole_ratio(found.analysis.result)),
        cells.count(len(found.super_weights.records) if found.super_weights else 0),
        cells.count(len(found.neurons.records) if found.neurons else 0),
    )


def _ratio(found: TextImpact | None) -> Cell:
    if found is None:
        return cells.NOTHING
    seen = found.seen
    return cells.ratio(seen.ratio, log_ratio_of(seen), seen.ratio_ci_low, seen.ratio_ci_high, tone=seen.severity)
