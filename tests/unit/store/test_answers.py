"""Answers on disk: appended line by line, found by their whole key, repaired, thrown away when asked."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from swa.schemas.answers import UnitAnswers
from swa.schemas.validation import validate_file
from swa.store.answers import FileBook
from swa.store.atomic import WriteError

KEY, OTHER = "a" * 64, "a" * 12 + "b" * 52
"""Two keys with the same beginning, so with the same file."""


def answers(index: int = 0, *, unit: str = "hellaswag", key: str = KEY) -> UnitAnswers:
    return UnitAnswers(unit=unit, key=key, indices=[index], loglikelihoods={"": [(-1.5, True)]})


class Opened:
    """A book, and what it says."""

    def __init__(self, folder: Path, **details) -> None:
        self.said: list[str] = []
        self.book = FileBook(folder, warn=self.said.append, **details)

    def lines(self, unit="hellaswag", key=KEY):
        return list(self.book.lines(unit, key))


def test_what_is_appended_is_found_again(tmp_path):
    first = Opened(tmp_path)
    assert first.lines() == []
    for index in (0, 1):
        first.book.append(answers(index))
    assert first.book.n_appended == 2
    assert first.lines() == [answers(0), answers(1)]
    again = Opened(tmp_path)
    assert again.lines() == [answers(0), answers(1)]
    assert (again.said, again.book.n_appended) == ([], 0)
    (path,) = tmp_path.iterdir()
    assert path.name == "hellaswag_aaaaaaaaaaaa.jsonl"
    assert validate_file(path) == (path, 2, ())


def test_only_the_whole_key_and_unit_count(tmp_path):
    book = FileBook(tmp_path, warn=print)
    for line in (answers(0), answers(1, key=OTHER), answers(2, unit="arc_easy")):
        book.append(line)
    assert list(book.lines("hellaswag", KEY)) == [answers(0)]
    assert list(book.lines("hellaswag", OTHER)) == [answers(1, key=OTHER)]
    assert list(book.lines("arc_easy", OTHER)) == []
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("unit", ["a/b", "a:b", "../x", "..", "ä", "x" * 300])
def test_names_of_units_are_safe_names_of_files(tmp_path, unit):
    folder = tmp_path / "units"
    folder.mkdir()
    book = FileBook(folder, warn=print)
    book.append(answers(unit=unit))
    assert list(book.lines(unit, KEY)) == [answers(unit=unit)]
    assert len(list(folder.iterdir())) == len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("first", ["lines", "append"])
def test_a_torn_line_is_cut_off_once_and_said(tmp_path, first):
    FileBook(tmp_path, warn=print).append(answers(0))
    (path,) = tmp_path.iterdir()
    with path.open("ab") as stream:
        stream.write(answers(1).model_dump_json().encode()[:-9])
    opened = Opened(tmp_path)
    if first == "append":
        opened.book.append(answers(2))
    assert opened.lines() == ([answers(0), answers(2)] if first == "append" else [answers(0)])
    assert len(opened.said) == 1
    assert str(path) in opened.said[0]
    assert "torn" in opened.said[0]
    assert validate_file(path).problems == ()
    assert Opened(tmp_path).lines() == opened.lines()


@pytest.mark.parametrize("row", ["{}", "[1]", '{"record": "ItemRecord"}', answers().model_dump_json()[:-9]])
def test_a_line_of_something_else_is_left_aside_and_said(tmp_path, row):
    opened = Opened(tmp_path)
    opened.book.append(answers(0))
    (path,) = tmp_path.iterdir()
    path.write_text(f"{row}\n{path.read_text()}")
    again = Opened(tmp_path)
    assert again.lines() == [answers(0)]
    assert len(again.said) == 1
    assert again.said[0].startswith(f"Line 1 of '{path}' holds no answers")


@pytest.mark.parametrize("first", ["lines", "append"])
def test_a_fresh_book_throws_old_answers_away_unit_by_unit(tmp_path, first):
    old = FileBook(tmp_path, warn=print)
    for unit in ("hellaswag", "arc_easy"):
        old.append(answers(0, unit=unit))
    fresh = Opened(tmp_path, fresh=True)
    if first == "lines":
        assert fresh.lines() == []
    fresh.book.append(answers(1))
    assert fresh.lines() == [answers(1)]
    again = Opened(tmp_path)
    assert again.lines() == [answers(1)]
    assert again.lines("arc_easy") == [answers(0, unit="arc_easy")]


def test_what_cannot_be_written_is_a_known_error(tmp_path, monkeypatch):
    book = FileBook(tmp_path, warn=print)
    book.append(answers(0))

    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WriteError, match="No space left"):
        book.append(answers(1))
    assert book.n_appended == 1


def test_what_cannot_be_removed_is_a_known_error(tmp_path):
    (tmp_path / f"hellaswag_{KEY[:12]}.jsonl").mkdir()
    with pytest.raises(WriteError):
        FileBook(tmp_path, warn=print, fresh=True).lines("hellaswag", KEY)


def test_infinite_losses_survive(tmp_path):
    line = UnitAnswers(unit="perplexity", key=KEY, indices=[0], losses={"": [(float("inf"), 3)]})
    FileBook(tmp_path, warn=print).append(line)
    assert Opened(tmp_path).lines("perplexity") == [line]
