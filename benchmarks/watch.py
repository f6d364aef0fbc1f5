"""Time and memory of a piece of work; ratios of processor time hold on a machine that does other things too."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil


@dataclass
class Spent:
    """What was spent, in seconds.

    Attributes:
        wall: By the clock.
        processor: By all threads of this process.
    """

    wall: float = 0.0
    processor: float = 0.0

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Add the time of the context."""
        wall, processor = time.perf_counter(), time.process_time()
        yield
        self.wall += time.perf_counter() - wall
        self.processor += time.process_time() - processor

    def times_faster_than(self, other: Spent, *, share: float = 1.0) -> str:
        """How much more the other spent than a share of this, by both clocks."""
        wall, processor = other.wall / (share * self.wall), other.processor / (share * self.processor)
        return f"{wall:.2f} × by the clock, {processor:.2f} × by processor time"


@dataclass
class Peak:
    """Bytes of resident memory.

    Attributes:
        above: Largest seen, above what there was in the beginning.
    """

    above: int = 0


@contextmanager
def resident_peak() -> Iterator[Peak]:
    """Look at this process' resident memory every few milliseconds."""
    process, peak, is_over = psutil.Process(), Peak(), threading.Event()
    before = process.memory_info().rss

    def look() -> None:
        while not is_over.wait(0.005):
            peak.above = max(peak.above, process.memory_info().rss - before)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield peak
    finally:
        is_over.set()
        watcher.join()
