"""One spelling inside, three outside: lists of words are unfolded before typer sees them.

`--models A B`, `--models A --models B` and positional `A B` all become `--models A --models B`, in the order of the
command line; `--screen spike gradient` becomes `--screen spike --screen gradient`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

LIST_OPTIONS = frozenset({"--models", "--screen"})
"""Options that take every word up to the next option."""
FLAGS = frozenset(
    "--json --jsonl --force --verbose -v --quiet -q --trust-remote-code --no-confirm --confirmed-only --help "
    "--version".split()
)
"""Options that take no word."""
TAKES_MODELS = frozenset({"detect", "doctor"})
"""Commands whose positional words are models."""
_NUMBER = re.compile(r"-\.?\d")


def unfold(words: Sequence[str]) -> list[str]:
    """Rewrite a command line.

    Args:
        words: The command line without the program's name.
    """
    if not words or words[0] not in TAKES_MODELS:
        return list(words)
    command, rest = words[0], list(words[1:])
    result = [command]
    position = 0
    while position < len(rest):
        word = rest[position]
        position += 1
        if word == "--":
            for model in rest[position:]:
                result += ["--models", model]
            break
        if not _is_option(word):
            result += ["--models", word]
        elif word in LIST_OPTIONS:
            start = position
            while position < len(rest) and not _is_option(rest[position]) and rest[position] != "--":
                position += 1
            values = rest[start:position]
            result += [part for value in values for part in (word, value)] or [word]
        elif word in FLAGS or "=" in word or _are_flags(word):
            result.append(word)
        else:  # an option with one value
            result += [word, *rest[position : position + 1]]
            position += 1
    return result


def _is_option(word: str) -> bool:
    return word.startswith("-") and word != "-" and not _NUMBER.match(word)


def _are_flags(word: str) -> bool:
    """Several short flags in one word: `-vq`."""
    return not word.startswith("--") and all(f"-{letter}" in FLAGS for letter in word[1:])
