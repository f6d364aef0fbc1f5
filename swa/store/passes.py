"""The sums of an unfinished pass on disk: a killed run loses at most the batch in work."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from swa.store.atomic import remove, write_bytes

_KEY = "pass key"
"""Entry of the file that says which pass it is of; names of sums have no blank."""


class FilePassBook:
    """The `PassBook` of the command line: one file of arrays, written whole after each batch.

    Args:
        path: The file; its folder exists.
        key: What the sums depend on: weights, windows and variants. Sums of another key are not used.
        warn: Called with a sentence about a file that cannot be read.
        fresh: Whether what an earlier run kept is thrown away.
    """

    def __init__(self, path: Path, key: str, *, warn: Callable[[str], None], fresh: bool = False) -> None:
        self._path, self._key, self._warn, self._fresh = path, key, warn, fresh
        self.n_saved = 0

    def load(self) -> Mapping[str, NDArray[np.generic]] | None:
        """The sums that were kept last, `None` where there are none of this pass."""
        if self._fresh or not self._path.exists():
            return None
        try:
            with np.load(io.BytesIO(self._path.read_bytes()), allow_pickle=False) as kept:
                arrays = {name: kept[name] for name in kept.files}
        except (OSError, ValueError, zipfile.BadZipFile, EOFError):
            self._warn(f"'{self._path}' cannot be read; its pass begins again.")
            return None
        key = arrays.pop(_KEY, None)
        return arrays if key is not None and str(key) == self._key else None

    def save(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Keep these sums instead of earlier ones; they are on the disk when this returns.

        Raises:
            WriteError: The disk is full or the folder is gone.
        """
        stream = io.BytesIO()
        np.savez(stream, **{_KEY: np.array(self._key), **arrays})  # type: ignore[arg-type]
        write_bytes(self._path, stream.getvalue())
        self.n_saved += 1

    def discard(self) -> None:
        """Throw the sums away: what they are for is written.

        Raises:
            WriteError: The file stays.
        """
        remove(self._path)
