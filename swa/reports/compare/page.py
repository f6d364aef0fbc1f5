"""A comparison as a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import MISSING

from swa.reports.compare.patterns import agreement, patterns
from swa.reports.compare.protocol import written
from swa.reports.compare.tables import counts, drops, impact
from swa.reports.page import cells
from swa.reports.page.document import (
    Block,
    Bullets,
    Cell,
    Code,
    Document,
    Picture,
    Remark,
    Section,
    Strong,
    Table,
    Words,
)
from swa.schemas.summaries import ComparedRun, Comparison
from swa.text import numbers
from swa.text.words import counted, task_title


def comparison_page(comparison: Comparison, figures: Sequence[tuple[str, Path]]) -> Document:
    """The page.

    Args:
        comparison: What it shows.
        figures: Title and file of each figure.
    """
    runs = [] if comparison.runs is MISSING else comparison.runs
    sections = [
        _summary(comparison, runs),
        counts(runs),
        impact(runs),
        drops(runs),
        patterns(comparison, runs),
        *(agreement(one, f"agreement-{index}") for index, one in enumerate(comparison.agreements)),
        Section("Figures", "figures", tuple(Picture(title, b"", path) for title, path in figures)),
        _protocols(runs),
    ]
    lead = (f"{counted(len(runs), 'run')} of {counted(comparison.statistics.n_models, 'model')}. Made by ",)
    return Document(
        "Super weights side by side",
        (*lead, Code("swa compare"), " from saved artifacts; no model was loaded."),
        tuple(section for section in sections if section is not None),
    )


def _summary(comparison: Comparison, runs: Sequence[ComparedRun]) -> Section:
    seen = comparison.statistics
    words = [(Strong(f"{seen.n_with_super_weights} of {counted(seen.n_models, 'model')}"), " with super weights.")]
    blocks: list[Block] = []
    if seen.geometric_mean_ratio is not MISSING and seen.mean_log_ratio is not MISSING:
        interval = cells.interval(comparison.ratio_ci_low, comparison.ratio_ci_high)
        n_removals = _n_counted(runs)
        mean = numbers.ratio(seen.geometric_mean_ratio, seen.mean_log_ratio)
        of = f"{mean}{interval}" + (" (models drawn anew)" if interval else "")
        what = f" is the geometric mean of the perplexity ratios of {counted(n_removals, 'single removal')}"
        words.append((Strong(of), f"{what}, each model counted once."))
    for task, drop in ({} if seen.mean_drops is MISSING else seen.mean_drops).items():
        words.append((Strong(numbers.share(drop)), f" is the mean drop in {task_title(task)} of the single removals."))
    blocks.append(Bullets(tuple(words)))
    if comparison.mismatches:
        blocks.append(Remark(("The runs were not measured alike, and are compared nevertheless:",)))
        blocks.append(Bullets(tuple((text,) for text in comparison.mismatches)))
    return Section("Summary", "summary", tuple(blocks))


def _n_counted(runs: Sequence[ComparedRun]) -> int:
    """Removals behind the mean: those of the run that each model is counted by."""
    counted_by = [run for run in runs if run.counted and run.measured_by == "evaluation"]
    return sum(len(run.removals) for run in counted_by)


def _protocols(runs: Sequence[ComparedRun]) -> Section:
    names = list(dict.fromkeys(name for run in runs for name in run.protocol))
    rows = tuple(
        (
            cells.text(run.label),
            *(Cell((written(run.protocol[name]) if name in run.protocol else "–",)) for name in names),
            Cell(_paths(run.sources)),
        )
        for run in runs
    )
    table = Table("What the numbers depend on", cells.columns("run", *names, "records"), rows)
    return Section("Protocols", "protocols", (table,))


def _paths(sources: Sequence[str]) -> Words:
    words: Words = ()
    for path in sources:
        words += (*((", ",) if words else ()), Code(path))
    return words
