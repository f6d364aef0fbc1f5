"""Sections of a comparison: counts and depth, impact, accuracy drops."""

from __future__ import annotations

from collections.abc import Sequence

from swa.reports.page.document import Paragraph, Section
from swa.reports.page.tables import page_table
from swa.schemas.summaries import ComparedRun
from swa.tables.comparison import counts_table, drops_table, impact_table


def counts(runs: Sequence[ComparedRun]) -> Section:
    """Candidates, super weights and where they lie."""
    return Section("Counts and depth", "counts", (page_table(counts_table(runs)),))


def impact(runs: Sequence[ComparedRun]) -> Section:
    """Perplexity ratios, their geometric means, and how severe they are."""
    text = (
        "Ratios are perplexity without the super weight over perplexity with it: in the evaluation where there is one, "
        "else in the confirmation of the detection (another, shorter text). Intervals of geometric means are "
        "percentile bootstraps over removals (2,000 resamples); severities are counted."
    )
    return Section("Impact", "impact", (Paragraph((text,)), page_table(impact_table(runs))))


def drops(runs: Sequence[ComparedRun]) -> Section | None:
    """Accuracy drops by task; nothing where no accuracy was measured."""
    table = drops_table(runs)
    if not table.rows:
        return None
    text = "How much worse a task's metric is: mean over the single removals, and with all removed together."
    return Section("Accuracy drops", "drops", (Paragraph((text,)), page_table(table)))
