"""Progress on stderr: bars with the time left on a terminal, now and then a line elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from swa.cli.terminal.bars import BarDisplay
from swa.cli.terminal.failures import say
from swa.cli.terminal.output import Output
from swa.progress import Lines, Task


class TerminalProgress:
    """The command line's `swa.progress.Progress`.

    Attributes:
        display: Where bars are drawn, `None` where nobody looks.
    """

    def __init__(self, output: Output) -> None:
        self._output = output
        self.display = BarDisplay(output.messages) if output.shows_bars else None

    @contextmanager
    def task(self, description: str, n_steps: int) -> Iterator[Task]:
        """See `swa.progress.Progress.task`; tasks may be nested."""
        if self.display is None:
            yield Lines(self._output.note, description, n_steps)
            return
        bar = self.display.add(description, n_steps)
        try:
            yield bar
        finally:
            bar.remove()

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Leave the terminal to results; bars that run are back afterwards."""
        if self.display is None:
            yield
        else:
            with self.display.hidden():
                yield

    def say(self, message: str) -> None:
        """See `swa.progress.Progress.say`."""
        self._output.note(message)

    def info(self, message: str) -> None:
        """See `swa.progress.Progress.info`."""
        self._output.detail(message)

    def warn(self, message: str) -> None:
        """See `swa.progress.Progress.warn`."""
        self._output.warn(message)

    def fail(self, message: str, hint: str) -> None:
        """See `swa.progress.Progress.fail`."""
        say(message, hint)
