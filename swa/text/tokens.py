"""Texts from elsewhere as people can read them: nothing hidden stays hidden; of tokens blanks are seen too."""

from __future__ import annotations

import unicodedata

MAX_LENGTH = 18
"""Characters of a label."""
_SIGNS = {" ": "␣", "\n": r"\n", "\t": r"\t", "\r": r"\r"}


def token_label(text: str, *, max_length: int = MAX_LENGTH) -> str:
    r"""A token's text on one line.

    Blanks become `␣`; control characters, other blanks, marks without a letter and what turns the direction of writing
    become escapes such as `\n`, `\x1b`, `\u200b`. A long text loses its middle.

    Args:
        text: The token's text.
        max_length: Characters at most.
    """
    shown = "".join(_shown(letter, first=number == 0) for number, letter in enumerate(text)) or "(empty)"
    if len(shown) <= max_length:
        return shown
    n_end = (max_length - 1) // 3
    return f"{shown[: max_length - 1 - n_end]}…{shown[len(shown) - n_end :]}"


def printable(text: str, *, keep: str = "") -> str:
    r"""Text in which nothing is hidden: `\u202e` stands where the character was.

    Args:
        text: Any text: names, notes and prompts come from elsewhere.
        keep: Characters that stay, such as line ends in text to copy.
    """
    return "".join(letter if letter.isprintable() or letter in keep else escaped(letter) for letter in text)


def escaped(letter: str) -> str:
    r"""A character as an escape: `\x1b`, `\u200b`, `\U0001f600`."""
    code = ord(letter)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _shown(letter: str, *, first: bool) -> str:
    if letter in _SIGNS:
        return _SIGNS[letter]
    hidden = not letter.isprintable() or (first and unicodedata.combining(letter))
    return escaped(letter) if hidden else letter
