"""Values of `--super-weights`: coordinates, files of them, and standard input, read before any model is loaded."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError

from swa.errors import InvalidArtifactError, SwaError, UsageError
from swa.schemas.base import Record
from swa.schemas.coordinate import CoordinateText
from swa.schemas.detection import DetectionResult, SuperWeight
from swa.schemas.jsontext import JsonTextError, decoded, line_of, load_object
from swa.schemas.messages import misfits
from swa.schemas.registry import class_for

STDIN = "-"
Kind = TypeVar("Kind", bound=Record)
_SUPER_WEIGHT_KEYS = {name for name, field in SuperWeight.model_fields.items() if field.is_required()}


class GivenWeight(NamedTuple):
    """A super weight that the user named or a record holds, before the model says whether it is there.

    Attributes:
        coordinate: Its address.
        model: The model that it was found in, `None` where nothing says.
        record: What is known of it, `None` for a mere coordinate.
    """

    coordinate: CoordinateText
    model: str | None = None
    record: SuperWeight | None = None


class NamedWeights(NamedTuple):
    """Super weights that are known before the model is loaded.

    Attributes:
        weights: Those to work on.
        source: Where they come from, as part of a sentence.
        files: The detection record they are from, by name; empty for named ones.
        candidates: Records of everything that was pointed to, also what is not worked on.
        threshold: The spike threshold of the detection; `None` for `auto` and for named ones.
    """

    weights: tuple[GivenWeight, ...]
    source: str
    files: dict[str, str]
    candidates: tuple[SuperWeight, ...] = ()
    threshold: float | None = None

    @property
    def coordinates(self) -> list[str]:
        """Text forms, each once."""
        return list(dict.fromkeys(str(given.coordinate) for given in self.weights))


class ResolvedWeights(NamedTuple):
    """Super weights of a loaded model.

    Attributes:
        weights: Their records, each coordinate once.
        named: Where they are from.
    """

    weights: list[SuperWeight]
    named: NamedWeights

    @property
    def files(self) -> dict[str, str]:
        """The detection record they are from, by name."""
        return self.named.files


NO_WEIGHTS = NamedWeights((), "", {})
"""Where nothing is wanted of super weights."""
NOTHING_RESOLVED = ResolvedWeights([], NO_WEIGHTS)


class _Piece(NamedTuple):
    """An object or a line of a file, and the line where it begins."""

    text: str
    line: int


def read_given(values: Sequence[str]) -> list[GivenWeight]:
    """Read the values of `--super-weights`, in their order.

    Args:
        values: Coordinates, paths of files, and `-`.

    Raises:
        UsageError: A value is neither coordinate nor file, a file cannot be read or is empty, a line is no coordinate.
        InvalidArtifactError: A line is torn, foreign, or no valid record.
    """
    if values.count(STDIN) > 1:
        raise UsageError("--super-weights names standard input twice.", hint="It can be read once.")
    return [given for value in values for given in _read_value(value)]


def from_record(weight: SuperWeight) -> GivenWeight:
    """A super weight as its record names it.

    Raises:
        UsageError: Its coordinate cannot be read.
    """
    return GivenWeight(CoordinateText.parse(weight.coordinate), weight.model, weight)


def _read_value(value: str) -> Iterator[GivenWeight]:
    if value == STDIN:
        yield from _read_text(sys.stdin.buffer.read(), "standard input")
    elif (path := _existing(value)) is not None:
        yield from _read_text(_content(path), value)
    else:
        yield GivenWeight(_coordinate_or_path(value))


def _existing(value: str) -> Path | None:
    try:
        path = Path(value).expanduser()
        return path if value and path.exists() else None
    except (OSError, RuntimeError):  # longer than a path may be, out of sight, or `~` of nobody
        return None


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"'{path}' cannot be read: {error.strerror}.") from error


def _coordinate_or_path(value: str) -> CoordinateText:
    try:
        return CoordinateText.parse(value)
    except UsageError as error:
        raise UsageError(
            f"'{value}' is neither a file nor a coordinate.", hint=f"{error.hint} Lines of a pipe come in with `-`."
        ) from error


def _read_text(raw: bytes, name: str) -> Iterator[GivenWeight]:
    if b"\0" in raw:
        raise UsageError(f"{name} is binary, not text.")
    try:
        text = decoded(raw)
    except JsonTextError as error:
        raise UsageError(f"{name}:{error.line}: this is not UTF-8 text.") from error
    if not text.strip():
        raise UsageError(
            f"{name} holds no super weights, it is empty.", hint="Without --super-weights the command detects them."
        )
    for piece in _pieces(text):
        try:
            yield from _read_piece(piece.text)
        except JsonTextError as error:
            raise InvalidArtifactError(f"{name}:{piece.line + error.line - 1}: {error.message}") from error
        except SwaError as error:
            raise type(error)(f"{name}:{piece.line}: {error.message}", hint=error.hint) from error


def _pieces(text: str) -> Iterator[_Piece]:
    """The whole text where it is one JSON object over several lines, else its lines."""
    first = text.lstrip().split("\n", 1)[0].strip()
    if first.startswith("{") and not _is_json(first) and _is_json(text):
        yield _Piece(text, 1)
        return
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield _Piece(line.strip(), number)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _read_piece(text: str) -> Iterator[GivenWeight]:
    """An object, or a coordinate as it is or in quotes (`jq .coordinate` writes it so)."""
    if text.lstrip().startswith("{"):
        yield from _read_object(text)
    else:
        yield GivenWeight(CoordinateText.parse(text[1:-1] if text[0] == text[-1] == '"' else text))


def _read_object(text: str) -> Iterator[GivenWeight]:
    data = load_object(text)
    claimed = data.get("record")
    if claimed == "DetectionResult" or (claimed is None and "super_weights" in data):
        yield from map(from_record, _parsed(DetectionResult, text, data).super_weights)
    elif claimed == "SuperWeight" or (claimed is None and data.keys() >= _SUPER_WEIGHT_KEYS):
        yield from_record(_parsed(SuperWeight, text, data))
    elif isinstance(data.get("coordinate"), str):
        model = data.get("model")
        yield GivenWeight(CoordinateText.parse(data["coordinate"]), model if isinstance(model, str) else None)
    else:
        raise InvalidArtifactError(
            "This is neither a detection record nor a super weight.",
            hint="Wanted are a DetectionResult, SuperWeight records, or objects with the key `coordinate`.",
        )


def _parsed(kind: type[Kind], text: str, data: dict[str, Any]) -> Kind:
    class_for(data, kind.__name__)  # refuses newer versions with a way out
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        misfit = misfits(error, data)[0]
        raise JsonTextError(f"This is no {kind.__name__}: {misfit.message}", line_of(text, misfit.place)) from error
