"""`swa run`: the steps of the whole way for one model, and what is written when all models are done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from swa.data.options import TextOptions, WindowOptions
from swa.detection.options import DetectOptions
from swa.errors import SwaError, memory_errors_known
from swa.evaluation.options import EvaluateOptions, TaskOptions
from swa.models.loading.options import LoadOptions
from swa.options import Options
from swa.progress import Progress, SilentProgress, Task
from swa.runs.driver.call import Call
from swa.runs.driver.execute import check, execute
from swa.runs.driver.model_run import ModelRun
from swa.runs.driver.models import Failure, each_model, named_models
from swa.runs.driver.step import Outcome
from swa.runs.inputs.super_weights import super_weight_source
from swa.runs.inputs.texts import text_reader
from swa.runs.inputs.vocab_choices import VocabChoices
from swa.runs.options import WHOLE_INTERVENTIONS, WHOLE_NEURONS, WHOLE_RUN, RunOptions, WeightOptions
from swa.runs.steps.detect import DETECT_OPTIONS, DetectStep
from swa.runs.steps.evaluate import EVALUATE_OPTIONS, EvaluateStep, check_parts, evaluate_step
from swa.runs.steps.vocab import VOCAB_OPTIONS, VocabStep
from swa.runs.steps.whole_end import WholeOutcome, WholeOutcomes, finish_whole
from swa.store.results import RunFolder
from swa.vocabulary.options import InterventionOptions, NeuronOptions

if TYPE_CHECKING:
    from swa.runs.driver.models import Models


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
        if done.evaluated is not None:
            on_step(done.evaluated)
        whole.advance()
        with _going_on(done, "vocab", run):
            done.analysed = execute(run, self.vocab)
        if done.analysed is not None:
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
    whole_run = replace(WHOLE_RUN, results_dir=Path(results_dir).expanduser(), force=force)
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
    return finish_whole(folder, call, calls, done, progress=progress, allow_mismatch=allow_mismatch)
