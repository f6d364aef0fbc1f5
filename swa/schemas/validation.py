"""Check files against the schemas, with the line of each problem."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from swa.errors import InvalidArtifactError, UsageError
from swa.schemas.jsontext import JsonTextError, decoded, line_of, load_object
from swa.schemas.messages import misfits
from swa.schemas.registry import class_for

_LINES = {".jsonl", ".ndjson"}


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
        UsageError: The file is not there or cannot be read, or `record` is unknown.
    """
    if not path.is_file():
        raise UsageError(f"There is no file '{path}'.")
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(f"The file '{path}' cannot be read: {error.strerror}.") from error
    has_lines = path.suffix.lower() in _LINES
    if not raw.strip():  # a run that finds nothing writes no line
        return FileReport(path, 0, () if has_lines else (Problem(1, "The file is empty."),))
    if b"\0" in raw:
        return FileReport(path, 0, (Problem(1, "This is a binary file, not text."),))
    if has_lines or _looks_like_lines(raw):
        return _validate_lines(path, raw, record)
    problems = _check(raw, record)
    return FileReport(path, 0 if problems else 1, tuple(problems))


def _looks_like_lines(raw: bytes) -> bool:
    """Whether the first line is a whole object and another one begins after it."""
    first, _, rest = raw.strip().partition(b"\n")
    return first.startswith(b"{") and first.rstrip().endswith(b"}") and rest.lstrip().startswith(b"{")


def _validate_lines(path: Path, raw: bytes, record: str | None) -> FileReport:
    problems: list[Problem] = []
    n_valid = 0
    lines = raw.split(b"\n")  # the last one is empty when the file ends as it should
    for number, line in enumerate(lines, start=1):
        if line.strip():
            found = _check(line, record, torn_is_possible=number == len(lines))
            problems += [Problem(number, problem.message) for problem in found]
            n_valid += not found
    return FileReport(path, n_valid, tuple(problems))


def _check(raw: bytes, record: str | None, *, torn_is_possible: bool = False) -> list[Problem]:
    """What is wrong with one object; lines are counted from its beginning."""
    try:
        text = decoded(raw)
        data = load_object(text)
    except JsonTextError as error:
        if torn_is_possible:
            return [Problem(1, "The last line is torn: a run was interrupted while writing it.")]
        return [Problem(error.line, error.message)]
    try:
        class_for(data, record).model_validate_json(text)
    except InvalidArtifactError as error:
        return [Problem(1, error.message)]
    except ValidationError as error:
        return [Problem(line_of(text, misfit.place), misfit.message) for misfit in misfits(error, data)]
    return []
