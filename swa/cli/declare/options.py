"""What only the command line has: models as arguments, and options of single commands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from swa.options import Option, Options, Section, names_of


def in_panel(panel: Section | str) -> Callable[..., Any]:
    """Declare an option of a single command, in a section of the help page."""

    def option(*spellings: str, **details: Any) -> Any:
        return typer.Option(*spellings, rich_help_panel=panel, **details)

    return option


Models = Annotated[
    list[str],
    typer.Argument(
        metavar="MODEL",
        rich_help_panel="Model",
        help="Hub id (org/name, org/name@revision), folder, .gguf file, or demo. Also --models A B, or --models "
        "A --models B.",
    ),
]


@dataclass(frozen=True)
class OutputOptions(Options):
    """What is shown; it changes nothing of a run.

    Attributes:
        json: One JSON object instead of text.
        verbose: Show everything.
        quiet: Show results and errors only.
    """

    json: Annotated[
        bool, Option(help="One JSON object on stdout instead of text.", section="Output", changes="nothing")
    ] = False
    verbose: Annotated[
        bool,
        Option(
            help="Show everything, also log lines of libraries.",
            section="Output",
            changes="nothing",
            spellings=("--verbose", "-v"),
        ),
    ] = False
    quiet: Annotated[
        bool,
        Option(
            help="No progress, no notes: results and errors only.",
            section="Output",
            changes="nothing",
            spellings=("--quiet", "-q"),
        ),
    ] = False


SHOWN = names_of(OutputOptions) | {"jsonl", "confirmed_only", "list_tasks"}
"""Options of how a call is shown: headers of runs do not hold them."""
