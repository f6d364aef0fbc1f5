"""Texts: data sets in the hub's layout, files, and what ships with the package."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from swa.data.documents import only_texts, read_documents
from swa.data.hub import first_line, hub_failures
from swa.data.local_copies import check_complete
from swa.errors import UnavailableError, UsageError
from swa.text.words import BUILTIN

_WAYS_OUT = (
    "Give local copies with --data-dir, or use the text that ships with the package: "
    "`swa detect demo --dataset builtin`."
)


@dataclass(frozen=True)
class TextSource:
    """A text to measure on.

    Attributes:
        name: As the user named it.
        documents: Rows of the data set, or the parts of a file; nothing is stripped.
    """

    name: str
    documents: tuple[str, ...]

    @property
    def text(self) -> str:
        """The documents with a blank line between them (docs/methods.md#texts-and-windows)."""
        return "\n\n".join(self.documents)

    @property
    def fingerprint(self) -> str:
        """sha256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


class _HubText(NamedTuple):
    """Where a text lies on the hub; local copies have the same layout without the organisation."""

    repository: str
    config: str
    split: str
    column: str


_KNOWN = {
    "wikitext-2": _HubText("Salesforce/wikitext", "wikitext-2-raw-v1", "test", "text"),
    "wikitext-103": _HubText("Salesforce/wikitext", "wikitext-103-raw-v1", "test", "text"),
}


def load_text(dataset: str, *, data_dir: Path | None = None) -> TextSource:
    """Load a text by name.

    Args:
        dataset: `wikitext-2`, `wikitext-103`, `builtin`, a text, JSONL or parquet file, or
            `name:config:split:column` of a hub data set.
        data_dir: Folder with local copies of hub data sets; what is found there never contacts the hub.

    Raises:
        UsageError: The name is none of these, or the file is empty or binary.
        UnavailableError: Neither a local copy nor the hub can be had. Nothing else is used in its place.
    """
    if dataset == BUILTIN:
        documents = files("swa.data").joinpath("builtin/text.txt").read_text(encoding="utf-8").split("\n\n")
        return TextSource(BUILTIN, tuple(part.strip("\n") for part in documents))
    place = _KNOWN.get(dataset) or _parse(dataset)
    if place is not None:
        documents_of_hub = _local(place, data_dir) if data_dir else None
        rows = documents_of_hub if documents_of_hub is not None else _from_hub(place, dataset)
        return _checked(dataset, rows)
    return _checked(dataset, _from_file(Path(dataset)))


def _parse(dataset: str) -> _HubText | None:
    parts = dataset.split(":")
    return _HubText(*parts) if len(parts) == 4 and all(parts) else None


def _checked(name: str, rows: Sequence[str]) -> TextSource:
    if not any(row.strip() for row in rows):
        raise UsageError(f"The text '{name}' is empty.")
    return TextSource(name, tuple(rows))


def _local(place: _HubText, data_dir: Path) -> list[str] | None:
    """Rows of a local copy, or `None` where the folder holds none.

    Raises:
        UnavailableError: Parts of the copy are missing: half a text is another text.
    """
    if not data_dir.is_dir():
        raise UnavailableError(f"The data folder {data_dir} does not exist.", hint=_WAYS_OUT)
    folder = data_dir / place.repository.rsplit("/", 1)[-1] / place.config
    found = sorted(folder.glob(f"{place.split}-*.parquet"))
    if not found:
        return None
    check_complete(found, split=place.split, hint=_WAYS_OUT)
    return [row for path in found for row in read_documents(path, column=place.column)]


def _from_hub(place: _HubText, dataset: str) -> list[str]:
    from datasets import load_dataset

    try:
        with hub_failures(place.repository, name=dataset, hint=_WAYS_OUT):
            rows = load_dataset(place.repository, place.config, split=place.split)
    except ValueError as error:  # unknown configuration or split
        raise UsageError(f"'{dataset}' is not in the data set {place.repository}: {first_line(error)}") from error
    if place.column not in rows.column_names:
        raise UsageError(f"'{place.repository}' has no column '{place.column}', but {', '.join(rows.column_names)}.")
    return only_texts(rows[place.column], of=dataset)


def _from_file(path: Path) -> list[str]:
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:  # ValueError: what was typed can be no path
        known = ", ".join([*_KNOWN, BUILTIN])
        raise UnavailableError(
            f"There is no text '{path}'.", hint=f"Known are {known}, files, and name:config:split:column of the hub."
        ) from error
    if not stat.S_ISREG(mode):
        raise UsageError(f"'{path}' is not a file.", hint="Name a text, JSONL or parquet file.")
    return read_documents(path)
