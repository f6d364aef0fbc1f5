"""The detection of one model, from its name to its files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pydantic import MISSING

from swa.cli.declare.invocation import Invocation
from swa.cli.detect_files import complete_detection, write_detection
from swa.cli.header import ended, recorded, run_header, settle
from swa.cli.terminal.progress import TerminalProgress
from swa.cli.workplace import Workplace, at_work, new_stamp
from swa.detection.options import DetectOptions
from swa.models.loading.options import LoadOptions
from swa.runs.driver.keys import DETECTION, EXPERT_OPTIONS, is_same_work, values_of
from swa.runs.options import RunOptions
from swa.schemas.detection import DetectionResult
from swa.schemas.run import RunHeader
from swa.store.detections import FoundDetection, find_complete_detection

if TYPE_CHECKING:
    from swa.data.sources import TextSource
    from swa.models.loading.loaded import LoadedModel


class Detected(NamedTuple):
    """A finished detection.

    Attributes:
        result: The record.
        folder: The model's folder.
        files: Paths by name.
    """

    result: DetectionResult
    folder: Path
    files: dict[str, str]


@dataclass(frozen=True)
class DetectionRun:
    """What all models of one call have in common.

    Attributes:
        call: How the command was called.
        load: How models are loaded.
        run: How the run goes.
        options: The choices of the detection.
        text: Reads the text, when a model needs it.
        progress: Where the work is reported.
    """

    call: Invocation
    load: LoadOptions
    run: RunOptions
    options: DetectOptions
    text: Callable[[], TextSource]
    progress: TerminalProgress

    def detect(self, name: str) -> Detected:
        """Detect in one model, or take the finished detection of the same weights, text and options.

        Raises:
            SwaError: The model or its folder cannot be used, or a write failed.
        """
        with at_work(name, self.run.results_dir, load=self.load, progress=self.progress) as place:
            finished = None if self.run.force else self._finished(place)
            if finished is None:
                return self.compute(place, place.load())
            place.log.discard()
            self.progress.say(f"{name} is finished already; --force detects again.")
            assert finished.result.run is not MISSING, "without it nothing is finished"
            settle(place.folder, finished.result.run, self.progress.warn)
            files = complete_detection(place.folder, finished.path, finished.result)
            return Detected(finished.result, place.folder.path, files)

    def compute(self, place: Workplace, loaded: LoadedModel) -> Detected:
        """Detect in a loaded model and write the files, whatever is there already.

        Raises:
            SwaError: The model cannot be analysed, or a write failed.
        """
        from swa.detection.analysis import detect
        from swa.detection.moe.experts import has_experts

        folder = place.folder
        text = self.text() if needs_text(self.options) or has_experts(loaded) else None
        folder.create_for_detection()
        stamp = new_stamp(folder) if folder.detection(place.stamp).exists() else place.stamp
        header = run_header(
            self.call,
            loaded,
            seed=self.options.seed,
            dataset_fingerprint=text.fingerprint if text else None,
            stamp=stamp,
        )
        place.log.keep()
        with recorded(folder, header, self.progress.warn):
            result = detect(loaded, text, options=self.options, progress=self.progress)
            result = self._with_provenance(result, ended(header, "complete"))
            files = write_detection(folder, stamp, result)
        return Detected(result, folder.path, {**files, "log": str(folder.log(place.stamp))})

    def _finished(self, place: Workplace) -> FoundDetection | None:
        values = values_of(self.call.options)

        def fits(run: RunHeader, result: DetectionResult) -> bool:
            if run.weights_fingerprint != place.checkpoint.fingerprint:
                return False
            # the same weights are the same model, whatever the commit
            facts = place.facts(self._text_behind(result))._replace(revision=run.revision)
            idle = () if result.coverage.n_experts else EXPERT_OPTIONS
            return is_same_work(DETECTION, run, values, facts, idle=idle)

        search = find_complete_detection(place.folder, fits)
        for path in search.unreadable:
            self.progress.warn(f"'{path}' is no valid detection record and is left aside.")
        return search.found

    def _text_behind(self, result: DetectionResult) -> str | None:
        """The fingerprint of the text that a detection in such a model reads now."""
        return self.text().fingerprint if needs_text(self.options) or result.coverage.n_experts else None

    def _with_provenance(self, result: DetectionResult, header: RunHeader) -> DetectionResult:
        origin = self.call.options["spike_threshold"].origin
        threshold = result.threshold.model_copy(update={"origin": origin})
        return result.model_copy(update={"threshold": threshold, "run": header})


def needs_text(options: DetectOptions) -> bool:
    """Whether a detection reads a text beside its prompts whatever the model; with routed experts each one does."""
    return options.confirm or "gradient" in options.screens
