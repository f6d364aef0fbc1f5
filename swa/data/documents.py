"""Documents of a text, JSON-lines or parquet file. A file that is not what it says is refused, never mended."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from swa.errors import UnavailableError, UsageError


def read_documents(path: Path, *, column: str = "text") -> list[str]:
    """Read a file by its suffix: the rows of `.parquet` and `.jsonl`, else the whole text as one document.

    Args:
        path: The file.
        column: Column or field that holds the text.

    Raises:
        UnavailableError: The file cannot be read.
        UsageError: It is binary or broken, or a row of it holds no text.
    """
    readers: dict[str, Callable[[Path, str], list[str]]] = {".parquet": _read_parquet, ".jsonl": _read_lines}
    try:
        return readers.get(path.suffix.lower(), _read_plain)(path, column)
    except OSError as error:
        raise UnavailableError(f"'{path}' cannot be read: {error.strerror or error}.") from error


def only_texts(rows: Iterable[object], *, of: str) -> list[str]:
    """The rows, all of which must be text; `str` would turn a missing one into the word None.

    Raises:
        UsageError: One is missing, is something else, or holds half of a surrogate pair.
    """
    texts = []
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, str):
            raise UsageError(f"Row {number} of '{of}' holds no text.", hint="Leave rows without text out.")
        if not _is_unicode(row):
            raise UsageError(f"Row {number} of '{of}' holds half a character (a lone surrogate).")
        texts.append(row)
    return texts


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _read_plain(path: Path, _column: str) -> list[str]:
    content = path.read_bytes()
    if b"\0" in content:
        raise UsageError(f"'{path}' is a binary file, not a text.")
    try:
        return [content.decode("utf-8-sig")]  # a byte order mark is no part of the text
    except UnicodeDecodeError as error:
        raise UsageError(f"'{path}' is not UTF-8 text.") from error


def _read_lines(path: Path, column: str) -> list[str]:
    texts = []
    # not splitlines: U+2028 and its like may stand inside a JSON string
    for number, line in enumerate(_read_plain(path, column)[0].split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{path}:{number} is not JSON: {getattr(error, 'msg', error)}.") from error
        if not isinstance(row, dict) or not isinstance(row.get(column), str):
            raise UsageError(f"{path}:{number} has no field '{column}'.")
        texts.append(row[column])
    return only_texts(texts, of=str(path))


def _read_parquet(path: Path, column: str) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with path.open("rb") as stream:
        try:
            file = pq.ParquetFile(stream)
            names = file.schema_arrow.names
            rows = file.read(columns=[column]).column(column).to_pylist() if column in names else None
        except (pa.ArrowException, OSError) as error:  # broken pages are an OSError without a number
            raise UsageError(f"'{path}' is not a parquet file, or a broken one.") from error
    if rows is None:
        raise UsageError(f"'{path}' has no column '{column}', but {', '.join(names)}.")
    return only_texts(rows, of=str(path))
