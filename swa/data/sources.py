"""Texts: data sets in the hub's layout, files, and what ships with the package."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from swa.errors import UnavailableError, UsageError

BUILTIN = "builtin"
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
        """The documents with a blank line between them (7-decisions A1)."""
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
    """Rows of a local copy, or `None` where the folder holds none."""
    if not data_dir.is_dir():
        raise UnavailableError(f"The data folder {data_dir} does not exist.", hint=_WAYS_OUT)
    folder = data_dir / place.repository.rsplit("/", 1)[-1]
    found = sorted(folder.glob(f"{place.config}/{place.split}-*.parquet"))
    return [row for path in found for row in _read_parquet(path, place.column)] if found else None


def _from_hub(place: _HubText, dataset: str) -> list[str]:
    from datasets import load_dataset
    from datasets.exceptions import DatasetNotFoundError
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    try:
        rows = load_dataset(place.repository, place.config, split=place.split)
    except DatasetNotFoundError as error:
        raise UnavailableError(f"The hub has no data set '{place.repository}'.", hint=_WAYS_OUT) from error
    except (ConnectionError, OSError, HfHubHTTPError, OfflineModeIsEnabled) as error:
        raise UnavailableError(
            f"The data set '{dataset}' is not here and the hub cannot be reached.", hint=_WAYS_OUT
        ) from error
    except ValueError as error:  # unknown configuration or split
        raise UsageError(f"'{dataset}' is not in the data set {place.repository}: {_first_line(error)}") from error
    if place.column not in rows.column_names:
        raise UsageError(f"'{place.repository}' has no column '{place.column}', but {', '.join(rows.column_names)}.")
    return [str(row) for row in rows[place.column]]


def _from_file(path: Path) -> list[str]:
    if not path.exists():
        known = ", ".join([*_KNOWN, BUILTIN])
        raise UnavailableError(
            f"There is no text '{path}'.", hint=f"Known are {known}, files, and name:config:split:column of the hub."
        )
    if not path.is_file():
        raise UsageError(f"'{path}' is not a file.", hint="Name a text, JSONL or parquet file.")
    readers: dict[str, Callable[[Path], list[str]]] = {
        ".parquet": lambda file: _read_parquet(file, "text"),
        ".jsonl": _read_jsonl,
    }
    return readers.get(path.suffix.lower(), _read_plain)(path)


def _read_plain(path: Path) -> list[str]:
    content = path.read_bytes()
    if b"\0" in content:
        raise UsageError(f"'{path}' is a binary file, not a text.")
    try:
        return [content.decode("utf-8")]
    except UnicodeDecodeError as error:
        raise UsageError(f"'{path}' is not UTF-8 text.") from error


def _read_jsonl(path: Path) -> list[str]:
    rows = []
    for number, line in enumerate(_read_plain(path)[0].splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise UsageError(f"{path}:{number} is not JSON: {error.msg}.") from error
        if not isinstance(row, dict) or not isinstance(row.get("text"), str):
            raise UsageError(f"{path}:{number} has no field 'text'.")
        rows.append(row["text"])
    return rows


def _read_parquet(path: Path, column: str) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except pa.ArrowInvalid as error:
        raise UsageError(f"'{path}' is not a parquet file.") from error
    if column not in table.column_names:
        raise UsageError(f"'{path}' has no column '{column}', but {', '.join(table.column_names)}.")
    return [str(row) for row in table.column(column).to_pylist()]


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
