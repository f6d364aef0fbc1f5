"""What was run, on what, with which versions; and what is not there."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import MISSING

from swa.reports.page import cells
from swa.reports.page.document import Block, Bullets, Cell, Code, Fold, Paragraph, Remark, Section, Table, Words
from swa.reports.saved.headers import SavedRun, any_run, runs_of
from swa.reports.saved.models import ModelArtifacts
from swa.schemas.run import RunHeader
from swa.text.numbers import metric, number
from swa.text.words import BUILTIN

_SHORT = 16
"""Digits of a fingerprint that are shown."""


def section(found: ModelArtifacts, anchor: str) -> Section:
    """Model, revision, type, seeds, text, versions, options; notes of the runs; what is missing."""
    runs = runs_of(found)
    blocks: list[Block] = [_model(found)]
    if runs:
        blocks.append(_runs(runs))
    if any(_is_builtin_text(run.header) for run in runs.values()):
        text = (
            "Measured on the text that comes with the package: good for trying out, too short and too plain for "
            "numbers to cite. Use --dataset wikitext-2 for those."
        )
        blocks.append(Remark((text,)))
    notes = list(dict.fromkeys(_notes(found)))
    if notes:
        blocks.append(Bullets(tuple((note,) for note in notes)))
    blocks += [Fold((f"Options of swa {command}",), (_options(run.header),)) for command, run in runs.items()]
    missing = missing_parts(found)
    if missing:
        blocks.append(Paragraph(("Not in this folder, and so not in this report:",)))
        blocks.append(Bullets(tuple(missing)))
    return Section("What was run", anchor, tuple(blocks))


def _model(found: ModelArtifacts) -> Table:
    result = None if found.detection is None else found.detection.result
    run = any_run(found)
    rows: list[tuple[str, str]] = [("model", found.name)]
    if result is not None:
        rows.append(("architecture", result.architecture))
        if result.norm is not MISSING:
            rows.append(("norm", result.norm))
        rows.append(("coverage", result.coverage.text))
        rows += [("spike threshold", _threshold(found)), ("prompts", " · ".join(result.prompts))]
        rows += [(f"{name} screen", f"did not run: {reason}") for name, reason in result.screens_skipped.items()]
    fingerprint = result.weights_fingerprint if result else run.weights_fingerprint if run else None
    if fingerprint is not None:
        revision = result.revision if result else run.revision if run else None
        rows += [("revision", revision or "local files"), ("weights", fingerprint[:_SHORT])]
        rows.append(("type of the weights", result.dtype if result else run.dtype if run else ""))
    rows.append(("folders", ", ".join(str(folder.path) for folder in found.folders)))
    cells_of = tuple((cells.text(name), Cell((value,), sort=value)) for name, value in rows)
    return Table("The model", cells.columns("what", "value"), cells_of, ordered=True)


def _threshold(found: ModelArtifacts) -> str:
    assert found.detection is not None, "its threshold is shown"
    threshold = found.detection.result.threshold
    value = "auto" if threshold.value is MISSING else number(threshold.value)
    return f"{value} ({threshold.origin}); largest activation seen {metric(threshold.largest_activation)}"


def _runs(runs: dict[str, SavedRun]) -> Table:
    columns = cells.columns("command", "status", "started (UTC)", "ended (UTC)", "#seed", "device", "text", "versions")
    rows = tuple(
        (
            Cell((Code(f"swa {command}"),), sort=run.header.started),
            cells.text(run.header.status),
            cells.text(run.header.started),
            cells.text(run.header.ended or "–"),
            cells.whole(run.header.seed),
            cells.text(run.header.device),
            cells.text(text_of(run.header)),
            Cell((", ".join(f"{name} {version}" for name, version in run.header.versions.items()),)),
        )
        for command, run in runs.items()
    )
    return Table("Runs", columns, rows)


def _is_builtin_text(header: RunHeader) -> bool:
    """Whether a run measured on the small text that comes with the package."""
    dataset = header.options.get("dataset")
    return dataset is not None and dataset.value == BUILTIN


def text_of(header: RunHeader) -> str:
    """The data set by name and the beginning of its fingerprint."""
    option = header.options.get("dataset")
    name = "" if option is None else str(option.value)
    fingerprint = header.dataset_fingerprint
    return name if fingerprint is None else f"{name} ({fingerprint[:_SHORT]})".strip()


def _options(header: RunHeader) -> Table:
    rows = tuple(
        (cells.code(f"--{name.replace('_', '-')}"), Cell((Code(_written(option.value)),)), cells.text(option.origin))
        for name, option in header.options.items()
    )
    return Table(f"Options of swa {header.command}", cells.columns("option", "value", "set by"), rows)


def _written(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value)) or "–"
    return "–" if value is None else str(value)


def _notes(found: ModelArtifacts) -> Iterator[str]:
    yield from found.notes
    if found.detection is not None:
        yield from found.detection.result.notes
    if found.analysis is not None and found.analysis.result.notes is not MISSING:
        yield from found.analysis.result.notes
    for run in runs_of(found).values():
        yield from [] if run.header.notes is MISSING else run.header.notes


def missing_parts(found: ModelArtifacts) -> list[Words]:
    """What no artifact was found of, with the command that makes it."""
    missing: list[Words] = []
    weights = [] if found.detection is None else found.detection.result.super_weights
    if found.detection is None:
        missing.append(("the detection: ", Code("swa detect")))
    elif weights and all(weight.confirmation is MISSING for weight in weights):
        missing.append(("confirmations: ", Code("swa detect"), " without ", Code("--no-confirm")))
    missing += _missing_of_evaluation(found)
    if found.super_weights is None or not found.super_weights.records:
        missing.append(("super-weight cards: ", Code("swa vocab")))
    elif all(card.bootstrap is MISSING for card in found.super_weights.records):
        missing.append(("intervals of the cards: ", Code("swa vocab --bootstrap 1000")))
    if found.neurons is None or not found.neurons.records:
        missing.append(("neuron cards: ", Code("swa vocab")))
    if not _has_cascade(found):
        missing.append(("the cascade: ", Code("swa cascade"), " or ", Code("swa vocab --enable-cascade")))
    return missing


def _missing_of_evaluation(found: ModelArtifacts) -> list[Words]:
    if found.analysis is None:
        return [("the impact on perplexity and accuracy: ", Code("swa evaluate"))]
    baseline = found.analysis.result.baseline
    missing: list[Words] = []
    if baseline.perplexity is MISSING:
        missing.append(("perplexity: ", Code("swa evaluate"), " without ", Code("--skip-perplexity")))
    if baseline.accuracy is MISSING:
        missing.append(("accuracy: ", Code("swa evaluate"), " without ", Code("--skip-accuracy")))
    return missing


def _has_cascade(found: ModelArtifacts) -> bool:
    cards = () if found.super_weights is None else found.super_weights.records
    return bool(found.cascades and found.cascades.records) or any(card.cascade is not MISSING for card in cards)
