"""Where super weights come from: named ones, a saved detection, or a detection now.

See docs/methods.md#which-super-weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import MISSING, JsonValue

from swa.detection.options import DetectOptions
from swa.findings.verdict import is_confirmed
from swa.runs.driver.call import Call
from swa.runs.driver.execute import execute
from swa.runs.driver.keys import EXPERT_OPTIONS, SEARCH_OPTIONS, has_values
from swa.runs.driver.model_run import ModelRun, Place
from swa.runs.driver.provenance import settle
from swa.runs.driver.step import Outcome
from swa.runs.files.detection import complete_detection
from swa.runs.inputs.given_weights import GivenWeight, NamedWeights, ResolvedWeights, from_record, read_given
from swa.runs.options import RunOptions, WeightOptions
from swa.schemas.detection import DetectionResult, SuperWeight
from swa.schemas.run import RunHeader
from swa.store.detections import find_complete_detection
from swa.store.tree import ModelFolder
from swa.text.words import counted

if TYPE_CHECKING:
    from swa.data.sources import TextSource
    from swa.runs.steps.detect import DetectStep

DETECTIONS = RunOptions.results_dir
"""Where `swa detect` writes by default."""


@dataclass(frozen=True)
class SuperWeightSource:
    """What all models of one call have in common.

    Attributes:
        given: From `--super-weights`; empty where it was not given.
        all_candidates: Whether candidates count that removal did not confirm.
        several_models: Whether more than one model is named, so that records go to the models they name.
        wanted: Detection options that were set, which a saved detection must have.
        detection: The step for models of which there is none.
    """

    given: Sequence[GivenWeight]
    all_candidates: bool
    several_models: bool
    wanted: Mapping[str, JsonValue]
    detection: DetectStep

    def known(self, run: ModelRun, place: Place) -> NamedWeights | None:
        """The named super weights, else those of this run's or the newest detection that fits; `None` without any."""
        if self.given:
            return self._named(run)
        if run.detected is not None:
            return self._of_detection(run.detected)
        for folder in dict.fromkeys([place.folder, ModelFolder(DETECTIONS, place.folder.name)]):
            search = find_complete_detection(folder, lambda header, result: self._fits(run, header, result))
            for path in search.unreadable:
                run.progress.warn(f"'{path}' is no valid detection record and is left aside.")
            if search.found is not None:
                path, result = search.found
                if folder == place.folder:  # no other run is there: what a kill kept from being written is made up for
                    complete_detection(folder, path, result)
                    if result.run is not MISSING:
                        settle(folder, result.run, run.progress.warn)
                return self._of_record(result, path)
        return None

    def resolve(self, run: ModelRun, named: NamedWeights | None) -> ResolvedWeights:
        """The records of the named super weights, or of those that are detected now.

        Raises:
            UsageError: The model has no such scalar.
            SwaError: The detection failed.
        """
        if named is None:
            run.progress.say("No saved detection fits; detecting first.")
            run.detected = execute(run, self.detection)
            named = self._of_detection(run.detected)
        weights: dict[str, SuperWeight] = {}
        for record in _records(run, named.weights):
            weights.setdefault(record.coordinate, record)
        run.progress.say(f"{run.name}: {counted(len(weights), 'super weight')} from {named.source}.")
        return ResolvedWeights(list(weights.values()), named)

    def _named(self, run: ModelRun) -> NamedWeights:
        weights = [given for given in self.given if not self.several_models or given.model in (None, run.name)]
        chosen = tuple(given for given in weights if self._counts(given.record))
        records = tuple(given.record for given in weights if given.record is not None)
        return NamedWeights(chosen, f"--super-weights{_share(len(chosen), len(weights))}", {}, records)

    def _of_detection(self, detected: Outcome[DetectionResult]) -> NamedWeights:
        return self._of_record(detected.record, Path(detected.files["detection"]))

    def _of_record(self, result: DetectionResult, path: Path) -> NamedWeights:
        chosen = tuple(from_record(weight) for weight in result.super_weights if self._counts(weight))
        source = f"'{path}'{_share(len(chosen), len(result.super_weights))}"
        threshold = None if result.threshold.value is MISSING else result.threshold.value
        return NamedWeights(chosen, source, {"detection": str(path)}, tuple(result.super_weights), threshold)

    def _counts(self, record: SuperWeight | None) -> bool:
        """Whether it is taken; what removal never tested counts, for somebody chose it without."""
        tested = record is not None and record.confirmation is not MISSING
        return self.all_candidates or not tested or (record is not None and is_confirmed(record))

    def _fits(self, run: ModelRun, header: RunHeader, result: DetectionResult) -> bool:
        has_experts = result.coverage.n_experts > 0
        acting = {name: value for name, value in self.wanted.items() if has_experts or name not in EXPERT_OPTIONS}
        return run.has_weights_of(header) and has_values(header, acting)


def super_weight_source(
    weights: WeightOptions,
    search: DetectOptions,
    call: Call,
    run: RunOptions,
    text: Callable[[], TextSource],
    *,
    n_models: int,
) -> SuperWeightSource:
    """Where the super weights of a call come from; `--super-weights` is read now, before a model is loaded.

    Args:
        weights: Which super weights.
        search: How they are sought where they have to be.
        call: How the command was called.
        run: How the run goes.
        text: Reads the text, when a detection needs it.
        n_models: Number of named models.

    Raises:
        UsageError: A value of `--super-weights` cannot be read.
        InvalidArtifactError: A record in it is not valid.
    """
    from swa.runs.steps.detect import DETECT_OPTIONS, DetectStep

    return SuperWeightSource(
        given=read_given(weights.super_weights),
        all_candidates=weights.all_candidates,
        several_models=n_models > 1,
        # a default asks for nothing
        wanted={
            name: one.value for name, one in call.options.items() if name in SEARCH_OPTIONS and one.origin != "default"
        },
        detection=DetectStep(call.step("detect", DETECT_OPTIONS), run.results_dir, run.force, search, text),
    )


def _share(n_chosen: int, n_candidates: int) -> str:
    """What is left out, in words."""
    if n_chosen == n_candidates:
        return ""
    return f" (confirmed ones of {counted(n_candidates, 'candidate')}; --all-candidates takes all)"


def _records(run: ModelRun, weights: Sequence[GivenWeight]) -> list[SuperWeight]:
    """What is known of each scalar; a record that speaks of another model's weight counts as a mere coordinate."""
    from swa.detection.given import given_super_weight, is_of_model

    loaded = run.load()
    records = []
    for given in weights:
        if given.record is not None and is_of_model(loaded, given.record):
            records.append(given.record)
            continue
        records.append(given_super_weight(loaded, given.coordinate))
        if given.record is not None:
            run.progress.warn(
                f"The record of {given.coordinate} says {given.record.weight:.6g}, the model {records[-1].weight:.6g}: "
                "it is of other weights, and only its coordinate is used."
            )
    return records
