"""The log of a run: what swa and the libraries say, in a file beside the results."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from swa.progress import Progress, Task
from swa.store.atomic import write_error

LOGGERS = ("swa", "transformers", "datasets", "huggingface_hub", "accelerate", "lm_eval", "py.warnings")


_log = logging.getLogger("swa")
_log.addHandler(logging.NullHandler())  # outside a run's log, what the user got is enough


class LoggedProgress:
    """A progress object whose messages and tasks stand in the run's log too.

    Attributes:
        shown: Where they are shown.
    """

    def __init__(self, shown: Progress) -> None:
        self.shown = shown

    @contextmanager
    def task(self, description: str, n_steps: int) -> Iterator[Task]:
        """See `Progress.task`."""
        start = time.monotonic()
        _log.info("%s: %d steps", description, n_steps)
        with self.shown.task(description, n_steps) as task:
            yield task
        _log.info("%s: done in %.1f s", description, time.monotonic() - start)

    def say(self, message: str) -> None:
        """See `Progress.say`."""
        _log.info(message)
        self.shown.say(message)

    def info(self, message: str) -> None:
        """See `Progress.info`."""
        _log.info(message)
        self.shown.info(message)

    def warn(self, message: str) -> None:
        """See `Progress.warn`."""
        _log.warning(message)
        self.shown.warn(message)

    def fail(self, message: str, hint: str) -> None:
        """See `Progress.fail`."""
        self.shown.fail(message, hint)


class RunLog(logging.Handler):
    """The log file of one run. Nothing is written before `keep`: a run that finds its work done leaves no file."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        layout = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ")
        layout.converter = time.gmtime
        self.setFormatter(layout)
        self._path = path
        self._lines: list[str] = []
        self._state: Literal["waiting", "kept", "discarded"] = "waiting"

    def emit(self, record: logging.LogRecord) -> None:
        """Take a message."""
        self._lines.append(self.format(record))
        if self._state == "kept":
            self._write()

    def keep(self) -> None:
        """Write what was held back, and from now on every line at once."""
        self._state = "kept"
        self._write()

    def discard(self) -> None:
        """Write nothing of this run, neither what was held back nor what comes."""
        self._state = "discarded"

    def close(self) -> None:
        """Write what is left, unless the log was discarded: a failed run explains itself."""
        if self._state != "discarded":
            self._write()
        super().close()

    def _write(self) -> None:
        lines, self._lines = self._lines, []
        if lines:
            try:
                with self._path.open("a", encoding="utf-8", errors="backslashreplace") as stream:
                    stream.write("".join(f"{line}\n" for line in lines))
            except OSError as error:
                raise write_error(self._path, error) from error


@contextmanager
def run_log(path: Path) -> Iterator[RunLog]:
    """Collect the messages of the run and of libraries for a log file; a failed run keeps them too."""
    log = RunLog(path)
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(log)
    loggers[0].setLevel(logging.INFO)
    loggers[0].propagate = False  # the terminal's part is said by Output
    try:
        yield log
    finally:
        loggers[0].propagate = True
        for logger, level in zip(loggers, levels, strict=True):
            logger.removeHandler(log)
            logger.setLevel(level)
        log.close()
