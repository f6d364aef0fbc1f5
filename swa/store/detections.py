"""Find a detection that is already there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pydantic import MISSING, JsonValue, ValidationError

from swa.schemas.detection import DetectionResult
from swa.store.tree import ModelFolder


class FoundDetection(NamedTuple):
    """A finished detection.

    Attributes:
        path: Its file.
        result: The record.
    """

    path: Path
    result: DetectionResult


class DetectionSearch(NamedTuple):
    """What a search for a finished detection gave.

    Attributes:
        found: The newest one that fits, or `None`.
        unreadable: Files that are no valid detection records.
    """

    found: FoundDetection | None
    unreadable: tuple[Path, ...]


def find_detection(
    folder: ModelFolder,
    *,
    weights_fingerprint: str,
    dataset_fingerprint: str | None,
    options: Mapping[str, JsonValue],
) -> DetectionSearch:
    """The newest complete detection of the same weights, text and options.

    Args:
        folder: Where to look.
        weights_fingerprint: Of the model that is asked for.
        dataset_fingerprint: Of the text, `None` where none is used.
        options: Every option that changes numbers, by name.
    """
    unreadable = []
    for path in folder.detections():
        try:
            result = DetectionResult.model_validate_json(path.read_bytes())
        except (ValidationError, OSError):
            unreadable.append(path)
            continue
        header = result.run
        if header is MISSING or header.status != "complete":
            continue
        same = (header.weights_fingerprint, header.dataset_fingerprint) == (weights_fingerprint, dataset_fingerprint)
        if same and all(name in header.options and header.options[name].value == options[name] for name in options):
            return DetectionSearch(FoundDetection(path, result), tuple(unreadable))
    return DetectionSearch(None, tuple(unreadable))
