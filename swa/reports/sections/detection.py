"""Candidates against confirmed super weights."""

from __future__ import annotations

from pydantic import MISSING

from swa.findings.verdict import is_confirmed
from swa.reports.page import cells
from swa.reports.page.document import Block, Bullets, Cell, Fold, Paragraph, Picture, Section, Table
from swa.reports.page.tables import page_table
from swa.reports.plots import detection_iterations, super_weight_distribution
from swa.reports.plots.style import png
from swa.reports.saved.models import ModelArtifacts
from swa.schemas.detection import DetectionResult
from swa.store.search import Found
from swa.tables.detection import detection_table
from swa.text import numbers
from swa.text.words import counted


def section(found: ModelArtifacts, anchor: str) -> Section | None:
    """What the screens found and which of it removal bears out."""
    if found.detection is None:
        return None
    result = found.detection.result
    confirmed = [weight for weight in result.super_weights if is_confirmed(weight)]
    others = [weight for weight in result.super_weights if not is_confirmed(weight)]
    blocks: list[Block] = [Paragraph((_counts(result, len(confirmed)),))]
    if confirmed:
        blocks.append(page_table(detection_table(confirmed, "Confirmed super weights")))
    if others:
        table = page_table(detection_table(others, "Candidates that removal does not bear out"))
        title = f"{counted(len(others), 'other candidate')}, with the reason for each"
        blocks.append(Fold((title,), (table,), is_open=not confirmed))
    if result.near_misses:
        blocks.append(_near_misses(result))
    blocks += _figures(found, found.detection)
    if result.coverage.not_examined:
        missed: Block = Bullets(tuple((text,) for text in result.coverage.not_examined))
        blocks.append(Fold((f"{counted(len(result.coverage.not_examined), 'site')} not examined",), (missed,)))
    return Section("Candidates and confirmed super weights", anchor, tuple(blocks))


def _counts(result: DetectionResult, n_confirmed: int) -> str:
    tested = [weight for weight in result.super_weights if weight.confirmation is not MISSING]
    improving = sum(weight.confirmation is not MISSING and weight.confirmation.improves for weight in tested)
    text = f"{counted(len(result.super_weights), 'candidate')} from the {' and the '.join(result.screens)} screen"
    if not result.super_weights:
        return f"{text[:1].upper()}{text[1:]}; {result.coverage.text}."
    if not tested:
        return f"{text}; none was removed, so none is confirmed; {result.coverage.text}."
    more = f", and {improving} whose removal improves the loss" if improving else ""
    return f"{text}; {n_confirmed} confirmed by removal on held-out text{more}; {result.coverage.text}."


def _near_misses(result: DetectionResult) -> Fold:
    rows = tuple(
        (Cell((str(miss.layer),), sort=miss.layer), cells.code(miss.module),
         cells.value(miss.input_value, numbers.metric), cells.value(miss.output_value, numbers.metric))
        for miss in result.near_misses
    )  # fmt: skip
    columns = cells.columns("#layer", "module", "#input x", "#output y")
    table = Table("Sites whose extremes both pass half the threshold, but not the threshold", columns, rows)
    return Fold((f"Near misses: {len(rows)}",), (table,))


def _figures(found: ModelArtifacts, detection: Found[DetectionResult]) -> list[Block]:
    plots = found.folder_of(detection.path).plots
    figures: list[Block] = []
    if detection.result.iterations:
        title = "Largest activations of each layer's down projection; stars on the detections, filled when confirmed"
        drawn = png(detection_iterations.draw(detection.result))
        figures.append(Picture(title, drawn, plots / "detection_iterations.png"))
    if detection.result.super_weights:
        title = "Input against output value of every candidate, labelled with its layer"
        drawn = png(super_weight_distribution.draw(detection.result))
        figures.append(Picture(title, drawn, plots / "super_weight_distribution.png"))
    return figures
