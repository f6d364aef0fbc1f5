"""Read saved records: what does not fit its schema is named with its file and line."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, TypeVar

from pydantic import ValidationError

from swa.errors import InvalidArtifactError, UsageError
from swa.schemas.base import Record
from swa.schemas.jsontext import load_object
from swa.schemas.registry import class_for
from swa.schemas.validation import validate_file
from swa.store.jsonl import read_lines

Kind = TypeVar("Kind", bound=Record)


def read_record(path: Path, kind: type[Kind]) -> Kind:
    """The record in a JSON file.

    Raises:
        UsageError: The file cannot be read.
        InvalidArtifactError: It does not fit its schema.
    """
    try:
        return kind.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"The file '{path}' cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        raise invalid(path, kind) from error


class Records(NamedTuple):
    """The records of a JSON-lines file.

    Attributes:
        records: One a line.
        torn: Whether an interruption tore the last line, which is left out.
    """

    records: tuple[Record, ...]
    torn: bool


def read_records(path: Path, kind: type[Record]) -> Records:
    """The records in a JSON-lines file.

    Raises:
        UsageError: The file cannot be read.
        InvalidArtifactError: A whole line does not fit its schema.
    """
    try:
        lines = read_lines(path)
        return Records(tuple(kind.model_validate_json(row) for row in lines.rows), lines.torn)
    except OSError as error:
        raise UsageError(f"The file '{path}' cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        raise invalid(path, kind) from error


def kind_of(path: Path) -> type[Record]:
    """The record that a JSON file holds, by its own word or by its keys.

    Raises:
        UsageError: The file cannot be read.
        InvalidArtifactError: It is no JSON object, or none of the records.
    """
    try:
        return class_for(load_object(path.read_bytes()))
    except OSError as error:
        raise UsageError(f"The file '{path}' cannot be read: {error.strerror}.") from error
    except InvalidArtifactError as error:
        raise invalid(path) from error


def invalid(path: Path, kind: type[Record] | None = None) -> InvalidArtifactError:
    """The known error for a file that does not hold what it should."""
    name = None if kind is None else kind.model_fields["record"].default
    problems = validate_file(path, name).problems
    what = f"{path}:{problems[0].line}: {problems[0].message}" if problems else f"'{path}' is no {name or 'record'}."
    return InvalidArtifactError(what, hint=f"`swa validate {path}` lists everything that is wrong with it.")
