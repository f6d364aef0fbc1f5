"""What removing each super weight does to perplexity and accuracy."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import MISSING

from swa.findings.impact import drop_of, log_ratio_of
from swa.findings.severity import DROP_BOUNDS, RATIO_BOUNDS
from swa.reports.page import cells
from swa.reports.page.document import Block, Cell, Code, Paragraph, Picture, Section, Table
from swa.reports.plots import combined_analysis, impact_comparison
from swa.reports.plots.style import png
from swa.reports.saved.models import ModelArtifacts
from swa.schemas.evaluation import ImpactRecord, ModelAnalysis
from swa.text import numbers
from swa.text.words import counted, task_title


def section(found: ModelArtifacts, anchor: str) -> Section | None:
    """Every variant, its figures, and a table for each task."""
    if found.analysis is None:
        return None
    analysis, plots = found.analysis.result, found.folder_of(found.analysis.path).plots
    variants = [*analysis.individual, *analysis.combined]
    blocks: list[Block] = [Paragraph((_protocol(analysis),))]
    if not variants:
        blocks.append(Paragraph(("No super weight was removed: only the intact model was measured.",)))
    if variants:
        blocks.append(Paragraph((_severities(),)))
        blocks.append(_overview(analysis))
        title = f"{found.name}: the intact model against each edit"
        blocks.append(Picture(title, png(impact_comparison.draw(analysis)), plots / "impact_comparison.png"))
    if analysis.combined:
        title = "All together beside what the single edits let expect"
        blocks.append(Picture(title, png(combined_analysis.draw(analysis)), plots / "combined_analysis.png"))
    tasks = {} if analysis.baseline.accuracy is MISSING else analysis.baseline.accuracy
    blocks += [_task(analysis, task, f"{anchor}-t{index}") for index, task in enumerate(tasks)]
    return Section("Impact of removal", anchor, tuple(blocks))


def _protocol(analysis: ModelAnalysis) -> str:
    seen, tasks = analysis.baseline.perplexity, analysis.baseline.accuracy
    parts = []
    if seen is not MISSING:
        cut = f", {seen.n_truncated} cut to the context" if seen.n_truncated is not MISSING and seen.n_truncated else ""
        parts.append(
            f"perplexity {numbers.perplexity(seen.value)} on {counted(seen.n_texts, seen.protocol.removesuffix('s'))} "
            f"({numbers.count(seen.n_tokens)} predicted tokens){cut}"
        )
    if tasks is not MISSING:
        parts += [
            f"{task_title(task)} {numbers.share(one.value)} {one.metric} on {counted(one.n, 'item')}"
            for task, one in tasks.items()
        ]
    return (
        f"The intact model: {'; '.join(parts)}. All variants saw the same texts and items."
        if parts
        else ("Nothing was measured of the intact model.")
    )


def _severities() -> str:
    ratios = ", ".join(f"{name} above {numbers.number(bound)}" for name, bound in RATIO_BOUNDS.items())
    drops = ", ".join(f"{name} above {numbers.number(bound)}" for name, bound in DROP_BOUNDS.items())
    return f"Severity by the perplexity ratio: {ratios}. By the drop of an accuracy: {drops}. Else minimal."


def _overview(analysis: ModelAnalysis) -> Table:
    """One row a variant: perplexity and, of each task, the drop."""
    tasks = {} if analysis.baseline.accuracy is MISSING else analysis.baseline.accuracy
    with_text = analysis.baseline.perplexity is not MISSING
    titles = ["variant", "what is edited", "#factor"]
    titles += ["#perplexity", "#ratio [95 %]", "severity"] if with_text else []
    titles += [f"#{task_title(task)}: drop [95 %]" for task in tasks]
    rows = []
    for impact in (*analysis.individual, *analysis.combined):
        row = [cells.text(impact.variant), _edited(impact), cells.value(impact.factor)]
        row += _perplexity(impact) if with_text else []
        rows.append((*row, *(_drop(impact, task) for task in tasks)))
    return Table("Impact of each variant", cells.columns(*titles), tuple(rows))


def _edited(impact: ImpactRecord) -> Cell:
    if len(impact.coordinates) == 1:
        return cells.code(impact.coordinates[0])
    return Cell((f"{len(impact.coordinates)} together",), sort=f"~{len(impact.coordinates):06d}")


def _perplexity(impact: ImpactRecord) -> Iterator[Cell]:
    seen = impact.perplexity
    if seen is MISSING:
        yield from (cells.NOTHING,) * 3
        return
    yield cells.value(seen.modified, numbers.perplexity)
    yield cells.ratio(seen.ratio, log_ratio_of(seen), seen.ratio_ci_low, seen.ratio_ci_high)
    if impact.edit_inactive is MISSING:
        yield Cell((seen.severity,), sort=cells.sortable(log_ratio_of(seen)), tone=seen.severity)
    else:
        yield cells.text(f"none: {impact.edit_inactive}")


def _drop(impact: ImpactRecord, task: str) -> Cell:
    seen = None if impact.accuracy is MISSING else impact.accuracy.get(task)
    if seen is None:
        return cells.NOTHING
    tone = "" if seen.severity is MISSING or seen.not_significant is True else seen.severity
    return cells.drop(*drop_of(seen), by_chance=seen.not_significant is True, tone=tone)


def _task(analysis: ModelAnalysis, task: str, anchor: str) -> Section:
    assert analysis.baseline.accuracy is not MISSING, "its tasks are shown"
    intact = analysis.baseline.accuracy[task]
    titles = ("variant", "what is edited", f"#{intact.metric}", "#drop [95 %]", "#McNemar p", "severity", "#items")
    rows = [
        (cells.text("baseline"), cells.text("the intact model"), cells.value(intact.value, numbers.share),
         cells.NOTHING, cells.NOTHING, cells.NOTHING, cells.count(intact.n))
    ]  # fmt: skip
    chance = None
    for impact in (*analysis.individual, *analysis.combined):
        seen = None if impact.accuracy is MISSING else impact.accuracy.get(task)
        if seen is None:
            continue
        chance = chance if seen.chance is MISSING else seen.chance
        severity = cells.NOTHING if seen.severity is MISSING else cells.text(seen.severity, tone=seen.severity)
        rows.append(
            (cells.text(impact.variant), _edited(impact), cells.value(seen.modified, numbers.share),
             _drop(impact, task), cells.value(seen.mcnemar_p, numbers.p_value), severity, cells.count(seen.n))
        )  # fmt: skip
    others = {name: value for name, value in intact.all_metrics.items() if name != intact.metric}
    words: list[str | Code] = ["Main metric ", Code(intact.metric), f", {counted(intact.n, 'item')}"]
    if chance is not None:
        words.append(f"; guessing gives {numbers.share(chance)}")
    if others:
        words.append(f"; of the intact model also {', '.join(f'{k} {numbers.share(v)}' for k, v in others.items())}")
    table = Table(f"{task_title(task)}: every variant", cells.columns(*titles), tuple(rows))
    return Section(task_title(task), anchor, (Paragraph((*words, ".")), table))
