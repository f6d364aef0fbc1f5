"""Everything that is saved of one model, the newest complete record of each kind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar, cast

from pydantic import MISSING

from swa.reports.saved.folders import model_folders
from swa.reports.saved.records import read_record, read_records
from swa.schemas.base import Record
from swa.schemas.cards import NeuronCard, SuperWeightCard
from swa.schemas.cascade import CascadeResult
from swa.schemas.detection import DetectionResult
from swa.schemas.evaluation import ModelAnalysis
from swa.schemas.run import RunHeader
from swa.schemas.runs import RunConfig
from swa.store.search import Found
from swa.store.vocab_tree import VocabFolder

Kind = TypeVar("Kind", bound=Record)


@dataclass(frozen=True)
class Cards(Generic[Kind]):
    """The records of one JSON-lines file.

    Attributes:
        folder: The model's folder.
        path: The file.
        records: One a line.
        run: How they were made, where the folder still says it.
    """

    folder: VocabFolder
    path: Path
    records: tuple[Kind, ...]
    run: RunHeader | None


@dataclass(frozen=True)
class ModelArtifacts:
    """What is saved of one model.

    Attributes:
        name: The model as it was named.
        folders: Where its files are.
        detection: The detection.
        analysis: The evaluation.
        super_weights: Interventions.
        neurons: Vocabulary effects.
        cascades: Records of `swa cascade`.
        notes: What was left out, and why.
    """

    name: str
    folders: tuple[VocabFolder, ...]
    detection: Found[DetectionResult] | None = None
    analysis: Found[ModelAnalysis] | None = None
    super_weights: Cards[SuperWeightCard] | None = None
    neurons: Cards[NeuronCard] | None = None
    cascades: Cards[CascadeResult] | None = None
    notes: tuple[str, ...] = ()

    @property
    def sources(self) -> list[Path]:
        """The files that were read."""
        parts = (self.detection, self.analysis, self.super_weights, self.neurons, self.cascades)
        return [part.path for part in parts if part is not None]

    def folder_of(self, path: Path) -> VocabFolder:
        """The model's folder that a file lies in."""
        return next(folder for folder in self.folders if path.is_relative_to(folder.path))


def find_artifacts(root: Path) -> list[ModelArtifacts]:
    """The models in a folder at any depth; folders of one name in several trees are one model.

    Raises:
        UsageError: There is no such folder, or no artifact in it.
        InvalidArtifactError: A record does not fit its schema.
    """
    by_name: dict[str, list[VocabFolder]] = {}
    for folder in model_folders(root):
        by_name.setdefault(folder.name, []).append(folder)
    return [artifacts_of(folders) for folders in by_name.values()]


def artifacts_of(folders: Sequence[VocabFolder]) -> ModelArtifacts:
    """What is saved in the folders of one model.

    Raises:
        InvalidArtifactError: A record does not fit its schema.
    """
    notes: list[str] = []
    analysis = _newest((path for folder in folders for path in folder.analyses()), ModelAnalysis, notes)
    weights = None if analysis is None else _weights(_run_of(analysis.result))
    detection = _newest((path for folder in folders for path in folder.detections()), DetectionResult, notes, weights)
    if weights is None and detection is not None:
        weights = _Weights(detection.result.weights_fingerprint, detection.result.dtype)
    configs = {folder: _config(folder) for folder in folders}
    cards = [_cards(folder, folder.super_weight_cards, SuperWeightCard, configs[folder], notes) for folder in folders]
    neurons = [_cards(folder, folder.neuron_cards, NeuronCard, configs[folder], notes) for folder in folders]
    cascades = [_cards(folder, folder.cascade_results, CascadeResult, configs[folder], notes) for folder in folders]
    found = ModelArtifacts(
        name=folders[0].name,
        folders=tuple(folders),
        detection=detection,
        analysis=analysis,
        super_weights=_latest(cards, weights, notes),
        neurons=_latest(neurons, weights, notes),
        cascades=_latest(cascades, weights, notes),
    )
    return replace(found, name=_name_in_records(found) or found.name, notes=tuple(notes))


class _Weights(NamedTuple):
    """What a record was measured on: those of one report are the same."""

    fingerprint: str
    dtype: str


def _weights(run: RunHeader | None) -> _Weights | None:
    return None if run is None else _Weights(run.weights_fingerprint, run.dtype)


def _run_of(record: DetectionResult | ModelAnalysis) -> RunHeader | None:
    """How a record was made; those of the Python API do not say it."""
    return None if record.run is MISSING else record.run


def _newest(
    paths: Iterable[Path],
    kind: type[Kind],
    notes: list[str],
    weights: _Weights | None = None,
) -> Found[Kind] | None:
    """The newest complete record of these weights; where none is complete, the newest."""
    unfinished: Found[Kind] | None = None
    for path in sorted(paths, key=lambda path: path.name, reverse=True):
        record = read_record(path, kind)
        run = _run_of(cast("DetectionResult | ModelAnalysis", record))
        if weights is not None and run is not None and _weights(run) != weights:
            notes.append(f"'{path}' is left out: it was measured on other weights, or in another type.")
        elif run is None or run.status == "complete":
            return Found(path, record)
        else:
            unfinished = unfinished or Found(path, record)
    if unfinished is not None:
        notes.append(f"'{unfinished.path}' is of a run that was not complete; there is no complete one.")
    return unfinished


def _config(folder: VocabFolder) -> RunConfig:
    return read_record(folder.run_config, RunConfig) if folder.run_config.exists() else RunConfig()


def _cards(
    folder: VocabFolder, path: Path, kind: type[Kind], config: RunConfig, notes: list[str]
) -> Cards[Kind] | None:
    if not path.exists():
        return None
    found = read_records(path, kind)
    if found.torn:
        notes.append(f"The last line of '{path}' is torn: a run was interrupted there. It is left out.")
    block = config.cascade if kind is CascadeResult else config.vocab
    run = None if block is MISSING else block
    if run is not None and run.status != "complete":
        notes.append(f"The run that writes '{path}' is {run.status}; records may be missing.")
    return Cards(folder, path, cast("tuple[Kind, ...]", found.records), run)


def _latest(cards: Sequence[Cards[Kind] | None], weights: _Weights | None, notes: list[str]) -> Cards[Kind] | None:
    """The file of the run that began last, of these weights."""
    there = [one for one in cards if one is not None]
    fitting = [one for one in there if None in (weights, one.run) or _weights(one.run) == weights]
    notes += [
        f"'{one.path}' is left out: it was measured on other weights, or in another type."
        for one in there
        if one not in fitting
    ]
    chosen = max(fitting, key=lambda one: "" if one.run is None else one.run.started, default=None)
    notes += [f"'{one.path}' is left out: '{chosen.path}' is newer." for one in fitting if one is not chosen and chosen]
    return chosen


def _name_in_records(found: ModelArtifacts) -> str | None:
    """The model as its records name it."""
    if found.detection:
        return found.detection.result.model
    if found.analysis and found.analysis.result.model is not MISSING:
        return found.analysis.result.model
    files = (found.super_weights, found.neurons, found.cascades)
    return next((card.model for cards in files if cards for card in cards.records), None)
