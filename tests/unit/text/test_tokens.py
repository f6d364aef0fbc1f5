"""Texts of tokens as people can read them."""

from __future__ import annotations

import pytest

from swa.reports.plots.token_ticks import token_tick
from swa.text.tokens import MAX_LENGTH, token_label


@pytest.mark.parametrize(
    ("text", "label"),
    [
        (" the", "␣the"),
        ("  ", "␣␣"),
        ("\n", r"\n"),
        ("\t\r\n", r"\t\r\n"),
        ("\x1b[31m", r"\x1b[31m"),
        ("\x00\x7f", r"\x00\x7f"),
        ("\u200b\u00a0", r"\u200b\xa0"),
        ("\u202eabc", r"\u202eabc"),
        ("\u0301x", r"\u0301x"),
        ("e\u0301", "e\u0301"),
        ("\U000e0001", r"\U000e0001"),
        ("naïve", "naïve"),
        ("中国", "中国"),
        ("$x$", "$x$"),
        ("", "(empty)"),
        ("a" * MAX_LENGTH, "a" * MAX_LENGTH),
        ("abcdefghijklmnopqrstuvwxyz", "abcdefghijkl…vwxyz"),
    ],
)
def test_labels(text, label):
    assert token_label(text) == label
    assert len(token_label(text)) <= MAX_LENGTH


@pytest.mark.parametrize(
    ("text", "tick"),
    [(" $x$", r"␣\$x\$"), ("中国", r"\u4e2d\u56fd"), ("\n", r"\n"), ("é→", "é→"), ("\U0001f600", "\U0001f600")],
)
def test_ticks_are_in_letters_that_the_font_has(text, tick):
    assert token_tick(text) == tick
