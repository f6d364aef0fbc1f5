"""`swa compare`: several models, or several runs of one, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from swa.cli.declare.options import OutputOptions, in_panel
from swa.cli.terminal.output import Output
from swa.runs.steps.compare import COMPARISON

EXAMPLES = """
    swa compare results
    swa compare fp32/demo bf16/demo --output results/dtypes
    swa compare results/*/demo/data/detection_*.json --allow-mismatch
"""


def command(
    places: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR|FILE...",
            rich_help_panel="Artifacts",
            help="Results folders, searched at any depth (each model's folder is a run), or detection_*.json, "
            "analysis_*.json and complete_analysis_*.json.",
        ),
    ],
    shown: OutputOptions,
    output: Annotated[
        Path, in_panel("Output")("--output", metavar="DIR", help="Where record, page and figures go.")
    ] = COMPARISON,
    allow_mismatch: Annotated[
        bool,
        in_panel("Run")(
            "--allow-mismatch",
            help="Compare runs whose protocols differ (texts, tasks, items, scales, seed); what differs is recorded.",
        ),
    ] = False,
) -> None:
    """Compare models, or runs of one model, from saved artifacts; no model is loaded.

    Writes comparison.json, comparison.md and figures. Runs that were not measured alike are refused, and what differs
    is said. Of one model's runs it also says which super weights they agree on.
    """
    from swa import runs
    from swa.cli.tables.compare_show import command_result, show

    out = Output(for_machines=shown.json, verbose=shown.verbose, quiet=shown.quiet)
    written = runs.compare(places, output, allow_mismatch=allow_mismatch)
    for run in written.runs:
        for note in run.notes:
            out.warn(note)
        for path in run.sources:
            out.detail(f"{run.model}: {path}")
    for mismatch in written.comparison.mismatches:
        out.warn(f"Not measured alike: {mismatch}.")
    if shown.json:
        out.line(command_result(written).model_dump_json())
    else:
        show(written, out)
