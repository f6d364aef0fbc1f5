"""`swa schema`: the public records and their JSON Schemas."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from swa.cli.terminal.output import Output

EXAMPLES = """
    swa schema
    swa schema DetectionResult
    swa schema SuperWeight > super_weight.schema.json
"""


def command(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", rich_help_panel="Record", help="Record whose schema to print.")
    ] = None,
) -> None:
    """List the public records, or print a schema.

    Every JSON object that swa writes is one of these records; the schemas are JSON Schema, draft 2020-12.
    """
    from swa import runs
    from swa.schemas.registry import schema_names

    output = Output()
    if name is None:
        for known in schema_names():
            output.line(known)
    else:
        output.line(json.dumps(runs.schema(name), indent=2, ensure_ascii=False))
