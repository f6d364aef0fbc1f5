"""Where unpacked GGUF files and weights that do not fit into memory lie."""

from __future__ import annotations

import os
from pathlib import Path

from swa.errors import UsageError


def cache_folder(cache_dir: Path | None) -> Path:
    """`cache_dir`, by default `$XDG_CACHE_HOME/swa` or `~/.cache/swa`; made when it is not there.

    Raises:
        UsageError: Nothing can be written there.
    """
    folder = cache_dir or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "swa"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cache_unusable(folder, error) from error
    if not os.access(folder, os.W_OK):
        raise cache_unusable(folder, PermissionError("it is read-only"))
    return folder


def cache_unusable(folder: Path, error: Exception) -> UsageError:
    """What is said when something cannot be written into the cache."""
    reason = (isinstance(error, OSError) and error.strerror) or str(error)
    return UsageError(
        f"The cache '{folder}' cannot be used: {reason}.", hint="Name another folder, with room, by --cache-dir."
    )
