"""What only the command line has: models as arguments, and options of single commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from swa.options import Section


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
