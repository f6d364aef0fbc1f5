"""`swa validate`: check artifacts against the schemas of their records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from swa.cli.terminal.output import Output
from swa.errors import InvalidArtifactError

EXAMPLES = """
    swa validate results/*/*/data/*.json results/*/*/data/*.jsonl
    swa validate --record NeuronCard old_cards.jsonl
"""


def command(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", rich_help_panel="Files", help="JSON or JSON-lines files.")
    ],
    record: Annotated[
        str | None,
        typer.Option(
            "--record",
            metavar="NAME",
            rich_help_panel="Files",
            help="What the objects should be; by default what they say themselves, else what fits. See `swa schema`.",
        ),
    ] = None,
) -> None:
    """Check artifacts against their schemas.

    Prints one line a problem, file:line: what is wrong, and ends with exit code 6 if there is any.
    """
    from swa import runs

    output = Output()
    reports = runs.validate(files, record=record)
    for report in reports:
        for problem in report.problems:
            output.line(f"{report.path}:{problem.line}: {problem.message}")
        if not report.problems:
            output.line(f"{report.path}: ok, {report.n_records} record{'' if report.n_records == 1 else 's'}")
    n_invalid = sum(bool(report.problems) for report in reports)
    if n_invalid:
        raise InvalidArtifactError(f"{n_invalid} of {len(reports)} files are not valid.")
