"""Where super weights come from: named ones, a saved detection, or a detection now (7-decisions B2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pydantic import MISSING, JsonValue

from swa.cli.commands import detect
from swa.cli.declare.invocation import Invocation, step_of
from swa.cli.given_weights import GivenWeight, from_record, read_given
from swa.cli.terminal.progress import TerminalProgress
from swa.cli.workplace import Workplace
from swa.detection.options import DetectOptions
from swa.models.loading.options import LoadOptions
from swa.reports.verdict import is_confirmed
from swa.runs.driver.keys import EXPERT_OPTIONS, SEARCH_OPTIONS, has_values
from swa.runs.options import RunOptions, WeightOptions
from swa.schemas.detection import DetectionResult, SuperWeight
from swa.schemas.run import RunHeader
from swa.store.detections import find_complete_detection
from swa.store.tree import ModelFolder
from swa.text.words import counted

if TYPE_CHECKING:
    from swa.cli.detect_run import Detected, DetectionRun
    from swa.data.sources import TextSource
    from swa.models.loading.loaded import LoadedModel

DETECTIONS = RunOptions.results_dir
"""Where `swa detect` writes by default."""


class Known(NamedTuple):
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


class Taken(NamedTuple):
    """Super weights of a loaded model.

    Attributes:
        weights: Their records, each coordinate once.
        known: Where they are from.
    """

    weights: list[SuperWeight]
    known: Known

    @property
    def files(self) -> dict[str, str]:
        """The detection record they are from, by name."""
        return self.known.files


@dataclass(frozen=True)
class SuperWeightSource:
    """What all models of one call have in common.

    Attributes:
        given: From `--super-weights`; empty where it was not given.
        all_candidates: Whether candidates count that removal did not confirm.
        several_models: Whether more than one model is named, so that records go to the models they name.
        wanted: Detection options that were set, which a saved detection must have.
        detection: Makes the detection for models of which there is none.
        found: The detection to take, where an earlier step of the same call made it.
    """

    given: Sequence[GivenWeight]
    all_candidates: bool
    several_models: bool
    wanted: Mapping[str, JsonValue]
    detection: Callable[[], DetectionRun]
    found: Detected | None = None

    def known(self, place: Workplace) -> Known | None:
        """The named super weights, else those of the newest detection that fits; `None` where there is none."""
        if self.given:
            return self._named(place)
        if self.found is not None:
            return self._of_detection(self.found.result, Path(self.found.files["detection"]))
        for folder in dict.fromkeys([place.folder, ModelFolder(DETECTIONS, place.folder.name)]):
            search = find_complete_detection(folder, lambda header, result: self._fits(place, header, result))
            for path in search.unreadable:
                place.progress.warn(f"'{path}' is no valid detection record and is left aside.")
            if search.found is not None:
                return self._of_detection(search.found.result, search.found.path)
        return None

    def take(self, place: Workplace, loaded: LoadedModel, known: Known | None) -> Taken:
        """The records of the known super weights, or of those that are detected now.

        Raises:
            UsageError: The model has no such scalar.
            SwaError: The detection failed.
        """
        if known is None:
            place.progress.say("No saved detection fits; detecting first.")
            found = self.detection().compute(place, loaded)
            known = self._of_detection(found.result, Path(found.files["detection"]))
        weights: dict[str, SuperWeight] = {}
        for record in _records(place, loaded, known.weights):
            weights.setdefault(record.coordinate, record)
        place.progress.say(f"{loaded.name}: {counted(len(weights), 'super weight')} from {known.source}.")
        return Taken(list(weights.values()), known)

    def _named(self, place: Workplace) -> Known:
        name = place.checkpoint.reference.name
        weights = [given for given in self.given if not self.several_models or given.model in (None, name)]
        chosen = tuple(given for given in weights if self._counts(given.record))
        records = tuple(given.record for given in weights if given.record is not None)
        return Known(chosen, f"--super-weights{_share(len(chosen), len(weights))}", {}, records)

    def _of_detection(self, result: DetectionResult, path: Path) -> Known:
        chosen = tuple(from_record(weight) for weight in result.super_weights if self._counts(weight))
        source = f"'{path}'{_share(len(chosen), len(result.super_weights))}"
        threshold = None if result.threshold.value is MISSING else result.threshold.value
        return Known(chosen, source, {"detection": str(path)}, tuple(result.super_weights), threshold)

    def _counts(self, record: SuperWeight | None) -> bool:
        """Whether it is taken; what removal never tested counts, for somebody chose it without."""
        tested = record is not None and record.confirmation is not MISSING
        return self.all_candidates or not tested or (record is not None and is_confirmed(record))

    def _fits(self, place: Workplace, header: RunHeader, result: DetectionResult) -> bool:
        has_experts = result.coverage.n_experts > 0
        acting = {name: value for name, value in self.wanted.items() if has_experts or name not in EXPERT_OPTIONS}
        return place.has_weights_of(header) and has_values(header, acting)


def super_weight_source(
    call: Invocation,
    weights: WeightOptions,
    *,
    detection: DetectOptions,
    load: LoadOptions,
    run: RunOptions,
    text: Callable[[], TextSource],
    n_models: int,
    progress: TerminalProgress,
) -> SuperWeightSource:
    """Where the super weights of a call come from; `--super-weights` is read now, before a model is loaded.

    Args:
        call: How the command was called.
        weights: Which super weights.
        detection: How they are sought where they have to be.
        load: How models are loaded.
        run: How the run goes.
        text: Reads the text, when a detection needs it.
        n_models: Number of named models.
        progress: Where the work is reported.

    Raises:
        UsageError: A value of `--super-weights` cannot be read.
        InvalidArtifactError: A record in it is not valid.
    """

    def run_of_detection() -> DetectionRun:
        from swa.cli.detect_run import DetectionRun

        return DetectionRun(step_of(call, "detect", detect.command), load, run, detection, text, progress)

    return SuperWeightSource(
        given=read_given(weights.super_weights),
        all_candidates=weights.all_candidates,
        several_models=n_models > 1,
        wanted=wanted_options(call),
        detection=run_of_detection,
    )


def wanted_options(call: Invocation) -> dict[str, JsonValue]:
    """The detection options that were set, wherever: a default asks for nothing."""
    return {
        name: option.value
        for name, option in call.options.items()
        if name in SEARCH_OPTIONS and option.origin != "default"
    }


def _share(n_chosen: int, n_candidates: int) -> str:
    """What is left out, in words."""
    if n_chosen == n_candidates:
        return ""
    return f" (confirmed ones of {counted(n_candidates, 'candidate')}; --all-candidates takes all)"


def _records(place: Workplace, loaded: LoadedModel, weights: Sequence[GivenWeight]) -> list[SuperWeight]:
    """What is known of each scalar; a record that speaks of another model's weight counts as a mere coordinate."""
    from swa.detection.given import given_super_weight, is_of_model

    records = []
    for given in weights:
        if given.record is not None and is_of_model(loaded, given.record):
            records.append(given.record)
            continue
        records.append(given_super_weight(loaded, given.coordinate))
        if given.record is not None:
            place.progress.warn(
                f"The record of {given.coordinate} says {given.record.weight:.6g}, the model {records[-1].weight:.6g}: "
                "it is of other weights, and only its coordinate is used."
            )
    return records
