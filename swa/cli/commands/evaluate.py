"""`swa evaluate`: what each super weight costs in perplexity and in task accuracy."""

from __future__ import annotations

from typing import Annotated

from swa.cli.declare.options import Models, OutputOptions, in_panel
from swa.cli.terminal.output import Output
from swa.data.options import TextOptions
from swa.detection.options import DetectOptions
from swa.errors import UsageError
from swa.evaluation.options import EvaluateOptions, TaskOptions
from swa.models.loading.options import LoadOptions
from swa.runs.driver.call import Call
from swa.runs.options import RunOptions, WeightOptions

EXAMPLES = """
    swa evaluate demo --dataset builtin --accuracy-tasks builtin
    swa evaluate allenai/OLMo-1B-0724-hf --accuracy-tasks hellaswag mmlu --scales 0 0.5 1.5
    swa detect ./my-model --jsonl | swa evaluate ./my-model --super-weights - --skip-accuracy
"""
NO_MODELS: list[str] = []


def command(
    call: Call,
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
        from swa.cli.tables.tasks_show import show_task_names

        with tamed_libraries(output, progress):
            show_task_names(output)
        return
    from swa import runs
    from swa.cli.tables.evaluate_show import command_result, show

    with tamed_libraries(output, progress):
        done = runs.evaluate(
            models,
            evaluation,
            tasks=tasks,
            weights=weights,
            search=detection,
            load=load,
            text=text,
            results_dir=run.results_dir,
            force=run.force,
            progress=progress,
            on_outcome=lambda one: show(one, output),
            call=call,
        )
    output.files(done.files)
    if shown.json:
        output.line(command_result(done.models, done.files, status=done.status).model_dump_json())
    done.raise_failures()
