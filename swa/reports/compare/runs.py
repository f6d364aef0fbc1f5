"""The runs to compare, from folders and files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from pydantic import MISSING

from swa.errors import UsageError
from swa.findings.names import model_name
from swa.findings.verdict import counts
from swa.reports.saved.folders import model_folders
from swa.reports.saved.models import artifacts_of
from swa.reports.saved.records import kind_of, read_record
from swa.schemas.coordinate import CoordinateText
from swa.schemas.detection import DetectionResult, SuperWeight
from swa.schemas.evaluation import CompleteAnalysis, ModelAnalysis
from swa.schemas.run import RunHeader

_KINDS = (DetectionResult, ModelAnalysis, CompleteAnalysis)


@dataclass(frozen=True)
class Run:
    """One detection, one evaluation, or both, of one model.

    Attributes:
        model: The model as it was named.
        sources: Paths of the records.
        detection: What was found.
        analysis: What removal does.
        notes: What was left out, and why.
    """

    model: str
    sources: tuple[Path, ...]
    detection: DetectionResult | None = None
    analysis: ModelAnalysis | None = None
    notes: tuple[str, ...] = ()

    @property
    def headers(self) -> list[RunHeader]:
        """How the records were made: the evaluation first."""
        records = (self.analysis, self.detection)
        return [record.run for record in records if record is not None and record.run is not MISSING]

    @property
    def started(self) -> str:
        """When the newest of its records was begun."""
        return max((header.started for header in self.headers), default="")

    @property
    def super_weights(self) -> list[SuperWeight]:
        """The confirmed ones; where nothing was confirmed or refused, those that were worked on."""
        from_evaluation = self.analysis is not None and self.analysis.super_weights is not MISSING
        weights = self.detection.super_weights if self.detection is not None else []
        if from_evaluation and not weights:
            assert self.analysis is not None, "it has super weights"
            weights = cast("list[SuperWeight]", self.analysis.super_weights)
        return [weight for weight in weights if counts(weight)]

    @property
    def n_layers(self) -> int:
        """Layers of the model; where no record says it, as many as its super weights show."""
        if self.detection is not None:
            return self.detection.coverage.n_layers
        assert self.analysis is not None, "a run has a record"
        if self.analysis.n_layers is not MISSING:
            return self.analysis.n_layers
        texts = [text for impact in self.analysis.individual for text in impact.coordinates]
        return 1 + max((CoordinateText.parse(text).layer for text in texts), default=0)

    @property
    def family(self) -> str:
        """The model's type in transformers."""
        if self.analysis is not None and self.analysis.family is not MISSING:
            return self.analysis.family
        return self.detection.architecture.split(" ")[0] if self.detection is not None else "unknown"


def find_runs(places: Sequence[Path]) -> list[Run]:
    """The runs in folders (each model's folder is one) and files (each record is one), in their order, each once.

    Raises:
        UsageError: A place is not there, has no artifact, or holds another record; or there is no run.
        InvalidArtifactError: A record does not fit its schema.
    """
    runs: dict[tuple[str, tuple[Path, ...]], Run] = {}
    for place in places:
        for run in _in_folder(place) if place.is_dir() else _in_file(place):
            runs.setdefault((run.model, tuple(path.resolve() for path in run.sources)), run)
    if not runs:
        raise UsageError(
            "There is no detection and no evaluation in these folders.",
            hint="`swa compare` takes results of `swa detect` and `swa evaluate`.",
        )
    return list(runs.values())


def _in_folder(root: Path) -> Iterator[Run]:
    for folder in model_folders(root):
        if not (folder.detections() or folder.analyses()):
            continue
        found = artifacts_of([folder])
        parts = [part for part in (found.detection, found.analysis) if part is not None]
        yield Run(
            model=found.name,
            sources=tuple(part.path for part in parts),
            detection=found.detection and found.detection.result,
            analysis=found.analysis and found.analysis.result,
            notes=found.notes,
        )


def _in_file(path: Path) -> Iterator[Run]:
    if not path.is_file():
        raise UsageError(f"There is no file or folder '{path}'.")
    kind = kind_of(path)
    if kind not in _KINDS:
        raise UsageError(
            f"'{path}' holds a {kind.__name__}, which cannot be compared.",
            hint="Name detection_*.json, analysis_*.json or complete_analysis_*.json, or a folder.",
        )
    record = read_record(path, kind)
    if isinstance(record, DetectionResult):
        yield Run(record.model, (path,), detection=record)
    elif isinstance(record, ModelAnalysis):
        yield Run(model_name(record), (path,), analysis=record)
    elif isinstance(record, CompleteAnalysis):
        for analysis in record.models:
            yield Run(model_name(analysis), (path,), analysis=analysis)
