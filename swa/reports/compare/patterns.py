"""What super weights of compared runs have in common: by architecture, and between runs of one model."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import MISSING

from swa.reports.compare.protocol import written
from swa.reports.page import cells
from swa.reports.page.document import Block, Bullets, Code, Paragraph, Section, Table
from swa.reports.page.tables import page_table
from swa.schemas.summaries import ComparedRun, Comparison, RunAgreement
from swa.tables.comparison import families_table
from swa.text import numbers
from swa.text.words import counted


def patterns(comparison: Comparison, runs: Sequence[ComparedRun]) -> Section:
    """Families, norms and layouts, and channels in which several super weights lie."""
    families = [] if comparison.families is MISSING else comparison.families
    blocks: list[Block] = [page_table(families_table(families))]
    recurring = [
        (Code(run.label), f": channel {one.row} in layers {', '.join(map(str, one.layers))}")
        for run in runs
        for one in run.recurring_rows
    ]
    if recurring:
        blocks += [
            Paragraph(("Channels of the residual stream in which several super weights of a run lie:",)),
            Bullets(tuple(recurring)),
        ]
    else:
        blocks.append(Paragraph(("No channel of the residual stream has more than one super weight.",)))
    return Section("Patterns by architecture", "patterns", tuple(blocks))


def agreement(one: RunAgreement, anchor: str) -> Section:
    """What differs between the runs of a model, and the Δ loss of every coordinate that one confirms."""
    agreed = "" if one.agreement is MISSING else f" ({numbers.percent(one.agreement)} of those that any run confirms)"
    blocks: list[Block] = [
        Paragraph((f"{counted(len(one.common), 'super weight')} confirmed by all {len(one.runs)} runs{agreed}.",))
    ]
    settings = {} if one.settings is MISSING else one.settings
    names = [f"run {index + 1}" for index in range(len(one.runs))]
    columns = cells.columns("run", "record", *(name.replace("_", " ") for name in settings))
    blocks.append(
        Table(
            "What differs between the runs",
            columns,
            tuple(
                (
                    cells.text(name),
                    cells.code(path),
                    *(cells.text(written(values[index])) for values in settings.values()),
                )
                for index, (name, path) in enumerate(zip(names, one.runs, strict=True))
            ),
        )
    )
    deltas = {} if one.delta_losses is MISSING else one.delta_losses
    rows = tuple(
        (
            cells.code(coordinate),
            cells.text("all" if coordinate in one.common else f"{len(one.differing[coordinate])} of {len(one.runs)}"),
            *(cells.value(of_run.get(path, MISSING), numbers.change) for path in one.runs),
        )
        for coordinate, of_run in deltas.items()
    )
    if rows:
        blocks.append(
            Table(
                "Δ loss of each coordinate, nats per token",
                cells.columns("coordinate", "confirmed by", *(f"#{n}" for n in names)),
                rows,
            )
        )
    return Section(f"Agreement of the runs of {one.model}", anchor, tuple(blocks))
