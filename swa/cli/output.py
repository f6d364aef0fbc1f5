"""Where words go: results to stdout, everything else to stderr."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from swa.errors import SwaError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


class Output:
    """The two streams of a command.

    Args:
        quiet: Show results and errors only.
        verbose: Show notes too.
    """

    def __init__(self, *, quiet: bool = False, verbose: bool = False) -> None:
        self.quiet = quiet
        self.verbose = verbose

    def result(self, text: str) -> None:
        """A line of the result, as it is."""
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def table(self, table: Table) -> None:
        """A table of the result."""
        self._console().print(table)

    def note(self, text: str) -> None:
        """Something that goes with the result, for people."""
        if not self.quiet:
            sys.stderr.write(text + "\n")

    def warn(self, text: str) -> None:
        """Something that changes how the result is to be read."""
        if not self.quiet:
            sys.stderr.write(f"warning: {text}\n")

    def error(self, error: SwaError) -> None:
        """A known failure: one sentence and a way out."""
        sys.stderr.write(f"error: {error.message}\n")
        if error.hint:
            sys.stderr.write(f"hint: {error.hint}\n")

    def _console(self) -> Console:
        from rich.console import Console

        width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 140
        return Console(file=sys.stdout, width=width, highlight=False)
