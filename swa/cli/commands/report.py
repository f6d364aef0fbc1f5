"""`swa report`: Markdown and one self-contained page from saved artifacts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from swa.cli.declare.options import OutputOptions, in_panel
from swa.cli.terminal.output import Output

EXAMPLES = """
    swa report results
    swa report results/comprehensive_super_weight_analysis/demo --output pages
    swa report results --json | jq -r '.models[0].files.report'
"""


def command(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            rich_help_panel="Artifacts",
            help="Results folder of detect, evaluate, vocab, cascade or run, or one model's folder in it; searched "
            "at any depth.",
        ),
    ],
    shown: OutputOptions,
    output: Annotated[
        Path | None,
        in_panel("Output")(
            "--output", metavar="DIR", help="Where report.md and report.html go; by default DIR itself."
        ),
    ] = None,
) -> None:
    """Write a report from saved artifacts; no model is loaded.

    report.html is one page with all tables and figures inside, report.md the same as text with links to the figures.
    Of several runs in a folder the newest complete one is shown. What is missing is said.
    """
    from swa import runs
    from swa.cli.tables.report_show import command_result, show

    out = Output(for_machines=shown.json, verbose=shown.verbose, quiet=shown.quiet)
    written = runs.report(directory, output)
    for found in written.models:
        for note in found.notes:
            out.warn(note)
        for path in found.sources:
            out.detail(f"{found.name}: {path}")
    if shown.json:
        out.line(command_result(written).model_dump_json())
    else:
        show(written, out)
