"""`swa cascade`: how the removal of each super weight spreads through the layers."""

from __future__ import annotations

from swa.cascades.options import CascadeOptions
from swa.cli.declare.options import Models, OutputOptions
from swa.cli.terminal.output import Output
from swa.data.options import TextOptions
from swa.detection.options import DetectOptions
from swa.models.loading.options import LoadOptions
from swa.runs.driver.call import Call
from swa.runs.options import VOCAB_RUN, RunOptions, WeightOptions

EXAMPLES = """
    swa cascade demo --dataset builtin
    swa cascade allenai/OLMo-1B-0724-hf --layers every 2 --tokens 10000
    swa cascade demo --super-weights 'L11.mlp.down_proj[507,1229]' --layers 9 10 11 29
"""
NO_MODELS: list[str] = []


def command(
    call: Call,
    *,
    models: Models = NO_MODELS,
    load: LoadOptions,
    text: TextOptions,
    run: RunOptions = VOCAB_RUN,
    weights: WeightOptions,
    detection: DetectOptions,
    cascade: CascadeOptions,
    shown: OutputOptions,
) -> None:
    """Follow the removal of each super weight through the layers.

    After each layer the residual stream is read through the model's own final norm and unembedding (the logit lens),
    intact and without the scalar, on the same tokens. Super weights are those of the newest detection; where there is
    none, the detection options act and the model is searched first. `swa vocab --enable-cascade` measures the same
    beside everything else.
    """
    from swa import runs
    from swa.cli.tables.cascade_show import command_result, show
    from swa.cli.terminal.libraries import tamed_libraries
    from swa.cli.terminal.progress import TerminalProgress

    output = Output(for_machines=shown.json, verbose=shown.verbose, quiet=shown.quiet)
    progress = TerminalProgress(output)
    with tamed_libraries(output, progress):
        done = runs.cascade(
            models,
            cascade,
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
