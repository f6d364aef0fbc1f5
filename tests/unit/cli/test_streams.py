"""Output, progress, libraries and failures: who hears what."""

from __future__ import annotations

import io
import logging
import sys
import warnings
from importlib import import_module
from types import SimpleNamespace

import pytest
from rich.console import Console

from swa.cli.terminal import failures
from swa.cli.terminal.bars import BarDisplay
from swa.cli.terminal.libraries import ForwardedBar, tamed_libraries
from swa.cli.terminal.output import Output
from swa.cli.terminal.progress import TerminalProgress
from swa.errors import InvalidArtifactError
from swa.runs.driver.log import run_log


@pytest.fixture
def terminal(monkeypatch) -> io.StringIO:
    """A stderr that claims to be a terminal."""
    stream = io.StringIO()
    stream.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("swa.cli.terminal.output.sys", SimpleNamespace(stdout=sys.stdout, stderr=stream))
    monkeypatch.setenv("TERM", "xterm")
    return stream


def test_results_and_the_rest_are_apart(capsys):
    output = Output(verbose=True)
    output.line("a result")
    output.text("[bold]a line[/bold]")
    output.note("a note")
    output.detail("a detail")
    output.warn("careful")
    out, err = capsys.readouterr()
    assert out == "a result\n[bold]a line[/bold]\n"
    assert err == "a note\na detail\nWarning: careful\n"


def test_for_machines_only_lines_reach_stdout(capsys):
    output = Output(for_machines=True)
    output.text("for people")
    output.show("a table")
    output.line("{}")
    assert capsys.readouterr().out == "{}\n"


def test_quiet_is_quiet(capsys):
    progress = TerminalProgress(Output(quiet=True, verbose=True))
    progress.info("a detail")
    progress.warn("careful")
    progress.say("a note")
    assert capsys.readouterr() == ("", "")


def test_no_colour_where_nobody_looks_or_wants_it(terminal, monkeypatch):
    Output().warn("careful")
    assert "\x1b[" in terminal.getvalue()
    terminal.truncate(0)
    monkeypatch.setenv("NO_COLOR", "1")
    Output().warn("careful")
    assert "\x1b[3" not in terminal.getvalue()


def test_bars_are_drawn_on_a_terminal_and_leave_nothing(terminal):
    progress = TerminalProgress(Output())
    with progress.task("Looking", 3) as task, progress.task("Inside", 2) as inner:
        task.advance()
        inner.advance(2)
    text = terminal.getvalue()
    assert "Looking" in text
    assert "Inside" in text
    assert "ETA" in text


def test_no_bars_for_quiet_or_without_a_terminal(terminal, capsys):
    assert TerminalProgress(Output(quiet=True)).display is None
    terminal.isatty = lambda: False
    assert TerminalProgress(Output()).display is None


def test_without_a_terminal_a_line_now_and_then(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("swa.progress.time.monotonic", lambda: now[0])
    with TerminalProgress(Output()).task("Looking", 4) as task:
        task.advance()
        now[0] = 40.0
        task.advance()
        now[0] = 41.0
        task.advance()
    assert capsys.readouterr().err == "Looking: 2/4, ETA 40 s\n"


def test_bars_end_in_any_order(terminal):
    display = BarDisplay(Console(file=terminal))
    first, second = display.add("first", 1), display.add("second", None)
    first.remove()
    second.update(completed=1, total=2, description="second")
    second.remove()
    display.add("third", 1).remove()


def test_bars_of_libraries_join_the_display(terminal):
    output = Output()
    progress = TerminalProgress(output)
    with tamed_libraries(output, progress):
        bar = import_module("tqdm.auto").tqdm(range(3), desc="Fetching", mininterval=0)
        assert list(bar) == [0, 1, 2]
    assert "Fetching" in terminal.getvalue()
    assert "it/s" not in terminal.getvalue()  # tqdm's own drawing
    assert import_module("tqdm.auto").tqdm is not ForwardedBar


def test_bars_of_libraries_are_silent_without_a_display(capsys):
    output = Output(quiet=True)
    with tamed_libraries(output, TerminalProgress(output)):
        for _ in import_module("tqdm").tqdm(range(3), desc="Fetching"):
            pass
    assert capsys.readouterr() == ("", "")


def test_messages_of_libraries_go_to_the_log(tmp_path, capsys):
    output = Output()
    with tamed_libraries(output, TerminalProgress(output)), run_log(tmp_path / "log") as log:
        log.keep()
        logging.getLogger("transformers").error("from a library")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("from python", stacklevel=1)
    text = (tmp_path / "log").read_text()
    assert "from a library" in text
    assert "from python" in text
    assert "from python" not in capsys.readouterr().err


def test_known_errors_are_a_sentence_and_a_hint(capsys):
    assert failures.report(InvalidArtifactError("It is wrong.", hint="Mend it.")) == 6
    assert capsys.readouterr().err == "Error: It is wrong.\nHint: Mend it.\n"
