"""`swa evaluate` for one model, from its name to its files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import MISSING

from swa.data.options import TextOptions
from swa.detection.options import DetectOptions
from swa.errors import UsageError
from swa.evaluation.options import EvaluateOptions, TaskOptions
from swa.models.loading.options import LoadOptions
from swa.options import Options, names_of
from swa.progress import Progress, SilentProgress
from swa.runs.driver.call import Call
from swa.runs.driver.execute import execute
from swa.runs.driver.keys import EVALUATION, is_same_work, values_of
from swa.runs.driver.model_run import ModelRun, Place
from swa.runs.driver.models import Outcomes, each_model, named_models
from swa.runs.driver.provenance import RunBlock, ended, run_header, settle
from swa.runs.driver.step import Outcome, Plan, Step
from swa.runs.files.evaluation import complete_evaluation, prepare, write_evaluation
from swa.runs.files.evaluations import write_summary
from swa.runs.inputs.given_weights import NamedWeights
from swa.runs.inputs.super_weights import SuperWeightSource, super_weight_source
from swa.runs.inputs.texts import text_reader
from swa.runs.inputs.work_text import evaluation_text
from swa.runs.options import RunOptions, WeightOptions
from swa.schemas.evaluation import ModelAnalysis
from swa.store.results import ResultsFolder
from swa.store.search import first_that_fits
from swa.store.tree import ModelFolder

if TYPE_CHECKING:
    from swa.data.sources import TextSource
    from swa.evaluation.analysis import Evaluation
    from swa.evaluation.harness.tasks import RequestedTask
    from swa.runs.driver.models import Models

Evaluated = Outcome[ModelAnalysis]
EVALUATE_OPTIONS = names_of(
    LoadOptions, TextOptions, WeightOptions, EvaluateOptions, TaskOptions, DetectOptions, RunOptions
) | {"models"}
"""Names of the options of `swa evaluate`."""


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
        search = first_that_fits(
            place.folder.analyses(), ModelAnalysis, lambda saved: self._is_asked(run, inputs, saved)
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

    def _is_asked(self, run: ModelRun, named: NamedWeights, saved: ModelAnalysis) -> bool:
        """Whether a saved analysis is that of this call."""
        header, weights = saved.run, saved.super_weights
        if header is MISSING or weights is MISSING or saved.family is MISSING or header.status != "complete":
            return False
        if [weight.coordinate for weight in weights] != named.coordinates:
            return False
        facts = run.facts(self._dataset_fingerprint)
        return is_same_work(EVALUATION, header, values_of(self.call.options), facts)

    def plan(self, run: ModelRun, place: Place, inputs: NamedWeights | None) -> Plan[NamedWeights | None, Evaluation]:
        """See `Step.plan`."""
        from swa.evaluation.analysis import EvaluationPlan

        tasks = self.tasks()
        loaded = run.load()
        resolved = self.source.resolve(run, inputs)
        run.progress.say(evaluation_text(loaded.name, resolved.weights, self.options, text=self.text, tasks=tasks))
        header = run_header(self.call, loaded, dataset_fingerprint=self._dataset_fingerprint, stamp=place.stamp)
        work = EvaluationPlan(
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


def evaluate(
    models: Models,
    options: EvaluateOptions | None = None,
    *,
    tasks: TaskOptions | None = None,
    weights: WeightOptions | None = None,
    search: DetectOptions | None = None,
    load: LoadOptions | None = None,
    text: TextOptions | None = None,
    results_dir: Path | str = RunOptions.results_dir,
    force: bool = False,
    progress: Progress | None = None,
    on_outcome: Callable[[Evaluated], None] | None = None,
    call: Call | None = None,
) -> Outcomes[Evaluated]:
    """Measure what each super weight of models costs, as `swa evaluate` does, with the same files.

    Args:
        models: Names (hub id, folder, `.gguf` file, `demo`) or loaded models.
        options: The choices of the evaluation.
        tasks: Which tasks measure accuracy; by default with the seed of `options` and the data of `text`.
        weights: Which super weights; by default those of the newest detection that fits.
        search: How they are sought where there is none; by default with the seed and batch size of `options`.
        load: How models are loaded.
        text: The text of the perplexity.
        results_dir: Results folder, one folder a model.
        force: Whether what is finished is computed again.
        progress: Where the work is reported; by default nowhere.
        on_outcome: Called as each model ends.
        call: How the command was called; by default as this function was.

    Returns:
        An outcome a model; `files` has what is about all of them.

    Raises:
        SwaError: The only model failed, or the call makes no sense. Of several models, see `Outcomes.failures`.
    """
    options, weights, load, text = (
        options or EvaluateOptions(),
        weights or WeightOptions(),
        load or LoadOptions(),
        text or TextOptions(),
    )
    tasks = tasks or TaskOptions(seed=options.seed, data_dir=text.data_dir)
    search = search or DetectOptions(seed=options.seed, batch_size=options.batch_size)
    run = RunOptions(Path(results_dir).expanduser(), force)
    named, progress = (
        named_models(models, load, example="swa evaluate demo --dataset builtin --accuracy-tasks builtin"),
        progress or SilentProgress(),
    )
    check_parts(options, tasks)
    groups: list[tuple[Options, Options]] = [
        (load, LoadOptions()),
        (text, TextOptions()),
        (weights, WeightOptions()),
        (options, EvaluateOptions()),
        (tasks, TaskOptions()),
        (search, DetectOptions()),
        (run, RunOptions()),
    ]
    call = call or Call.of_python("evaluate", named, groups)
    reader = text_reader(text)
    source = super_weight_source(weights, search, call, run, reader, n_models=len(named))
    step = evaluate_step(call, run, options, tasks, source, reader, progress)
    results = ResultsFolder(run.results_dir)
    results.create()
    done = each_model(named, lambda one: execute(one, step), options=load, progress=progress, on_outcome=on_outcome)
    if not done.models:
        return done
    analyses = [outcome.record for outcome in done.models]
    return replace(done, files=write_summary(results, call, analyses, status=done.status))


def check_parts(options: EvaluateOptions, tasks: TaskOptions) -> None:
    """Refuse a call that measures nothing.

    Raises:
        UsageError: Both parts are skipped.
    """
    if not (options.perplexity or tasks.accuracy):
        raise UsageError("--skip-perplexity and --skip-accuracy leave nothing to measure.", hint="Give one of them.")


def evaluate_step(
    call: Call,
    run: RunOptions,
    options: EvaluateOptions,
    tasks: TaskOptions,
    source: SuperWeightSource,
    text: Callable[[], TextSource],
    progress: Progress,
) -> EvaluateStep:
    """The step of a call; names of tasks and the text are checked now, tasks are loaded when they are first needed.

    Raises:
        UsageError: There is no such task.
        UnavailableError: The text is not there.
    """
    from swa.evaluation.harness.catalogue import check_tasks
    from swa.evaluation.harness.tasks import load_tasks

    names = list(tasks.accuracy_tasks) if tasks.accuracy else []
    check_tasks(names)

    @cache
    def loaded_tasks() -> Sequence[RequestedTask]:
        return load_tasks(
            names,
            n_items=tasks.accuracy_samples,
            seed=tasks.seed,
            num_fewshot=tasks.num_fewshot,
            data_dir=tasks.data_dir,
            progress=progress,
        )

    return EvaluateStep(
        call, run.results_dir, run.force, options, source, text() if options.perplexity else None, loaded_tasks
    )
