"""What libraries say: their bars join our display, their log lines and warnings go to the run's log."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Literal

from swa.cli.terminal.bars import Bar, BarDisplay
from swa.cli.terminal.output import Output
from swa.cli.terminal.progress import TerminalProgress
from swa.store.atomic import write_error

LOGGERS = ("swa", "transformers", "datasets", "huggingface_hub", "accelerate", "lm_eval", "py.warnings")
_VERBOSITY = ("TRANSFORMERS_VERBOSITY", "DATASETS_VERBOSITY", "HF_HUB_VERBOSITY")
_plain_tqdm: Any = import_module("tqdm.std").tqdm


class _Nowhere:
    """A stream that swallows what is written: tqdm always wants one."""

    def write(self, text: str) -> None:
        """Ignore it."""

    def flush(self) -> None:
        """Nothing to do."""


class ForwardedBar(_plain_tqdm):  # type: ignore[misc]
    """The tqdm of transformers, datasets and lm-eval: drawn in our display, or silent where there is none."""

    display_on: ClassVar[BarDisplay | None] = None
    monitor_interval = 0  # its thread would only redraw

    def __init__(self, *args: Any, **details: Any) -> None:
        self._bar: Bar | None = None
        details["file"] = _Nowhere()
        if self.display_on is None:
            details["disable"] = True
        super().__init__(*args, **details)

    def display(self, *_: Any, **__: Any) -> bool:
        """Draw where the bar stands; tqdm calls it as often as it finds useful."""
        if self.display_on is None:
            return False
        if self._bar is None:
            self._bar = self.display_on.add(self.desc or "", self.total)
        self._bar.update(completed=self.n, total=self.total, description=str(self.desc or "").removesuffix(": "))
        return True

    def close(self) -> None:
        """End the bar."""
        super().close()
        if self._bar is not None:
            self._bar.remove()
            self._bar = None


@contextmanager
def tamed_libraries(output: Output, progress: TerminalProgress) -> Iterator[None]:
    """Route bars and messages of libraries; enter it before transformers or datasets are imported.

    Verbosity that the user chose in the libraries' own environment variables stays.
    """
    for variable in _VERBOSITY:
        os.environ.setdefault(variable, "warning" if output.verbose else "error")
    modules: list[Any] = [import_module("tqdm"), import_module("tqdm.auto")]
    originals = [module.tqdm for module in modules]
    for module in modules:
        module.tqdm = ForwardedBar
    ForwardedBar.display_on = progress.display
    logging.captureWarnings(not output.verbose)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        ForwardedBar.display_on = None
        for module, original in zip(modules, originals, strict=True):
            module.tqdm = original


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
