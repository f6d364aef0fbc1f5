"""What a failed validation says to people: the place, what belongs there, what stands there."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "an object",
    "float_type": "a number",
    "finite_number": "a finite number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "list_type": "a list",
    "model_type": "an object",
    "number_type": 'a number, "Infinity", "-Infinity" or "NaN"',
    "string_type": "text",
    "tuple_type": "a list",
}
_PLAIN_KEY = re.compile(r"[\w.\-]+")
_LONGEST = 40


class Misfit(NamedTuple):
    """A part of an object that does not fit its schema.

    Attributes:
        place: Keys and indices from the outside inwards; of a missing key, where it should be.
        message: One sentence.
    """

    place: tuple[int | str, ...]
    message: str


def misfits(error: ValidationError, data: Mapping[str, Any]) -> list[Misfit]:
    """Everything that is wrong with an object.

    Args:
        error: Why the object was refused.
        data: The object.
    """
    return [_misfit(details, data) for details in error.errors(include_url=False)]


def _misfit(details: ErrorDetails, data: Mapping[str, Any]) -> Misfit:
    place = _place(details, data)
    name = _written(place)
    kind = details["type"]
    if kind == "missing":
        message = f"{name} is missing."
    elif kind == "extra_forbidden":
        message = f"{name} is not a known key."
    elif kind == "literal_error":
        message = f"{name} must be {details['ctx']['expected']}, not {_shown(details['input'])}."
    elif kind in _EXPECTED:
        message = f"{name} must be {_EXPECTED[kind]}, not {_shown(details['input'])}."
    else:
        reason = details["msg"][:1].lower() + details["msg"][1:]
        message = f"{name}: {reason}."
    return Misfit(place, message)


def _place(details: ErrorDetails, data: Mapping[str, Any]) -> tuple[int | str, ...]:
    """The place in the object: pydantic's, without the names of union branches, which are no keys of it."""
    place: list[int | str] = []
    value: Any = data
    for part in details["loc"]:
        keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
        if part in keys:
            value = value[part]
            place.append(part)
    if details["type"] == "missing":
        place.append(details["loc"][-1])
    return tuple(place)


def _written(place: tuple[int | str, ...]) -> str:
    """The place as text: `super_weights[3].confirmation.ci_2.5`."""
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part):
            text += f".{part}"
        else:
            text += f"[{json.dumps(part, ensure_ascii=False)}]"
    return text.removeprefix(".") or "the object"


def _shown(value: Any) -> str:
    """A value as it stands in the file; long ones by their kind."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
