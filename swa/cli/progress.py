"""Progress on the terminal and in the log file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from swa.cli.output import Output
from swa.progress import Task
from swa.store.atomic import write_error

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID


class _Bar:
    def __init__(self, progress: RichProgress | None, task: TaskID | None) -> None:
        self._progress = progress
        self._task = task

    def advance(self, n_steps: int = 1) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.advance(self._task, n_steps)


class TerminalProgress:
    """Bars with the remaining time on stderr, notes with `-v`, everything in the log file.

    Args:
        output: Where words go.
        log: Log file to append to, or `None`.
    """

    def __init__(self, output: Output, log: Path | None = None) -> None:
        self._output = output
        self._log_path = log

    @contextmanager
    def task(self, description: str, n_steps: int) -> Iterator[Task]:
        """See `swa.progress.Progress.task`."""
        self._log(f"{description} ({n_steps} steps)")
        if self._output.quiet or not sys.stderr.isatty():
            yield _Bar(None, None)
        else:
            with _rich_progress() as progress:
                yield _Bar(progress, progress.add_task(description, total=n_steps))
        self._log(f"{description}: done")

    def info(self, message: str) -> None:
        """See `swa.progress.Progress.info`."""
        self._log(message)
        if self._output.verbose:
            self._output.note(message)

    def warn(self, message: str) -> None:
        """See `swa.progress.Progress.warn`."""
        self._log(f"warning: {message}")
        self._output.warn(message)

    def _log(self, message: str) -> None:
        if self._log_path is None:
            return
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
        try:
            with self._log_path.open("a", encoding="utf-8") as stream:
                stream.write(f"{now} {message}\n")
        except OSError as error:
            raise write_error(self._log_path, error) from error


def _rich_progress() -> RichProgress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def silence_libraries() -> None:
    """Keep the bars and log lines of the libraries off the streams; what matters comes as errors."""
    import datasets
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
