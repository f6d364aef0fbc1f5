"""`swa evaluate` for one model, from its name to its files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import MISSING

from swa.evaluation.options import EvaluateOptions
from swa.runs.driver.call import Call
from swa.runs.driver.keys import evaluation_key, facts_in, facts_of
from swa.runs.driver.model_run import ModelRun, Place
from swa.runs.driver.provenance import RunBlock, ended, run_header, settle
from swa.runs.driver.step import Outcome, Plan, Step
from swa.runs.files.evaluation import complete_evaluation, prepare, write_evaluation
from swa.runs.inputs.super_weights import NamedWeights, SuperWeightSource
from swa.runs.inputs.work_text import evaluation_text
from swa.schemas.evaluation import ModelAnalysis
from swa.store.search import first_that_fits
from swa.store.tree import ModelFolder

if TYPE_CHECKING:
    from swa.data.sources import TextSource
    from swa.evaluation.analysis import Evaluation
    from swa.evaluation.harness.tasks import RequestedTask

Evaluated = Outcome[ModelAnalysis]


@dataclass(frozen=True)
class EvaluateStep(Step[NamedWeights | None, "Evaluation", ModelAnalysis]):
    """The evaluation of one model.

    Attributes:
        options: The choices of the evaluation.
        source: Where super weights come from.
        text: Text for perplexity, `None` where it is skipped.
        tasks: Loads the tasks when they are first needed; none where accuracy is skipped.
    """

    command: ClassVar[str] = "evaluate"
    again: ClassVar[str] = "evaluates again"
    layout: ClassVar[type[ModelFolder]] = ModelFolder
    call: Call
    root: Path
    force: bool
    options: EvaluateOptions
    source: SuperWeightSource
    text: TextSource | None
    tasks: Callable[[], Sequence[RequestedTask]]

    def stamp(self, run: ModelRun, place: Place) -> str:
        """See `Step.stamp`."""
        return place.stamp_of_unfinished(self.call, force=self.force) or place.new_stamp()

    def inputs(self, run: ModelRun, place: Place) -> NamedWeights | None:
        """The super weights, so far as they are known without a detection."""
        prepare(place.folder)
        return self.source.known(run, place)

    def finished(self, run: ModelRun, place: Place, inputs: NamedWeights | None) -> Evaluated | None:
        """See `Step.finished`."""
        if inputs is None:
            return None
        wanted = evaluation_key(self.call.options, facts_of(run, self._dataset_fingerprint), inputs.coordinates)
        search = first_that_fits(
            place.folder.analyses(), ModelAnalysis, lambda saved: _key_of(saved, run) == wanted.key
        )
        for path in search.unreadable:
            run.progress.warn(f"'{path}' is no valid analysis and is left aside.")
        if search.found is None:
            return None
        path, analysis = search.found
        assert analysis.run is not MISSING, "without it nothing is finished"
        settle(place.folder, analysis.run, run.progress.warn)
        files = {**complete_evaluation(place.folder, path, analysis), **inputs.files}
        return Evaluated(analysis, analysis.run, place.folder.path, files, is_new=False)

    def plan(self, run: ModelRun, place: Place, inputs: NamedWeights | None) -> Plan[NamedWeights | None, Evaluation]:
        """See `Step.plan`."""
        from swa.evaluation.analysis import EvaluationWork

        tasks = self.tasks()
        loaded = run.load()
        resolved = self.source.resolve(run, inputs)
        run.progress.say(evaluation_text(loaded.name, resolved.weights, self.options, text=self.text, tasks=tasks))
        header = run_header(
            self.call, loaded, dataset_fingerprint=self._dataset_fingerprint, stamp=place.stamp
        )
        work = EvaluationWork(
            loaded, resolved.weights, text=self.text, tasks=tasks, options=self.options, progress=run.progress
        )
        return Plan(inputs, loaded, work, header, resolved)

    def write(
        self,
        run: ModelRun,
        place: Place,
        plan: Plan[NamedWeights | None, Evaluation],
        result: Evaluation,
        block: RunBlock,
    ) -> Evaluated:
        """See `Step.write`."""
        header, folder, loaded = ended(block.header, "complete"), place.folder, plan.loaded
        analysis = result.analysis.model_copy(
            update={
                "run": header,
                "family": str(loaded.model.config.model_type),
                "n_layers": loaded.sites.n_layers,
                "notes": list(result.notes),
            }
        )
        files = write_evaluation(folder, place.stamp, analysis, result.items)
        files |= {**plan.resolved.files, "log": str(folder.log(place.stamp))}
        return Evaluated(analysis, header, folder.path, files, is_new=True)

    @property
    def _dataset_fingerprint(self) -> str | None:
        return self.text.fingerprint if self.text else None


def _key_of(saved: ModelAnalysis, run: ModelRun) -> str | None:
    """The record key of a saved analysis; `None` where it cannot be what a command asks for."""
    header, weights = saved.run, saved.super_weights
    if header is MISSING or weights is MISSING or saved.family is MISSING or header.status != "complete":
        return None
    coordinates = [weight.coordinate for weight in weights]
    return evaluation_key(header.options, facts_in(header, run), coordinates).key
