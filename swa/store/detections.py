"""Find a detection that is already there."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import MISSING

from swa.schemas.detection import DetectionResult
from swa.schemas.run import RunHeader
from swa.store.search import Search, first_that_fits
from swa.store.tree import ModelFolder

DetectionSearch = Search[DetectionResult]


def find_complete_detection(folder: ModelFolder, fits: Callable[[RunHeader, DetectionResult], bool]) -> DetectionSearch:
    """The newest complete detection that fits with its run; records of the Python API have no run."""
    return first_that_fits(
        folder.detections(),
        DetectionResult,
        lambda result: result.run is not MISSING and result.run.status == "complete" and fits(result.run, result),
    )
