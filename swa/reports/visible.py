"""Characters that cannot be seen, or that turn the direction of writing, as escapes that can."""

from __future__ import annotations

from swa.text.tokens import escaped


def printable(text: str, *, keep: str = "") -> str:
    r"""Text in which nothing is hidden: `\u202e` stands where the character was.

    Args:
        text: Any text: names, notes and prompts come from elsewhere.
        keep: Characters that stay, such as line ends in text to copy.
    """
    return "".join(letter if letter.isprintable() or letter in keep else escaped(letter) for letter in text)
