"""The files of one detection (docs/files.md#detection): record, candidates, figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pydantic import MISSING

from swa.errors import PartialFailureError
from swa.runs.files.derived import is_of_record
from swa.schemas.detection import DetectionResult
from swa.store.atomic import WriteError, write_bytes, write_text
from swa.store.tree import ModelFolder


def write_detection(folder: ModelFolder, stamp: str, result: DetectionResult) -> dict[str, str]:
    """Write everything; the record first, for it alone cannot be had again without the model.

    Returns:
        Paths by name.

    Raises:
        WriteError: The record could not be written.
        PartialFailureError: The record is there, something else could not be written.
    """
    record = folder.detection(stamp)
    write_text(record, result.model_dump_json(indent=2) + "\n")
    derived = _derived(folder, result)
    try:
        for path, content in derived.values():
            write_bytes(path, content())
    except WriteError as error:
        raise PartialFailureError(f"The record is in {record}, but {error.message}", hint=error.hint) from error
    return _paths(folder, record, {name: path for name, (path, _) in derived.items()})


def complete_detection(folder: ModelFolder, record: Path, result: DetectionResult) -> dict[str, str]:
    """Paths of a finished detection; what an interruption kept from being written is made from its record.

    Candidates and figures in the folder are those of the newest record only.
    """
    if record != folder.detections()[0]:
        return {"detection": str(record)}
    derived = _derived(folder, result)
    for path, content in derived.values():
        if not is_of_record(path, record):
            write_bytes(path, content())
    return _paths(folder, record, {name: path for name, (path, _) in derived.items()})


def _derived(folder: ModelFolder, result: DetectionResult) -> dict[str, tuple[Path, Callable[[], bytes]]]:
    """What follows from the record: where it goes and how it is made."""
    from swa.reports.plots import detection_iterations, moe_analysis, super_weight_distribution
    from swa.reports.plots.style import png

    files: dict[str, tuple[Path, Callable[[], bytes]]] = {
        "super_weights": (folder.super_weights, lambda: _lines(result)),
        "detection_iterations": (
            folder.plots / "detection_iterations.png",
            lambda: png(detection_iterations.draw(result)),
        ),
        "super_weight_distribution": (
            folder.plots / "super_weight_distribution.png",
            lambda: png(super_weight_distribution.draw(result)),
        ),
    }
    if result.routing is not MISSING:
        files["moe_analysis"] = (folder.plots / "moe_analysis.png", lambda: png(moe_analysis.draw(result)))
    return files


def _lines(result: DetectionResult) -> bytes:
    return "".join(f"{weight.model_dump_json()}\n" for weight in result.super_weights).encode()


def _paths(folder: ModelFolder, record: Path, derived: dict[str, Path]) -> dict[str, str]:
    return {
        "detection": str(record),
        **{name: str(path) for name, path in derived.items()},
        "run_config": str(folder.run_config),
    }
