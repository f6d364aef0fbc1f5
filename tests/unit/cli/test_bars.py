"""Bars leave results alone: stdout is the program's own while something is shown, and the bars are back afterwards."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys

from rich.console import Console

from swa.cli.terminal.bars import BarDisplay


def test_bars_are_hidden_while_results_are_written():
    screen = io.StringIO()
    display = BarDisplay(Console(file=screen, force_terminal=True, width=80))
    own = sys.stdout
    bar = display.add("swa run", 3)
    assert sys.stdout is not own  # rich keeps lines of others above the bars
    with display.hidden():
        assert sys.stdout is own
        before = len(screen.getvalue())
    bar.advance()
    bar.remove()
    assert "swa run" in screen.getvalue()[before:]
    assert sys.stdout is own


def test_hidden_without_bars_is_nothing():
    display = BarDisplay(Console(file=io.StringIO(), force_terminal=True))
    with display.hidden():
        pass
    display.add("later", 1).remove()


PROGRAM = """
from swa.cli.terminal.output import Output
from swa.cli.terminal.progress import TerminalProgress
output = Output()
progress = TerminalProgress(output)
with progress.task("outer", 2) as task:
    with progress.task("inner", 2):
        task.advance()
    with progress.hidden():
        output.text("a result")
"""


def test_results_go_to_stdout_while_a_bar_runs_on_a_terminal(tmp_path):
    keeper, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm"}
    with (tmp_path / "out").open("wb") as out:
        subprocess.run([sys.executable, "-c", PROGRAM], stdout=out, stderr=terminal, check=True, env=environment)
    os.close(terminal)
    shown = os.read(keeper, 1 << 16)
    os.close(keeper)
    assert (tmp_path / "out").read_text() == "a result\n"
    assert b"outer" in shown
    assert b"a result" not in shown
