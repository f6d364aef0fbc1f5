"""The one place that writes: results to stdout, everything else to stderr."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


@dataclass(frozen=True)
class Output:
    """Where a command's results and words go.

    Rich leaves colour out where a stream is no terminal or `NO_COLOR` is set. Texts are never read as markup: models
    and files have brackets in their names.

    Attributes:
        for_machines: Whether stdout belongs to JSON, so that nothing made for people may appear there.
        verbose: Whether details are shown.
        quiet: Whether only results and errors are shown.
    """

    for_machines: bool = False
    verbose: bool = False
    quiet: bool = False

    @cached_property
    def console(self) -> Console:
        """Stdout, for tables."""
        from rich.console import Console

        return Console(file=sys.stdout, markup=False, highlight=False, emoji=False)

    @cached_property
    def messages(self) -> Console:
        """Stderr, for bars and notes."""
        from rich.console import Console

        return Console(file=sys.stderr, markup=False, highlight=False, emoji=False)

    @property
    def shows_bars(self) -> bool:
        """Whether somebody is looking who wants to see bars."""
        return self.messages.is_terminal and not self.quiet

    def line(self, text: str) -> None:
        """Write a line of results, as it is."""
        sys.stdout.write(f"{text}\n")

    def show(self, result: RenderableType) -> None:
        """Write results for people; nothing where stdout is for machines."""
        if not self.for_machines:
            self.console.print(result)

    def text(self, text: str) -> None:
        """Write a line of results for people, unwrapped so that paths can be copied."""
        if not self.for_machines:
            self.console.print(text, soft_wrap=True)

    def files(self, paths: Mapping[str, str]) -> None:
        """Write where files are, by their names."""
        for name, path in paths.items():
            self.text(f"{name.replace('_', ' ')}: {path}")

    def note(self, text: str) -> None:
        """Say something on stderr."""
        if not self.quiet:
            self.messages.print(text, soft_wrap=True)

    def detail(self, text: str) -> None:
        """Say something on stderr that only `-v` shows."""
        if self.verbose and not self.quiet:
            self.messages.print(text, soft_wrap=True, style="dim")

    def warn(self, text: str) -> None:
        """Say something on stderr that changes how results are to be read."""
        if not self.quiet:
            self.messages.print(f"Warning: {text}", soft_wrap=True, style="yellow")
