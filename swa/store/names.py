"""Names of folders and files that are safe on every file system and never collide."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

MAX_LENGTH = 100


def model_folder_name(name: str, path: Path | None = None) -> str:
    """Folder name of a model (docs/files.md#names-and-writing).

    Args:
        name: The model as the user named it: `org/name` becomes `org--name`, `demo` stays.
        path: For local models: the last part of the path plus 8 hex digits of its absolute path's hash.
    """
    if path is not None:
        absolute = path.expanduser().resolve()
        stem = absolute.stem if absolute.suffix.lower() == ".gguf" else absolute.name
        return _cut(f"{_safe(stem)}-{_hash(str(absolute))}")
    return _cut("--".join(_safe(part) for part in name.split("/")))


def distinct_name(text: str) -> str:
    """A text as part of a file name: as it is where every character is safe, else with a hash behind it."""
    cleaned = _safe(text)
    return cleaned if cleaned == text and len(text) <= MAX_LENGTH else f"{cleaned[: MAX_LENGTH - 9]}-{_hash(text)}"


def timestamp(exists: Callable[[str], bool], *, now: datetime | None = None) -> str:
    """`YYYYMMDD_HHMMSS` in UTC; `_2`, `_3`, … is appended while `exists` says that the name is taken."""
    base = (now or datetime.now(UTC)).strftime("%Y%m%d_%H%M%S")
    name, number = base, 1
    while exists(name):
        number += 1
        name = f"{base}_{number}"
    return name


def _safe(part: str) -> str:
    cleaned = re.sub(r"[^A-Za-z0-9._-]", "-", part)
    return cleaned if cleaned.strip(".") else "-" * max(1, len(cleaned))  # "." and ".." lead elsewhere


def _cut(name: str) -> str:
    if len(name) <= MAX_LENGTH:
        return name
    return f"{name[: MAX_LENGTH - 9]}-{_hash(name)}"


def _hash(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:8]  # file names need not be Unicode
