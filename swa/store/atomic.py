"""Whole files, written so that a reader sees the old or the new content, never a part."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from swa.errors import SwaError


class WriteError(SwaError):
    """A write failed while the run was going on (exit 7 when something was finished before, else 2)."""

    exit_code = 2


def write_bytes(path: Path, content: bytes) -> None:
    """Write a whole file: temporary file in the same folder, fsync, rename.

    A crash at any moment leaves the old file, or none; the temporary file of a failed write is removed.

    Raises:
        WriteError: The disk is full, the folder is gone or cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as stream:  # not a private file of tempfile: the user's umask decides who reads it
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        raise write_error(path, error) from error
    finally:
        with suppress(OSError):  # renamed, or its folder is gone
            temporary.unlink()


def write_text(path: Path, content: str) -> None:
    """Write a whole text file as UTF-8; see `write_bytes`."""
    write_bytes(path, content.encode())


def remove(path: Path) -> None:
    """Remove a file, if it is there.

    Raises:
        WriteError: It stays.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise write_error(path, error) from error


def write_error(path: Path, error: OSError) -> WriteError:
    """The known error for a failed write."""
    return WriteError(
        f"'{path}' could not be written: {error.strerror or error}.",
        hint="Earlier files are intact; make room or name another --results-dir, then run the same command again.",
    )
