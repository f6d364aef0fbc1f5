"""JSON lines: one record a finished unit, so that an interrupted run loses at most the line in work."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from swa.store.atomic import write_bytes, write_error


@dataclass(frozen=True)
class Lines:
    """What a JSON-lines file holds.

    Attributes:
        rows: Its complete lines.
        torn: Whether a last line was cut off and left out.
    """

    rows: tuple[str, ...]
    torn: bool


def append_line(path: Path, line: str) -> None:
    """Append one line and bring it to the disk.

    Raises:
        WriteError: The disk is full or the folder is gone.
    """
    assert "\n" not in line, "a record is one line"
    try:
        with path.open("ab") as stream:
            stream.write(line.encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise write_error(path, error) from error


def read_lines(path: Path) -> Lines:
    """The complete lines of a file; a missing file is empty."""
    if not path.exists():
        return Lines((), torn=False)
    content = path.read_bytes()
    end = _end_of_complete_lines(content)
    rows = content[:end].decode(errors="replace").split("\n")
    return Lines(tuple(row for row in rows if row.strip()), torn=bool(content[end:].strip()))


def repair(path: Path) -> bool:
    """Cut a torn last line off, so that the next one starts on its own; whether there was one.

    All bytes before it stay as they are, also when the repair itself is interrupted.

    Raises:
        WriteError: The disk is full or the folder cannot be written.
    """
    if not path.exists():
        return False
    content = path.read_bytes()
    end = _end_of_complete_lines(content)
    torn = bool(content[end:].strip())
    if torn:
        write_bytes(path, content[:end])
    return torn


def _end_of_complete_lines(content: bytes) -> int:
    """Number of bytes before a torn last line: one without its newline, or one that is no JSON.

    The second kind comes about when the disk keeps the end of a line but not its middle.
    """
    end = content.rfind(b"\n") + 1
    written = content[:end].rstrip()
    start_of_last = written.rfind(b"\n") + 1
    return end if _is_json(written[start_of_last:] or b"null") else start_of_last


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
