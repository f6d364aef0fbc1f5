"""`swa detect` for one model, from its name to its files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import MISSING

from swa.data.options import TextOptions
from swa.detection.options import DetectOptions
from swa.models.loading.options import LoadOptions
from swa.options import names_of
from swa.progress import Progress
from swa.runs.driver.call import Call
from swa.runs.driver.execute import execute
from swa.runs.driver.keys import DETECTION, EXPERT_OPTIONS, is_same_work, values_of
from swa.runs.driver.model_run import ModelRun, Place
from swa.runs.driver.models import Outcomes, each_model, named_models
from swa.runs.driver.provenance import RunBlock, ended, run_header, settle
from swa.runs.driver.step import Outcome, Plan, Step
from swa.runs.files.detection import complete_detection, write_detection
from swa.runs.inputs.texts import text_reader
from swa.runs.options import RunOptions
from swa.schemas.detection import DetectionResult
from swa.schemas.run import RunHeader
from swa.store.detections import find_complete_detection
from swa.store.tree import ModelFolder

if TYPE_CHECKING:
    from swa.data.sources import TextSource
    from swa.runs.driver.models import Models

Detected = Outcome[DetectionResult]
DETECT_OPTIONS = names_of(LoadOptions, TextOptions, DetectOptions, RunOptions) | {"models"}
"""Names of the options of `swa detect`."""


@dataclass(frozen=True)
class DetectStep(Step[None, DetectionResult, DetectionResult]):
    """The detection of one model.

    Attributes:
        options: The choices of the detection.
        text: Reads the text, when a model needs it.
    """

    command: ClassVar[str] = "detect"
    again: ClassVar[str] = "detects again"
    layout: ClassVar[type[ModelFolder]] = ModelFolder
    call: Call
    root: Path
    force: bool
    options: DetectOptions
    text: Callable[[], TextSource]

    def inputs(self, run: ModelRun, place: Place) -> None:
        """Nothing beside the model and, for most choices, a text."""

    def stamp(self, run: ModelRun, place: Place) -> str:
        """See `Step.stamp`."""
        return place.stamp_of_unfinished(self.call, force=self.force) or place.new_stamp()

    def finished(self, run: ModelRun, place: Place, inputs: None) -> Detected | None:
        """See `Step.finished`."""
        search = find_complete_detection(place.folder, lambda header, result: self._is_asked(run, header, result))
        for path in search.unreadable:
            run.progress.warn(f"'{path}' is no valid detection record and is left aside.")
        if search.found is None:
            return None
        path, result = search.found
        header = result.run
        assert header is not MISSING, "without it nothing is finished"
        settle(place.folder, header, run.progress.warn)
        return Detected(result, header, place.folder.path, complete_detection(place.folder, path, result), is_new=False)

    def _is_asked(self, run: ModelRun, header: RunHeader, result: DetectionResult) -> bool:
        """Whether a saved detection is that of this call; what acts on experts alone counts where there are some."""
        has_experts = result.coverage.n_experts > 0
        text = self.text().fingerprint if needs_text(self.options) or has_experts else None
        return is_same_work(
            DETECTION,
            header,
            values_of(self.call.options),
            run.facts(text)._replace(revision=header.revision),
            idle=() if has_experts else EXPERT_OPTIONS,
        )

    def plan(self, run: ModelRun, place: Place, inputs: None) -> Plan[None, DetectionResult]:
        """See `Step.plan`."""
        from swa.detection.analysis import Detection
        from swa.detection.moe.experts import has_experts

        if needs_text(self.options):
            self.text()  # before a model is loaded
        loaded = run.load()
        text = self.text() if needs_text(self.options) or has_experts(loaded) else None
        place.folder.create_for_detection()
        stamp = place.new_stamp() if place.folder.detection(place.stamp).exists() else place.stamp
        header = run_header(self.call, loaded, dataset_fingerprint=text.fingerprint if text else None, stamp=stamp)
        return Plan(None, loaded, Detection(loaded, text, options=self.options, progress=run.progress), header)

    def write(
        self,
        run: ModelRun,
        place: Place,
        plan: Plan[None, DetectionResult],
        result: DetectionResult,
        block: RunBlock,
    ) -> Detected:
        """See `Step.write`."""
        header, folder = ended(block.header, "complete"), place.folder
        origin = self.call.options["spike_threshold"].origin
        threshold = result.threshold.model_copy(update={"origin": origin})
        result = result.model_copy(update={"threshold": threshold, "run": header})
        assert header.stamp is not MISSING, "the plan puts it in"
        files = write_detection(folder, header.stamp, result)
        return Detected(result, header, folder.path, {**files, "log": str(folder.log(place.stamp))}, is_new=True)


def needs_text(options: DetectOptions) -> bool:
    """Whether a detection reads a text beside its prompts whatever the model; with routed experts each one does."""
    return options.confirm or "gradient" in options.screens


def detect(
    models: Models = "demo",
    options: DetectOptions | None = None,
    *,
    load: LoadOptions | None = None,
    text: TextOptions | None = None,
    results_dir: Path | str = RunOptions.results_dir,
    force: bool = False,
    progress: Progress | None = None,
    on_outcome: Callable[[Detected], None] | None = None,
    call: Call | None = None,
) -> Outcomes[Detected]:
    """Find the super weights of models and confirm each of them, as `swa detect` does, with the same files.

    Args:
        models: Names (hub id, folder, `.gguf` file, `demo`) or loaded models.
        options: The choices of the detection.
        load: How models are loaded.
        text: The text to measure on.
        results_dir: Results folder, one folder a model.
        force: Whether what is finished is computed again.
        progress: Where the work is reported; by default nowhere.
        on_outcome: Called as each model ends.
        call: How the command was called; by default as this function was.

    Returns:
        An outcome a model, with its record and the paths of its files.

    Raises:
        SwaError: The only model failed, or the call makes no sense. Of several models, see `Outcomes.failures`.
    """
    options, load, text = options or DetectOptions(), load or LoadOptions(), text or TextOptions()
    run = RunOptions(Path(results_dir).expanduser(), force)
    named = named_models(models, load, example="swa detect demo --dataset builtin")
    groups = [(options, DetectOptions()), (load, LoadOptions()), (text, TextOptions()), (run, RunOptions())]
    step = DetectStep(
        call or Call.of_python("detect", named, groups), run.results_dir, force, options, text_reader(text)
    )
    if needs_text(options):
        step.text()  # before a model is loaded
    return each_model(named, lambda one: execute(one, step), options=load, progress=progress, on_outcome=on_outcome)
