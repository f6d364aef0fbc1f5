"""JSON lines: one record a finished unit, so that an interrupted run loses at most the line in work."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from swa.store.atomic import write_error


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
    complete, _, rest = content.rpartition(b"\n")
    rows = [line for line in complete.decode(errors="replace").split("\n") if line.strip()]
    torn = bool(rest.strip())
    if rows and not _is_json(rows[-1]):  # the newline of the next line came before the rest of this one
        rows, torn = rows[:-1], True
    return Lines(tuple(rows), torn=torn)


def repair(path: Path) -> bool:
    """Cut a torn last line off, so that the next one starts on its own; whether there was one."""
    lines = read_lines(path)
    if lines.torn:
        kept = "".join(f"{row}\n" for row in lines.rows).encode()
        with path.open("r+b") as stream:
            stream.truncate(len(kept))
            stream.seek(0)
            stream.write(kept)
            stream.flush()
            os.fsync(stream.fileno())
    return lines.torn


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
