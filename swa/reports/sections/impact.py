"""What removing each super weight does to perplexity and accuracy."""

from __future__ import annotations

from pydantic import MISSING

from swa.findings.impact import on_task
from swa.findings.severity import DROP_BOUNDS, RATIO_BOUNDS
from swa.reports.page.document import Block, Code, Paragraph, Picture, Section
from swa.reports.page.tables import page_table
from swa.reports.plots import combined_analysis, impact_comparison
from swa.reports.plots.style import png
from swa.reports.saved.models import ModelArtifacts
from swa.schemas.evaluation import ModelAnalysis
from swa.tables.evaluation import evaluation_table, task_table
from swa.tables.table import Table
from swa.text import numbers
from swa.text.words import counted, task_title


def section(found: ModelArtifacts, anchor: str) -> Section | None:
    """Every variant, its figures, and a table for each task."""
    if found.analysis is None:
        return None
    analysis, plots = found.analysis.result, found.folder_of(found.analysis.path).plots
    variants, overview = [*analysis.individual, *analysis.combined], evaluation_table(analysis)
    blocks: list[Block] = [Paragraph((_protocol(analysis),))]
    if not variants:
        blocks.append(Paragraph(("No super weight was removed: only the intact model was measured.",)))
    if variants:
        blocks.append(Paragraph((_severities(),)))
        blocks.append(page_table(overview))
        title = f"{found.name}: the intact model against each edit"
        blocks.append(Picture(title, png(impact_comparison.draw(analysis)), plots / "impact_comparison.png"))
    if analysis.combined:
        title = "All together beside what the single edits let expect"
        blocks.append(Picture(title, png(combined_analysis.draw(analysis)), plots / "combined_analysis.png"))
    tasks = {} if analysis.baseline.accuracy is MISSING else analysis.baseline.accuracy
    blocks += [_task(analysis, overview, task, f"{anchor}-t{index}") for index, task in enumerate(tasks)]
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


def _task(analysis: ModelAnalysis, overview: Table, task: str, anchor: str) -> Section:
    assert analysis.baseline.accuracy is not MISSING, "its tasks are shown"
    intact = analysis.baseline.accuracy[task]
    chances = (found.seen.chance for found in on_task((*analysis.individual, *analysis.combined), task))
    chance = next((chance for chance in chances if chance is not MISSING), None)
    others = {name: value for name, value in intact.all_metrics.items() if name != intact.metric}
    words: list[str | Code] = ["Main metric ", Code(intact.metric), f", {counted(intact.n, 'item')}"]
    if chance is not None:
        words.append(f"; guessing gives {numbers.share(chance)}")
    if others:
        words.append(f"; of the intact model also {', '.join(f'{k} {numbers.share(v)}' for k, v in others.items())}")
    table = page_table(task_table(overview, task, intact.metric))
    return Section(task_title(task), anchor, (Paragraph((*words, ".")), table))
