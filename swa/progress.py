"""What an analysis tells of its progress. An analysis neither prints nor draws: it calls this protocol."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


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
