"""Runs that are killed at a moment that is counted, not timed: right after the n-th file was put in its place."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.support import warm


class Killer:
    """Replaces `Path.replace`, with which every whole file gets its name.

    Args:
        after: Number of files after which the process dies, or `None` to count only.
        count: Where the number of files is written.
    """

    def __init__(self, after: int | None, count: Path) -> None:
        self._after, self._count, self._n = after, count, 0
        self._replace = Path.replace

    def install(self) -> None:
        killer = self

        def replace(path: Path, target: Path) -> Path:
            done = killer._replace(path, target)
            killer._n += 1
            killer._count.write_text(str(killer._n))
            if killer._n == killer._after:
                os.kill(os.getpid(), signal.SIGKILL)
            return done

        Path.replace = replace  # type: ignore[method-assign, assignment]


def _prepared(after: int | None, count: Path) -> None:
    Killer(after, count).install()


def n_files(words: list[str], folder: Path) -> int:
    """Run to the end; how many files were put in their places."""
    count = folder.with_name(f"{folder.name}-count")
    done = warm.run(*words, folder=folder, prepare=(_prepared, None, count))
    assert done.returncode == 0, done.stderr
    return int(count.read_text())


def killed_after(n: int, words: list[str], folder: Path) -> None:
    """Run until the n-th file is in its place."""
    done = warm.run(*words, folder=folder, prepare=(_prepared, n, folder.with_name(f"{folder.name}-count")))
    assert done.returncode == -signal.SIGKILL, done
