"""One display of progress bars on stderr, shared by everything that runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID


class BarDisplay:
    """Bars that come and go in any order, from any thread; the display is there while one of them runs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.RLock()
        self._drawn: Progress | None = None
        self._n_bars = 0

    def add(self, description: str, total: float | None) -> Bar:
        """Start a bar; `total` is `None` while nobody knows it."""
        with self._lock:
            if self._drawn is None:
                self._drawn = _new_progress(self._console)
                self._drawn.start()
            self._n_bars += 1
            return Bar(self, self._drawn, self._drawn.add_task(description, total=total))

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Take the bars away while something else is written: rich would draw over it, and holds stdout meanwhile."""
        with self._lock:
            drawn = self._drawn
            if drawn is not None:
                drawn.stop()
            try:
                yield
            finally:
                if drawn is not None:
                    drawn.start()

    def removed(self) -> None:
        """Take note that a bar has ended."""
        with self._lock:
            self._n_bars -= 1
            if self._n_bars == 0 and self._drawn is not None:
                self._drawn.stop()
                self._drawn = None


class Bar:
    """One bar."""

    def __init__(self, display: BarDisplay, drawn: Progress, task: TaskID) -> None:
        self._display, self._drawn, self._task = display, drawn, task

    def advance(self, n_steps: int = 1) -> None:
        """Say that `n_steps` more steps are done."""
        self._drawn.advance(self._task, n_steps)

    def update(self, *, completed: float, total: float | None, description: str) -> None:
        """Set where it stands."""
        self._drawn.update(self._task, completed=completed, total=total, description=description)

    def remove(self) -> None:
        """End it."""
        self._drawn.remove_task(self._task)
        self._display.removed()


def _new_progress(console: Console) -> Progress:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        speed_estimate_period=600.0,  # steps can take a minute each; rich's 30 s would know no speed
    )
