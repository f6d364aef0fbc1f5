"""Candidates against confirmed super weights."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import MISSING

from swa.findings.verdict import is_confirmed, verdict
from swa.reports.page import cells
from swa.reports.page.document import Block, Bullets, Cell, Fold, Paragraph, Picture, Section, Table
from swa.reports.plots import detection_iterations, super_weight_distribution
from swa.reports.plots.style import png
from swa.reports.saved.models import ModelArtifacts
from swa.schemas.detection import DetectionResult, SuperWeight
from swa.store.search import Found
from swa.text import numbers
from swa.text.words import counted

_COLUMNS = cells.columns(
    "coordinate", "verdict", "#Δ loss [95 %]", "#ppl ×", "#control Δ", "found by", "#weight", "#input x", "#output y",
    "#share", "#gradient rank",
)  # fmt: skip
_PUBLISHED = cells.columns("published")
"""Of use only where a coordinate of the paper was met."""


def section(found: ModelArtifacts, anchor: str) -> Section | None:
    """What the screens found and which of it removal bears out."""
    if found.detection is None:
        return None
    result = found.detection.result
    confirmed = [weight for weight in result.super_weights if is_confirmed(weight)]
    others = [weight for weight in result.super_weights if not is_confirmed(weight)]
    blocks: list[Block] = [Paragraph((_counts(result, len(confirmed)),))]
    if confirmed:
        blocks.append(_table("Confirmed super weights", confirmed))
    if others:
        table = _table("Candidates that removal does not bear out", others)
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


def _table(caption: str, weights: Sequence[SuperWeight]) -> Table:
    known = any(weight.published for weight in weights)
    rows = (
        (*_row(weight), *((cells.text("yes" if weight.published else "no"),) if known else ())) for weight in weights
    )
    return Table(caption, _COLUMNS + (_PUBLISHED if known else ()), tuple(rows))


def _row(weight: SuperWeight) -> tuple[Cell, ...]:
    word = verdict(weight)
    return (
        cells.code(weight.coordinate),
        cells.text(word, tone=word if word in ("confirmed", "improves") else ""),
        *_removal(weight),
        cells.text("both" if len(weight.found_by) > 1 else "".join(weight.found_by)),
        cells.value(weight.weight),
        cells.value(weight.input_value),
        cells.value(weight.output_value),
        cells.value(weight.share, numbers.share),
        cells.whole(weight.gradient_rank),
    )


def _removal(weight: SuperWeight) -> Sequence[Cell]:
    """What removal does to the loss, beside the control."""
    found = weight.confirmation
    if found is MISSING:
        return (cells.NOTHING,) * 3
    return (
        cells.change(found.delta_loss, found.ci_low, found.ci_high),
        cells.ratio(found.perplexity_ratio, found.delta_loss),
        cells.value(found.control_delta_loss, numbers.change),
    )


def _near_misses(result: DetectionResult) -> Fold:
    rows = tuple(
        (Cell((str(miss.layer),), sort=miss.layer), cells.code(miss.module), cells.value(miss.input_value),
         cells.value(miss.output_value))
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
