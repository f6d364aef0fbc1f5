"""`swa run`: the steps of the whole way for one model, and what is written when all models are done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from swa.data.options import TextOptions, WindowOptions
from swa.detection.options import DetectOptions
from swa.errors import PartialFailureError, SwaError, memory_errors_known
from swa.evaluation.options import EvaluateOptions, TaskOptions
from swa.models.loading.options import LoadOptions
from swa.options import Options
from swa.progress import Progress, SilentProgress, Task
from swa.runs.driver.call import Call
from swa.runs.driver.execute import check, execute
from swa.runs.driver.model_run import ModelRun
from swa.runs.driver.models import Failure, Outcomes, each_model, named_models
from swa.runs.driver.provenance import header_of_call, write_block
from swa.runs.driver.step import Outcome
from swa.runs.files.cards import Cards
from swa.runs.files.evaluations import write_summary
from swa.runs.files.root import write_root
from swa.runs.inputs.super_weights import super_weight_source
from swa.runs.inputs.texts import text_reader
from swa.runs.inputs.vocab_choices import VocabChoices
from swa.runs.options import WHOLE_INTERVENTIONS, WHOLE_NEURONS, WHOLE_RUN, RunOptions, WeightOptions
from swa.runs.steps.compare import compare
from swa.runs.steps.detect import DETECT_OPTIONS, DetectStep
from swa.runs.steps.evaluate import EVALUATE_OPTIONS, EvaluateStep, check_parts, evaluate_step
from swa.runs.steps.report import report
from swa.runs.steps.vocab import VOCAB_OPTIONS, VocabStep
from swa.schemas.detection import DetectionResult
from swa.schemas.evaluation import ModelAnalysis
from swa.schemas.run import Status
from swa.store.results import RunFolder
from swa.vocabulary.options import InterventionOptions, NeuronOptions

if TYPE_CHECKING:
    from swa.runs.driver.models import Models

Value = TypeVar("Value")


@dataclass
class WholeOutcome:
    """What became of one model.

    Attributes:
        name: The model as it was named.
        detected: `None` where super weights were named.
        evaluated: `None` where the step failed.
        analysed: `None` where the step failed.
        failures: What failed, by step.
    """

    name: str
    detected: Outcome[DetectionResult] | None = None
    evaluated: Outcome[ModelAnalysis] | None = None
    analysed: Outcome[Cards] | None = None
    failures: list[Failure] = field(default_factory=list)

    @property
    def steps(self) -> dict[str, Outcome[Any]]:
        """What succeeded, by command."""
        named = {"detect": self.detected, "evaluate": self.evaluated, "vocab": self.analysed}
        return {name: outcome for name, outcome in named.items() if outcome is not None}


@dataclass(frozen=True)
class Whole:
    """What all models of one call have in common.

    Attributes:
        detection: The first step, `None` where super weights are named.
        evaluation: The second.
        vocab: The third.
    """

    detection: DetectStep | None
    evaluation: EvaluateStep
    vocab: VocabStep

    @property
    def n_steps(self) -> int:
        """Steps of one model."""
        return 2 if self.detection is None else 3

    def run(self, run: ModelRun, whole: Task, on_step: Callable[[Outcome[Any]], None]) -> WholeOutcome:
        """Go the whole way with one model, loaded once; a step that fails does not stop those that need it not.

        Args:
            run: The model.
            whole: Advanced by each step.
            on_step: Called as each step ends.

        Raises:
            SwaError: Nothing could be done: the folder holds what does not fit, the detection failed, or all steps did.
        """
        done = WholeOutcome(run.name)
        check(run, self.vocab)
        if self.detection is not None:
            done.detected = run.detected = execute(run, self.detection)
            on_step(done.detected)
            whole.advance()
        with _going_on(done, "evaluate", run):
            done.evaluated = execute(run, self.evaluation)
            on_step(done.evaluated)
        whole.advance()
        with _going_on(done, "vocab", run):
            done.analysed = execute(run, self.vocab)
            on_step(done.analysed)
        whole.advance()
        if len(done.failures) == self.n_steps:
            raise done.failures[0].kind(f"No step of {run.name} succeeded.")
        return done


@contextmanager
def _going_on(done: WholeOutcome, step: str, run: ModelRun) -> Iterator[None]:
    """Report the failure of a step, and go on."""
    try:
        with memory_errors_known():
            yield
    except SwaError as error:
        run.progress.fail(f"{done.name}, {step}: {error.message}", error.hint)
        done.failures.append(Failure(step, type(error), error.message, error.hint))


@dataclass(frozen=True)
class WholeOutcomes(Outcomes[WholeOutcome]):
    """What became of the models of one `swa run`.

    Attributes:
        parts: Paths by name, of each part that is about all models.
        failed: Everything that failed, each as part of a sentence.
    """

    parts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    failed: Sequence[str] = ()

    @property
    def status(self) -> Status:
        """Whether everything succeeded."""
        return "partial" if self.failed else "complete"

    def raise_failures(self) -> None:
        """Raise what failed.

        Raises:
            PartialFailureError: Something failed.
            SwaError: All models failed; the kind is that of the first.
        """
        if not self.models:
            super().raise_failures()
        if self.failed:
            raise PartialFailureError(
                f"Failed: {', '.join(self.failed)}; everything else is written.",
                hint="The same command goes on from there.",
            )


def finish_whole(
    folder: RunFolder,
    call: Call,
    steps: Whole,
    done: Outcomes[WholeOutcome],
    *,
    progress: Progress,
    allow_mismatch: bool,
) -> WholeOutcomes:
    """Write what is about all models; a part that fails does not stop the others.

    Args:
        folder: Where everything is.
        call: How the command was called.
        steps: Its steps.
        done: The models, of which at least one succeeded.
        progress: Where warnings and failures go.
        allow_mismatch: Whether models are compared that were not measured alike.
    """
    models = done.models
    end = _Ending(progress, [f"{one.name}: {failure.name}" for one in models for failure in one.failures])
    end.failed += [failure.name for failure in done.failures]
    analyses = [one.evaluated.record for one in models if one.evaluated is not None]
    cards = [one.analysed for one in models if one.analysed is not None]
    if analyses:
        end.add(
            "evaluate",
            lambda: write_summary(folder.evaluations, steps.evaluation.call, analyses, status=end.status),
        )
    if cards:
        end.add(
            "vocab",
            lambda: write_root(folder.cards, steps.vocab.call, cards, status=end.status, warn=progress.warn),
        )
    end.add("run", lambda: _write_options(folder, call, models, status=end.status, progress=progress))
    measured = [one.folder for model in models if (one := model.evaluated or model.detected) is not None]
    if len(measured) > 1:
        end.add(
            "comparison",
            lambda: compare(measured, folder.comparison, allow_mismatch=allow_mismatch).files,
        )
    end.add("report", lambda: report(folder.path).files)
    return WholeOutcomes(models, done.failures, merged(end.parts.items()), end.parts, end.failed)


@dataclass
class _Ending:
    """The end of a call as far as it has come.

    Attributes:
        progress: Where failures are told.
        failed: What failed, each as part of a sentence.
        parts: Paths by name, of each part.
    """

    progress: Progress
    failed: list[str]
    parts: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def add(self, part: str, write: Callable[[], Mapping[str, str]]) -> None:
        """Write a part; where that fails, it is told and the others go on."""
        try:
            self.parts[part] = write()
        except SwaError as error:
            self.progress.fail(f"{part}: {error.message}", error.hint)
            self.failed.append(part)

    @property
    def status(self) -> Status:
        """Whether everything succeeded so far."""
        return "partial" if self.failed else "complete"


def _write_options(
    folder: RunFolder, call: Call, models: Sequence[WholeOutcome], *, status: Status, progress: Progress
) -> dict[str, str]:
    headers = [outcome.header for one in models for outcome in one.steps.values()]
    run = header_of_call(call, headers, status=status)
    names = ", ".join(one.name for one in models)
    write_block(folder.run_config, run.model_copy(update={"command": call.command, "model": names}), progress.warn)
    return {"run_config_of_run": str(folder.run_config)}


def merged(parts: Iterable[tuple[str, Mapping[str, Value]]]) -> dict[str, Value]:
    """Everything in one mapping; a name that another part has taken for something else gets its part in front."""
    together: dict[str, Value] = {}
    for part, values in parts:
        for name, value in values.items():
            is_free = name not in together or together[name] == value
            together[name if is_free else f"{part}_{name}"] = value
    return together


def run(
    models: Models = "demo",
    options: DetectOptions | None = None,
    *,
    evaluation: EvaluateOptions | None = None,
    tasks: TaskOptions | None = None,
    interventions: InterventionOptions | None = None,
    neurons: NeuronOptions | None = None,
    windows: WindowOptions | None = None,
    weights: WeightOptions | None = None,
    load: LoadOptions | None = None,
    text: TextOptions | None = None,
    results_dir: Path | str = WHOLE_RUN.results_dir,
    force: bool = False,
    allow_mismatch: bool = False,
    progress: Progress | None = None,
    on_outcome: Callable[[Outcome[Any]], None] | None = None,
    call: Call | None = None,
) -> WholeOutcomes:
    """Detect, evaluate, analyse the vocabulary with the cascade, and report, as `swa run` does, with the same files.

    Args:
        models: Names (hub id, folder, `.gguf` file, `demo`) or loaded models.
        options: The choices of the detection.
        evaluation: The choices of the evaluation; this and the next three by default with the seed of `options`.
        tasks: Which tasks measure accuracy.
        interventions: What is measured of each super weight; by default with the cascade.
        neurons: Which neurons get a card beside those of the super weights, and what it holds.
        windows: How the text is cut.
        weights: Which super weights; where they are named nothing is detected.
        load: How models are loaded.
        text: The text to measure on.
        results_dir: Report and comparison go here, the results of each step below it.
        force: Whether what is finished is computed again.
        allow_mismatch: Whether models are compared that could not be measured alike.
        progress: Where the work is reported; by default nowhere.
        on_outcome: Called as each step of a model ends.
        call: How the command was called; by default as this function was.

    Raises:
        SwaError: The only model failed, or the call makes no sense. Otherwise see `WholeOutcomes.raise_failures`.
    """
    options, weights, windows = options or DetectOptions(), weights or WeightOptions(), windows or WindowOptions()
    load, text, progress = load or LoadOptions(), text or TextOptions(), progress or SilentProgress()
    evaluation = evaluation or EvaluateOptions(
        seed=options.seed,
        batch_size=options.batch_size,
        tokens=windows.tokens,
        window_len=windows.window_len,
        stride=windows.stride,
    )
    tasks = tasks or TaskOptions(seed=options.seed, data_dir=text.data_dir)
    if interventions is None:
        interventions = replace(WHOLE_INTERVENTIONS, seed=options.seed, batch_size=options.batch_size)
    neurons = neurons or replace(WHOLE_NEURONS, seed=options.seed, top_tokens=interventions.top_tokens)
    whole_run = replace(WHOLE_RUN, results_dir=Path(results_dir), force=force)
    named = named_models(models, load, example="swa run demo --dataset builtin --accuracy-tasks builtin")
    check_parts(evaluation, tasks)
    groups: list[tuple[Options, Options]] = [
        (load, LoadOptions()),
        (text, TextOptions()),
        (weights, WeightOptions()),
        (evaluation, EvaluateOptions()),
        (tasks, TaskOptions()),
        (neurons, WHOLE_NEURONS),
        (interventions, WHOLE_INTERVENTIONS),
        (windows, WindowOptions()),
        (options, DetectOptions()),
        (whole_run, WHOLE_RUN),
    ]
    call = call or Call.of_python("run", named, groups, allow_mismatch=allow_mismatch)
    folder = RunFolder(whole_run.results_dir)
    evaluations, cards = (RunOptions(place.path, force) for place in (folder.evaluations, folder.cards))
    calls = {
        name: call.step(name, names, results_dir=str(place.results_dir))
        for name, names, place in (
            ("detect", DETECT_OPTIONS, evaluations),
            ("evaluate", EVALUATE_OPTIONS, evaluations),
            ("vocab", VOCAB_OPTIONS, cards),
        )
    }
    reader = text_reader(text)
    source = super_weight_source(weights, options, calls["detect"], evaluations, reader, n_models=len(named))
    choices = VocabChoices.of(weights, neurons, interventions, windows, whole=True)
    steps = Whole(
        detection=None if source.given else source.detection,
        evaluation=evaluate_step(calls["evaluate"], evaluations, evaluation, tasks, source, reader, progress),
        vocab=VocabStep(calls["vocab"], cards.results_dir, force, choices, source, reader()),
    )
    folder.create()
    with progress.task("swa run", len(named) * steps.n_steps) as task:
        done = each_model(
            named,
            lambda one: steps.run(one, task, on_outcome or (lambda _: None)),
            options=load,
            progress=progress,
            on_outcome=None,
        )
    if not done.models:
        return WholeOutcomes(done.models, done.failures)
    return finish_whole(folder, call, steps, done, progress=progress, allow_mismatch=allow_mismatch)
