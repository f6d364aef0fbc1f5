"""What `swa evaluate --list-tasks` shows."""

from __future__ import annotations

from swa.cli.terminal.output import Output
from swa.evaluation.harness.catalogue import task_names


def show_task_names(output: Output) -> None:
    """Print the names of all tasks, one a line."""
    for name in task_names():
        output.line(name)
