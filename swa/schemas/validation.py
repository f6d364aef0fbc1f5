"""Check files against the schemas, with the line of each problem."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from swa.errors import InvalidArtifactError, UsageError
from swa.schemas.registry import class_for


class Problem(NamedTuple):
    """One thing that is wrong.

    Attributes:
        line: Line in the file, from 1.
        message: What is wrong, for people.
    """

    line: int
    message: str


class FileReport(NamedTuple):
    """What a file holds.

    Attributes:
        path: The file.
        n_records: Valid records.
        problems: Everything that is wrong.
    """

    path: Path
    n_records: int
    problems: tuple[Problem, ...]


def validate_file(path: Path, record: str | None = None) -> FileReport:
    """Check a JSON file (one object) or a JSON-lines file (one object a line).

    Args:
        path: The file.
        record: What its objects should be; by default what they say themselves, or what fits.

    Raises:
        UsageError: The file is not there, or `record` is unknown.
    """
    if not path.is_file():
        raise UsageError(f"There is no file '{path}'.")
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return FileReport(path, 0, (Problem(1, "this is not UTF-8 text"),))
    if not text.strip():
        return FileReport(path, 0, (Problem(1, "the file is empty"),))
    if path.suffix.lower() == ".jsonl" or _is_lines(text):
        checked = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
        problems = [problem for number, line in checked for problem in _check(line, record, first_line=number)]
        if not text.endswith("\n") and problems and problems[-1].line == checked[-1][0]:
            problems[-1] = Problem(problems[-1].line, "the last line is torn: a run was interrupted while writing it")
        bad = {problem.line for problem in problems}
        return FileReport(path, len(checked) - len(bad), tuple(problems))
    problems = _check(text, record, first_line=1)
    return FileReport(path, 0 if problems else 1, tuple(problems))


def _is_lines(text: str) -> bool:
    first, _, rest = text.strip().partition("\n")
    return bool(rest) and first.startswith("{") and first.endswith("}") and rest.lstrip().startswith("{")


def _check(text: str, record: str | None, *, first_line: int) -> list[Problem]:
    try:
        data = load_object(text)
        found = class_for(data, record)
        found.model_validate_json(text)
    except _JsonError as error:
        return [Problem(first_line + error.line - 1, error.message)]
    except InvalidArtifactError as error:
        return [Problem(first_line, error.message)]
    except ValidationError as error:
        return [
            Problem(first_line + _line_of(text, details["loc"]) - 1, message)
            for details, message in zip(error.errors(), problems_of(error), strict=True)
        ]
    return []


class _JsonError(InvalidArtifactError):
    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def load_object(text: str | bytes) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        InvalidArtifactError: It is not JSON, or no object.
    """
    try:
        data = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise _JsonError(f"not JSON: {error.msg} (column {error.colno})", error.lineno) from error
    if not isinstance(data, dict):
        raise _JsonError("not a JSON object", 1)
    return data


def _refuse_constant(name: str) -> float:
    raise _JsonError(f'{name} is not JSON; write "{name}" as a string', 1)


def problems_of(error: ValidationError) -> list[str]:
    """What is wrong in words: the place, then the reason."""
    messages = []
    for details in error.errors():
        place = ".".join(str(part) for part in details["loc"] if not _is_branch(part)) or "the object"
        reason = "is not a known key" if details["type"] == "extra_forbidden" else _lower(details["msg"])
        messages.append(f"{place}: {reason}")
    return messages


def _is_branch(part: int | str) -> bool:
    """Whether a part of the place names a branch of a union rather than a key."""
    return isinstance(part, str) and ("[" in part or part in ("float", "missing-sentinel"))


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]


def _line_of(text: str, place: tuple[int | str, ...]) -> int:
    """The line of the last key of `place` that can be found, searching key after key."""
    position = 0
    for part in place:
        if isinstance(part, str):
            found = text.find(f'"{part}"', position)
            position = found if found >= 0 else position
    return text.count("\n", 0, position) + 1
