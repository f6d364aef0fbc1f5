"""`swa vocab`: what super weights do to predictions, and what neurons write into the vocabulary."""

from __future__ import annotations

from swa.cli.declare.options import Models, OutputOptions
from swa.cli.terminal.output import Output
from swa.data.options import TextOptions, WindowOptions
from swa.detection.options import DetectOptions
from swa.models.loading.options import LoadOptions
from swa.runs.driver.call import Call
from swa.runs.options import VOCAB_DETECTION, VOCAB_RUN, RunOptions, WeightOptions
from swa.vocabulary.options import InterventionOptions, NeuronOptions

EXAMPLES = """
    swa vocab demo --dataset builtin --bootstrap 500 --enable-cascade
    swa vocab allenai/OLMo-1B-0724-hf --neurons 1:1710 2:8041 --enable-cosine --enable-enrichment
    swa detect ./my-model --jsonl | swa vocab ./my-model --super-weights - --tokens 10000
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
    neurons: NeuronOptions,
    interventions: InterventionOptions,
    windows: WindowOptions,
    detection: DetectOptions = VOCAB_DETECTION,
    shown: OutputOptions,
) -> None:
    """Measure what each super weight does to predictions, and what its neuron writes into the vocabulary.

    Every super weight is removed alone, its neuron is zeroed, and control scalars are removed, all on the same windows
    of a text. Super weights are those of the newest detection; where there is none, the detection options act and the
    model is searched first. With --neurons or --all-neurons nothing is detected: super weights are then those of
    --super-weights alone. An interrupted analysis goes on where it stopped.
    """
    from swa import runs
    from swa.cli.tables.vocab_show import command_result, show
    from swa.cli.terminal.libraries import tamed_libraries
    from swa.cli.terminal.progress import TerminalProgress

    output = Output(for_machines=shown.json, verbose=shown.verbose, quiet=shown.quiet)
    progress = TerminalProgress(output)
    with tamed_libraries(output, progress):
        done = runs.vocab(
            models,
            interventions,
            windows=windows,
            neurons=neurons,
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
