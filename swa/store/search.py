"""Find the newest saved record that answers a question."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from pydantic import ValidationError

from swa.schemas.base import Record

Kind = TypeVar("Kind", bound=Record)


class Found(NamedTuple, Generic[Kind]):
    """A saved record.

    Attributes:
        path: Its file.
        result: The record.
    """

    path: Path
    result: Kind


class Search(NamedTuple, Generic[Kind]):
    """What a search gave.

    Attributes:
        found: The first record that fits, or `None`.
        unreadable: Files that were met on the way and are no valid records.
    """

    found: Found[Kind] | None
    unreadable: tuple[Path, ...]


def first_that_fits(paths: Iterable[Path], kind: type[Kind], fits: Callable[[Kind], bool]) -> Search[Kind]:
    """The first record that fits.

    Args:
        paths: Files, the newest first.
        kind: What they should hold.
        fits: Whether a record is the one that is sought.
    """
    unreadable = []
    for path in paths:
        try:
            record = kind.model_validate_json(path.read_bytes())
        except (ValidationError, OSError):
            unreadable.append(path)
            continue
        if fits(record):
            return Search(Found(path, record), tuple(unreadable))
    return Search(None, tuple(unreadable))
