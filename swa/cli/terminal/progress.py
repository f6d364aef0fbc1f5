"""Progress on stderr: bars with the time left on a terminal, now and then a line elsewhere; all of it in the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from swa.cli.terminal.bars import BarDisplay
from swa.cli.terminal.output import Output
from swa.progress import Task

SECONDS_BETWEEN_LINES = 30.0
log = logging.getLogger("swa")
log.addHandler(logging.NullHandler())  # outside a run's log, what the terminal got is enough


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
        start = time.monotonic()
        log.info("%s: %d steps", description, n_steps)
        if self.display is None:
            yield _Lines(self._output, description, n_steps)
        else:
            bar = self.display.add(description, n_steps)
            try:
                yield bar
            finally:
                bar.remove()
        log.info("%s: done in %.1f s", description, time.monotonic() - start)

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Leave the terminal to results; bars that run are back afterwards."""
        if self.display is None:
            yield
        else:
            with self.display.hidden():
                yield

    def say(self, message: str) -> None:
        """Tell the user something that is neither a result nor a detail (shown unless `-q`)."""
        log.info(message)
        self._output.note(message)

    def info(self, message: str) -> None:
        """See `swa.progress.Progress.info`."""
        log.info(message)
        self._output.detail(message)

    def warn(self, message: str) -> None:
        """See `swa.progress.Progress.warn`."""
        log.warning(message)
        self._output.warn(message)


class _Lines:
    """A task where nobody looks: a line every half minute, so that a job's log shows that it lives."""

    def __init__(self, output: Output, description: str, n_steps: int) -> None:
        self._output, self._description, self._n_steps = output, description, n_steps
        self._n_done = 0
        self._start = self._said = time.monotonic()

    def advance(self, n_steps: int = 1) -> None:
        """See `Task.advance`."""
        self._n_done += n_steps
        now = time.monotonic()
        if now - self._said >= SECONDS_BETWEEN_LINES:
            self._said = now
            left = (now - self._start) / max(1, self._n_done) * (self._n_steps - self._n_done)
            self._output.note(f"{self._description}: {self._n_done}/{self._n_steps}, ETA {left:.0f} s")
