"""What an analysis tells of its progress. An analysis neither prints nor draws: it calls this protocol."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TextIO

SECONDS_BETWEEN_LINES = 30.0


class Task(Protocol):
    """One running piece of work with a known number of steps."""

    def advance(self, n_steps: int = 1) -> None:
        """Say that `n_steps` more steps are done."""


class Progress(Protocol):
    """Where an analysis reports to."""

    @contextmanager
    def task(self, description: str, n_steps: int) -> Iterator[Task]:
        """Announce a piece of work of `n_steps` steps; it ends with the context."""
        ...

    def say(self, message: str) -> None:
        """Say what a run is about to do or has found done already (shown unless `-q`)."""

    def info(self, message: str) -> None:
        """Say something that a user may want to know (shown with `-v`, always in the log file)."""

    def warn(self, message: str) -> None:
        """Say something that changes how the result is to be read (shown unless `-q`)."""

    def fail(self, message: str, hint: str) -> None:
        """Say that a part failed while others go on (always shown)."""


class _SilentTask:
    def advance(self, n_steps: int = 1) -> None:
        """Ignore the step."""


class SilentProgress:
    """The default of the Python API: nothing is shown."""

    @contextmanager
    def task(self, description: str, n_steps: int) -> Iterator[Task]:
        """See `Progress.task`."""
        yield _SilentTask()

    def say(self, message: str) -> None:
        """See `Progress.say`."""

    def info(self, message: str) -> None:
        """See `Progress.info`."""

    def warn(self, message: str) -> None:
        """See `Progress.warn`."""

    def fail(self, message: str, hint: str) -> None:
        """See `Progress.fail`."""


class Lines:
    """A task where no bar can be drawn: now and then a line, so that a job's log shows that it lives.

    Args:
        write: Writes a line.
        description: What the task is called.
        n_steps: How many steps it has.
    """

    def __init__(self, write: Callable[[str], None], description: str, n_steps: int) -> None:
        self._write, self._description, self._n_steps = write, description, n_steps
        self._n_done = 0
        self._start = self._said = time.monotonic()

    def advance(self, n_steps: int = 1) -> None:
        """See `Task.advance`."""
        self._n_done += n_steps
        now = time.monotonic()
        if now - self._said >= SECONDS_BETWEEN_LINES:
            self._said = now
            left = (now - self._start) / max(1, self._n_done) * (self._n_steps - self._n_done)
            self._write(f"{self._description}: {self._n_done}/{self._n_steps}, ETA {left:.0f} s")


class PlainProgress(SilentProgress):
    """Lines of text: what is said, warnings, failures, and now and then how far a task is.

    Args:
        stream: Where they go; by default stderr.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def _write(self, text: str) -> None:
        stream = self._stream or sys.stderr
        stream.write(f"{text}\n")
        stream.flush()

    @contextmanager
    def task(self, description: str, n_steps: int) -> Iterator[Task]:
        """See `Progress.task`."""
        yield Lines(self._write, description, n_steps)

    def say(self, message: str) -> None:
        """See `Progress.say`."""
        self._write(message)

    def warn(self, message: str) -> None:
        """See `Progress.warn`."""
        self._write(f"Warning: {message}")

    def fail(self, message: str, hint: str) -> None:
        """See `Progress.fail`."""
        self._write(f"Error: {message}" + (f"\nHint: {hint}" if hint else ""))


class NotebookProgress(PlainProgress):
    """Bars of tqdm, drawn by the notebook where it can; messages as lines between them."""

    def _write(self, text: str) -> None:
        from tqdm.auto import tqdm

        tqdm.write(text, file=self._stream or sys.stdout)

    @contextmanager
    def task(self, description: str, n_steps: int) -> Iterator[Task]:
        """See `Progress.task`."""
        from tqdm.auto import tqdm

        with tqdm(total=n_steps, desc=description, leave=False) as bar:
            yield _Bar(bar)


class _Bar:
    def __init__(self, bar: Any) -> None:
        self._bar = bar

    def advance(self, n_steps: int = 1) -> None:
        """See `Task.advance`."""
        self._bar.update(n_steps)
