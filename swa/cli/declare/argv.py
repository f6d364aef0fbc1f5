"""The words of a command line before Typer reads them: list options take several words (docs/cli.md)."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from swa.errors import UsageError

MODELS = "--models"
LAYERS = "--layers"

_NEGATIVE_NUMBER = re.compile(r"-\.?\d.*")


@dataclass(frozen=True)
class Syntax:
    """What has to be known of a command to read its words.

    Attributes:
        takes_models: Whether it has models as positional arguments, so that `--models` is another spelling of them.
        valued: Spellings of the options that are followed by a value.
        choices: Options whose value is every following word up to the next option or `--`, with the values they
            allow (empty: any).
    """

    takes_models: bool
    valued: frozenset[str]
    choices: dict[str, tuple[str, ...]]

    def is_list(self, option: str) -> bool:
        """Whether an option of this command takes several words."""
        return self.takes_models if option == MODELS else option in self.choices


def rewrite(words: list[str], syntax: Syntax) -> list[str]:
    """Give every value of a list option its own option, and make the values of `--models` positional.

    Typer would take only the first word of `--models A B` as the option's value. As positional words both keep
    their place, so the order of the models is that of the command line.

    Args:
        words: The words after the command's name.
        syntax: The command's options.

    Raises:
        UsageError: A list option without a value, or a model where a value of another list was expected.
    """
    rewritten: list[str] = []
    rest = deque(words)
    while rest:
        word = rest.popleft()
        option, equals, value = word.partition("=")
        if word == "--":
            return [*rewritten, word, *rest]
        if syntax.is_list(option):
            values = [value] if equals else []
            while rest and _is_value(rest[0]):
                values.append(rest.popleft())
            rewritten += _spelled_out(option, values, syntax)
        elif word in syntax.valued and rest:
            rewritten += [word, rest.popleft()]
        else:
            rewritten.append(word)
    return rewritten


def _is_value(word: str) -> bool:
    return word == "-" or not word.startswith("-") or _NEGATIVE_NUMBER.fullmatch(word) is not None


def _spelled_out(option: str, values: list[str], syntax: Syntax) -> list[str]:
    parts = values if option == MODELS else [part for value in values for part in value.split(",")]
    parts = [part for part in parts if part]
    if option == LAYERS:
        parts = _every_joined(parts)
    if not parts:
        raise UsageError(f"{option} needs at least one value.")
    if option == MODELS:
        return parts
    choices = syntax.choices[option]
    for part in parts:
        # of free values, an existing path may be one: a folder `hellaswag` in the current one makes it no model
        if part not in choices and (_is_named_like_a_model(part) or (choices and Path(part).exists())):
            raise UsageError(
                f"'{part}' stands after {option} and would be one of its values.",
                hint="Write models before list options, after --models, or after `--`.",
            )
    return [word for part in parts for word in (option, part)]


def _every_joined(parts: list[str]) -> list[str]:
    """`every 4` as the one value that it is, `every:4`."""
    if len(parts) > 1 and parts[0] == "every":
        return [f"every:{parts[1]}", *parts[2:]]
    return parts


def _is_named_like_a_model(word: str) -> bool:
    return word == "demo" or "/" in word
