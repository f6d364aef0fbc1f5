"""Progress outside the command line: lines, and bars of a notebook."""

from __future__ import annotations

import io

import pytest

import swa.progress
from swa.progress import NotebookProgress, PlainProgress


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def test_lines_say_what_happens_and_now_and_then_how_far_it_is(stream, monkeypatch):
    monkeypatch.setattr(swa.progress, "SECONDS_BETWEEN_LINES", 0.0)
    progress = PlainProgress(stream)
    progress.say("beginning")
    progress.warn("careful")
    progress.info("a detail")
    progress.fail("model: it broke.", "Mend it.")
    with progress.task("Windows", 4) as task:
        task.advance(3)
    lines = stream.getvalue().splitlines()
    assert lines[:4] == ["beginning", "Warning: careful", "Error: model: it broke.", "Hint: Mend it."]
    assert lines[4].startswith("Windows: 3/4, ETA ")
    assert len(lines) == 5


def test_lines_go_to_stderr_by_default(capsys):
    PlainProgress().say("beginning")
    assert capsys.readouterr().err == "beginning\n"


def test_a_notebook_gets_bars_and_sentences(stream, monkeypatch):
    bars = []

    class Bar:
        def __init__(self, **details):
            self.details, self.n = details, 0
            bars.append(self)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.closed = True

        def update(self, n):
            self.n += n

        @staticmethod
        def write(text, file):
            file.write(f"{text}\n")

    monkeypatch.setattr("tqdm.auto.tqdm", Bar)
    progress = NotebookProgress(stream)
    progress.say("beginning")
    with progress.task("Windows", 4) as task:
        task.advance()
        task.advance(2)
    (bar,) = bars
    assert (bar.n, bar.closed, bar.details["total"], bar.details["desc"]) == (3, True, 4, "Windows")
    assert stream.getvalue() == "beginning\n"
