"""What libraries say: their bars join our display, their log lines and warnings go to the run's log."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, ClassVar

from swa.cli.terminal.bars import Bar, BarDisplay
from swa.cli.terminal.output import Output
from swa.cli.terminal.progress import TerminalProgress

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
