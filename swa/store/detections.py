"""Find a detection that is already there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pydantic import MISSING, JsonValue

from swa.schemas.detection import DetectionResult
from swa.schemas.run import RunHeader
from swa.store.search import Found, Search, first_that_fits
from swa.store.tree import ModelFolder

FoundDetection = Found[DetectionResult]
DetectionSearch = Search[DetectionResult]


def find_detection(
    folder: ModelFolder,
    *,
    weights_fingerprint: str,
    dataset_fingerprint: Callable[[DetectionResult], str | None],
    options: Mapping[str, JsonValue],
    expert_options: Mapping[str, JsonValue],
) -> DetectionSearch:
    """The newest complete detection of the same weights, text and options.

    Args:
        folder: Where to look.
        weights_fingerprint: Of the model that is asked for.
        dataset_fingerprint: Of the text that a detection in a saved one's model reads, `None` where it reads none.
        options: Every option that changes numbers, by name.
        expert_options: Those that change numbers of models with routed experts only.
    """

    def fits(header: RunHeader, result: DetectionResult) -> bool:
        acting = {**options, **expert_options} if result.coverage.n_experts else options
        return (
            header.weights_fingerprint == weights_fingerprint
            and has_options(header, acting)
            and header.dataset_fingerprint == dataset_fingerprint(result)
        )

    return find_complete_detection(folder, fits)


def find_complete_detection(folder: ModelFolder, fits: Callable[[RunHeader, DetectionResult], bool]) -> DetectionSearch:
    """The newest complete detection that fits with its run; records of the Python API have no run."""
    return first_that_fits(
        folder.detections(),
        DetectionResult,
        lambda result: result.run is not MISSING and result.run.status == "complete" and fits(result.run, result),
    )


def has_options(header: RunHeader, options: Mapping[str, JsonValue]) -> bool:
    """Whether a run had these values of these options."""
    return all(name in header.options and header.options[name].value == options[name] for name in options)
