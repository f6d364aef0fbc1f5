"""`swa run`: the whole way, from detection to report."""

from __future__ import annotations

from typing import Annotated

from swa.cli.declare.options import Models, OutputOptions, in_panel
from swa.cli.terminal.output import Output
from swa.data.options import TextOptions, WindowOptions
from swa.detection.options import DetectOptions
from swa.evaluation.options import EvaluateOptions, TaskOptions
from swa.models.loading.options import LoadOptions
from swa.runs.driver.call import Call
from swa.runs.options import WHOLE_INTERVENTIONS, WHOLE_NEURONS, WHOLE_RUN, RunOptions, WeightOptions
from swa.vocabulary.options import InterventionOptions, NeuronOptions

EXAMPLES = """
    swa run demo --dataset builtin --accuracy-tasks builtin
    swa run allenai/OLMo-1B-0724-hf mistralai/Mistral-7B-v0.1 --data-dir data --bootstrap 500
    swa run ./my-model --super-weights 'L2.mlp.down_proj[5,9]' --skip-accuracy --no-cascade
"""

DEFAULT_MODELS = ["demo"]


def command(
    call: Call,
    *,
    models: Models = DEFAULT_MODELS,
    load: LoadOptions,
    text: TextOptions,
    run: RunOptions = WHOLE_RUN,
    weights: WeightOptions,
    evaluation: EvaluateOptions,
    tasks: TaskOptions,
    neurons: NeuronOptions = WHOLE_NEURONS,
    interventions: InterventionOptions = WHOLE_INTERVENTIONS,
    windows: WindowOptions,
    detection: DetectOptions,
    shown: OutputOptions,
    confirmed_only: Annotated[
        bool,
        in_panel("Output")("--confirmed-only", help="Show confirmed super weights only."),
    ] = False,
    allow_mismatch: Annotated[
        bool,
        in_panel("Run")("--allow-mismatch", help="Compare models that could not be measured alike as well."),
    ] = False,
) -> None:
    """Detect, evaluate, analyse the vocabulary with the cascade, and report; several models are compared too.

    Each step is that of its own command, with the same options and the same files; every option acts in each step that
    knows it. With --super-weights nothing is detected. A step that fails does not stop the others. The same command
    again goes on where it stopped.
    """
    from swa import runs
    from swa.cli.tables.whole_show import command_result, step_shower
    from swa.cli.terminal.libraries import tamed_libraries
    from swa.cli.terminal.progress import TerminalProgress

    output = Output(for_machines=shown.json, verbose=shown.verbose, quiet=shown.quiet)
    progress = TerminalProgress(output)
    with tamed_libraries(output, progress):
        done = runs.run(
            models,
            detection,
            evaluation=evaluation,
            tasks=tasks,
            interventions=interventions,
            neurons=neurons,
            windows=windows,
            weights=weights,
            load=load,
            text=text,
            results_dir=run.results_dir,
            force=run.force,
            allow_mismatch=allow_mismatch,
            progress=progress,
            on_outcome=step_shower(output, progress, confirmed_only=confirmed_only),
            call=call,
        )
    output.files(done.files)
    if shown.json and done.models:
        output.line(command_result(done).model_dump_json())
    done.raise_failures()
