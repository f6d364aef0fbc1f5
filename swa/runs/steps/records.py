"""`swa validate` and `swa schema`: what files hold, and what they may hold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from swa.errors import UsageError

if TYPE_CHECKING:
    from swa.schemas.validation import FileReport


def validate(files: Sequence[Path | str], *, record: str | None = None) -> list[FileReport]:
    """Check files against the schemas of their records: one report a file, with each problem and its line.

    Args:
        files: JSON or JSON-lines files.
        record: What their objects should be; `None`: what they say themselves, else what fits.

    Raises:
        UsageError: A file does not exist, or no record has this name.
    """
    from swa.schemas.registry import record_class
    from swa.schemas.validation import validate_file

    if record is not None:
        record_class(record)
    paths = [Path(file).expanduser() for file in files]
    for path in paths:
        if not path.is_file():
            raise UsageError(f"There is no file '{path}'.")
    return [validate_file(path, record) for path in paths]


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a public record.

    Args:
        name: The record's.

    Raises:
        UsageError: No record has this name.
    """
    from swa.schemas.registry import json_schema

    return json_schema(name)
