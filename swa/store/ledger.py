"""Answers of finished items on disk, one file each: a killed run loses at most the item in work."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from swa.store.atomic import write_bytes, write_error

_HEAD = "answer"
"""Entry of an npz file that holds everything but the arrays, as JSON."""


_UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile)


@dataclass(frozen=True)
class Answer:
    """What an item gave.

    Attributes:
        values: What fits into JSON; floats come back to the bit, infinite and NaN ones too.
        arrays: Arrays by name, kept to the bit.
        notes: Sentences that a reader of the numbers should know.
        seconds: How long it took.
    """

    values: Mapping[str, JsonValue] = field(default_factory=dict)
    arrays: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


class FileLedger:
    """Keeps answers in a folder: `{key}.answer`, which is JSON, or `{key}.npz` where there are arrays.

    Args:
        folder: The folder; it is made with the first answer.
        warn: Called with a sentence about a file that cannot be read.
        fresh: Whether answers of earlier runs are left aside and replaced.
    """

    def __init__(self, folder: Path, *, warn: Callable[[str], None], fresh: bool = False) -> None:
        self.folder = folder
        self._warn, self._fresh = warn, fresh
        self._kept: set[str] = set()

    @property
    def n_kept(self) -> int:
        """Answers that this run has kept: after a failure they are not lost."""
        return len(self._kept)

    def has(self, key: str) -> bool:
        """Whether an item is finished; a file that cannot be read counts as missing, and that is said."""
        if self._fresh and key not in self._kept:
            return False
        path = self._find(key)
        if path is None:
            return False
        try:
            _check(path)
        except _UNREADABLE:
            self._warn(f"'{path}' cannot be read; its part is computed again.")
            return False
        return True

    def get(self, key: str) -> Answer:
        """The answer of a finished item, read anew each time: arrays are large.

        Raises:
            KeyError: It is not finished.
        """
        path = self._find(key)
        if path is None:
            raise KeyError(key)
        head = _head_of(path)
        arrays: dict[str, NDArray[np.generic]] = {}
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as kept:
                arrays = {name: kept[name] for name in kept.files if name != _HEAD}
        return Answer(head["values"], arrays, tuple(head["notes"]), float(head["seconds"]))

    def put(self, key: str, answer: Answer) -> None:
        """Keep an answer; it is on the disk when this returns.

        Raises:
            WriteError: The disk is full or the folder is gone.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(self.folder, error) from error
        if answer.arrays:
            stream = io.BytesIO()
            np.savez(stream, **{_HEAD: np.array(_head(answer)), **answer.arrays})  # type: ignore[arg-type]
            write_bytes(self._npz(key), stream.getvalue())
        else:
            write_bytes(self._json(key), _head(answer).encode())
        self._kept.add(key)

    def _find(self, key: str) -> Path | None:
        return next((path for path in (self._json(key), self._npz(key)) if path.exists()), None)

    def _json(self, key: str) -> Path:
        return self.folder / f"{key}.answer"  # no record, so not named like one

    def _npz(self, key: str) -> Path:
        return self.folder / f"{key}.npz"


def _head(answer: Answer) -> str:
    return json.dumps({"values": answer.values, "notes": answer.notes, "seconds": answer.seconds})


def _check(path: Path) -> None:
    """Read everything once: what a disk has changed is found before a run builds on it."""
    _head_of(path)
    if path.suffix == ".npz":
        with zipfile.ZipFile(path) as kept:
            if kept.testzip() is not None:
                raise zipfile.BadZipFile(path)


def _head_of(path: Path) -> dict[str, Any]:
    if path.suffix == ".answer":
        text = path.read_text()
    else:
        with np.load(path, allow_pickle=False) as kept:
            text = str(kept[_HEAD])
    head: dict[str, Any] = json.loads(text)
    return {"values": head["values"], "notes": head["notes"], "seconds": head["seconds"]}
