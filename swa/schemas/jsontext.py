"""JSON as text: read strictly, with the line of what is wrong, and the line of any value inside."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from swa.errors import InvalidArtifactError

_STRING_OR_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*"|(?P<constant>-?Infinity|NaN)')
_SPACE = re.compile(r"\s*")
_DECODER = json.JSONDecoder()


class JsonTextError(InvalidArtifactError):
    """A text is no JSON object.

    Args:
        message: What is wrong.
        line: Line in the text, from 1.
    """

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def load_object(text: str | bytes) -> dict[str, Any]:
    """Read a JSON object, without the constants that Python's reader takes beside JSON.

    Raises:
        JsonTextError: It is not UTF-8, not JSON, or no object.
    """
    if isinstance(text, bytes):
        text = decoded(text)
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        if error.pos >= len(text.rstrip()):
            raise JsonTextError("The text ends in the middle of a JSON object.", error.lineno) from error
        reason = f"{error.msg[:1].lower()}{error.msg[1:]}"
        raise JsonTextError(f"This is not JSON: {reason} (column {error.colno}).", error.lineno) from error
    except RecursionError as error:
        raise JsonTextError("This is not a record: its lists and objects are nested too deeply.", 1) from error
    except ValueError as error:  # an integer of more digits than Python reads
        raise JsonTextError("This is not a record: a number in it has too many digits.", 1) from error
    for match in _STRING_OR_CONSTANT.finditer(text):
        if name := match["constant"]:
            line = text.count("\n", 0, match.start()) + 1
            raise JsonTextError(f'{name} is not JSON; it is written as the string "{name}".', line)
    if not isinstance(data, dict):
        raise JsonTextError("This is JSON, but not an object in braces.", 1)
    return data


def decoded(raw: bytes) -> str:
    """The text of bytes.

    Raises:
        JsonTextError: They are not UTF-8.
    """
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JsonTextError("This is not UTF-8 text.", raw.count(b"\n", 0, error.start) + 1) from error


def line_of(text: str, place: Sequence[int | str]) -> int:
    """The line, from 1, of a key or list item in a JSON text; of the innermost one that is there.

    Args:
        text: A text that `load_object` reads.
        place: Keys and indices from the outside inwards.
    """
    at = found = _after_space(text, 0)
    for part in place:
        item = _find(text, at, part)
        if item is None:
            break
        found, at = item
    return text.count("\n", 0, found) + 1


def _find(text: str, at: int, part: int | str) -> tuple[int, int] | None:
    """Where the key (or item) `part` of the object (or list) at `at` begins, and where its value does."""
    closing = {"{": "}", "[": "]"}.get(text[at])
    index = 0
    at = _after_space(text, at + 1)
    while closing is not None and text[at] != closing:
        start, key = at, index
        if closing == "}":
            key, at = _DECODER.raw_decode(text, at)
            at = _after_space(text, _after_space(text, at) + 1)  # over the colon
        if key == part:
            return start, at
        at = _after_space(text, _DECODER.raw_decode(text, at)[1])
        if text[at] == ",":
            at = _after_space(text, at + 1)
        index += 1
    return None


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match is not None
    return match.end()
