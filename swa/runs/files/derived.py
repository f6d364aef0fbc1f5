"""Files that follow from a record: which of those that lie there are this record's."""

from __future__ import annotations

from pathlib import Path


def is_of_record(path: Path, record: Path) -> bool:
    """Whether a file was written after its record; one that is older is of the record before, or there is none."""
    try:
        return path.stat().st_mtime_ns >= record.stat().st_mtime_ns
    except OSError:
        return False
