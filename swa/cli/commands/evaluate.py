"""`swa evaluate`: what each super weight costs in perplexity and in task accuracy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Annotated

from swa.cli.declare.invocation import Invocation
from swa.cli.declare.options import Models, OutputOptions, in_panel
from swa.cli.each_model import check_references, each_model
from swa.cli.terminal.output import Output
from swa.data.options import TextOptions
from swa.detection.options import DetectOptions
from swa.errors import UsageError
from swa.evaluation.options import EvaluateOptions, TaskOptions
from swa.models.loading.options import LoadOptions
from swa.runs.options import RunOptions, WeightOptions

if TYPE_CHECKING:
    from swa.cli.evaluate_run import EvaluationRun
    from swa.cli.super_weights import SuperWeightSource
    from swa.cli.terminal.progress import TerminalProgress
    from swa.data.sources import TextSource
    from swa.evaluation.harness.tasks import RequestedTask

EXAMPLES = """
    swa evaluate demo --dataset builtin --accuracy-tasks builtin
    swa evaluate allenai/OLMo-1B-0724-hf --accuracy-tasks hellaswag mmlu --scales 0 0.5 1.5
    swa detect ./my-model --jsonl | swa evaluate ./my-model --super-weights - --skip-accuracy
"""
NO_MODELS: list[str] = []


def command(
    call: Invocation,
    *,
    models: Models = NO_MODELS,
    load: LoadOptions,
    text: TextOptions,
    run: RunOptions,
    weights: WeightOptions,
    evaluation: EvaluateOptions,
    tasks: TaskOptions,
    detection: DetectOptions,
    shown: OutputOptions,
    list_tasks: Annotated[
        bool, in_panel("Accuracy")("--list-tasks", help="List the names of all tasks and end.")
    ] = False,
) -> None:
    """Measure what each super weight costs: perplexity and task accuracy without it.

    The intact model is measured once, then each super weight alone and all of them together, on the same texts and
    items, so that every difference has a paired 95 % interval. Tasks, prompts and metrics are those of
    lm-evaluation-harness. Super weights are those of the newest detection; where there is none, the detection options
    act and the model is searched first. An interrupted evaluation goes on where it stopped.
    """
    from swa.cli.terminal.libraries import tamed_libraries
    from swa.cli.terminal.progress import TerminalProgress

    output = Output(for_machines=shown.json, verbose=shown.verbose, quiet=shown.quiet)
    progress = TerminalProgress(output)
    if list_tasks:
        if shown.json:
            raise UsageError(
                "--list-tasks and --json exclude each other.", hint="Names come one a line: leave out --json."
            )
        with tamed_libraries(output, progress):
            _list_tasks(output)
        return
    names = list(dict.fromkeys(models))
    _check_names(names, load)
    check_parts(evaluation, tasks)

    from swa.cli.evaluate_summary import write_summary
    from swa.cli.super_weights import super_weight_source
    from swa.cli.tables.evaluate_show import command_result, show
    from swa.data.sources import load_text
    from swa.store.results import ResultsFolder

    results = ResultsFolder(run.results_dir)
    with tamed_libraries(output, progress):
        read_text = cache(lambda: load_text(text.dataset, data_dir=text.data_dir))
        source = super_weight_source(
            call,
            weights,
            detection=detection,
            load=load,
            run=run,
            text=read_text,
            n_models=len(names),
            progress=progress,
        )
        job = evaluation_job(
            call,
            load=load,
            run=run,
            options=evaluation,
            tasks=tasks,
            source=source,
            read_text=read_text,
            progress=progress,
        )
        results.create()
        done = each_model(names, job.evaluate, show=lambda one: show(one, output))
        files = {}
        if done.results:
            analyses = [one.analysis for one in done.results]
            files = write_summary(results, call, analyses, status=done.status)
    output.files(files)
    if shown.json:
        output.line(command_result(done.results, files, status=done.status).model_dump_json())
    done.raise_failures()


def evaluation_job(
    call: Invocation,
    *,
    load: LoadOptions,
    run: RunOptions,
    options: EvaluateOptions,
    tasks: TaskOptions,
    source: SuperWeightSource,
    read_text: Callable[[], TextSource],
    progress: TerminalProgress,
) -> EvaluationRun:
    """What all models of a call have in common.

    Raises:
        UsageError: There is no such task.
        UnavailableError: The text is not there.
    """
    from swa.cli.evaluate_run import EvaluationRun
    from swa.evaluation.harness.catalogue import check_tasks
    from swa.evaluation.harness.tasks import load_tasks

    names = list(tasks.accuracy_tasks) if tasks.accuracy else []
    check_tasks(names)

    def requested() -> Sequence[RequestedTask]:
        return load_tasks(
            names,
            n_items=tasks.accuracy_samples,
            seed=tasks.seed,
            num_fewshot=tasks.num_fewshot,
            data_dir=tasks.data_dir,
            progress=progress,
        )

    return EvaluationRun(
        call=call,
        load=load,
        run=run,
        options=options,
        source=source,
        text=read_text() if options.perplexity else None,
        tasks=cache(requested),
        progress=progress,
    )


def check_parts(evaluation: EvaluateOptions, tasks: TaskOptions) -> None:
    """Refuse a call that measures nothing.

    Raises:
        UsageError: Both parts are skipped.
    """
    if not (evaluation.perplexity or tasks.accuracy):
        raise UsageError("--skip-perplexity and --skip-accuracy leave nothing to measure.", hint="Give one of them.")


def _check_names(names: Sequence[str], load: LoadOptions) -> None:
    if not names:
        raise UsageError(
            "No model is named.",
            hint="Write it first, or after --models: `swa evaluate demo --dataset builtin --accuracy-tasks builtin`.",
        )
    check_references(names, revision=load.revision)


def _list_tasks(output: Output) -> None:
    from swa.evaluation.harness.catalogue import task_names

    for name in task_names():
        output.line(name)
