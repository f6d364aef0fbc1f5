"""Whole files, written so that a reader sees the old or the new content, never a part."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from swa.errors import SwaError

_N_RANDOM = 8
_TEMPORARY = re.compile(rf"\..+\.[0-9a-f]{{{2 * _N_RANDOM}}}")


class WriteError(SwaError):
    """A write failed while the run was going on (exit 7 when something was finished before, else 2)."""

    exit_code = 2


def write_bytes(path: Path, content: bytes) -> None:
    """Write a whole file; see `written_whole`.

    Raises:
        WriteError: The disk is full, the folder is gone or cannot be written.
    """
    with written_whole(path) as stream:
        stream.write(content)


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """Write a file piece by piece: temporary file in the same folder, fsync, rename.

    A crash at any moment leaves the old file, or none; the temporary file of a failed write is removed.

    Raises:
        WriteError: The disk is full, the folder is gone or cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(_N_RANDOM)}")
    try:
        with temporary.open("xb") as stream:  # not a private file of tempfile: the user's umask decides who reads it
            yield stream
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


def remove_leftovers(folder: Path, *, deep: bool) -> None:
    """Remove temporary files that a killed run left; nobody else may be at work in the folder.

    Args:
        folder: The folder.
        deep: Whether the folders in it are meant too.
    """
    for path in folder.rglob(".*") if deep else folder.glob(".*"):
        if _TEMPORARY.fullmatch(path.name):
            with suppress(OSError):  # it does no harm, and what can be written was found out before
                path.unlink()


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
