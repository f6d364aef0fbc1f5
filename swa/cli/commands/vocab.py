"""`swa vocab`: what super weights do to predictions, and what neurons write into the vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from swa.cli.declare.invocation import Invocation
from swa.cli.declare.options import Models, OutputOptions
from swa.cli.each_model import check_references, each_model
from swa.cli.terminal.output import Output
from swa.data.options import TextOptions, WindowOptions
from swa.detection.options import DetectOptions
from swa.errors import UsageError
from swa.models.loading.options import LoadOptions
from swa.runs.options import VOCAB_DETECTION, VOCAB_RUN, RunOptions, WeightOptions
from swa.vocabulary.options import InterventionOptions, NeuronOptions

if TYPE_CHECKING:
    from swa.cli.vocab_choices import VocabChoices

EXAMPLES = """
    swa vocab demo --dataset builtin --bootstrap 500 --enable-cascade
    swa vocab allenai/OLMo-1B-0724-hf --neurons 1:1710 2:8041 --enable-cosine --enable-enrichment
    swa detect ./my-model --jsonl | swa vocab ./my-model --super-weights - --tokens 10000
"""
NO_MODELS: list[str] = []


def command(
    call: Invocation,
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
    names = list(dict.fromkeys(models))
    check_names(names, load, example="swa vocab demo --dataset builtin")
    choices = choices_of(weights, neurons, interventions, windows)

    from swa.cli.super_weights import super_weight_source
    from swa.cli.tables.vocab_show import command_result, show
    from swa.cli.terminal.libraries import tamed_libraries
    from swa.cli.terminal.progress import TerminalProgress
    from swa.cli.vocab_root import write_root
    from swa.cli.vocab_run import VocabRun
    from swa.data.sources import load_text
    from swa.store.results import ResultsFolder

    output = Output(for_machines=shown.json, verbose=shown.verbose, quiet=shown.quiet)
    progress = TerminalProgress(output)
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
        results.create()
        job = VocabRun(call, load, run, choices, source, read_text() if choices.super_weights else None, progress)
        done = each_model(names, job.analyse, show=lambda one: show(one, output))
        files = write_root(results, call, done.results, status=done.status, warn=progress.warn) if done.results else {}
    output.files(files)
    if shown.json:
        output.line(command_result(done.results, files, status=done.status).model_dump_json())
    done.raise_failures()


def check_names(names: Sequence[str], load: LoadOptions, *, example: str) -> None:
    """Refuse a call without models, or with names that cannot be.

    Raises:
        UsageError: There is none, or a revision where there can be none.
        UnavailableError: None of the models is there.
    """
    if not names:
        raise UsageError("No model is named.", hint=f"Write it first, or after --models: `{example}`.")
    check_references(names, revision=load.revision)


def choices_of(
    weights: WeightOptions,
    neurons: NeuronOptions,
    interventions: InterventionOptions,
    windows: WindowOptions,
) -> VocabChoices:
    """What the options ask for.

    Raises:
        UsageError: A neuron or a value cannot be.
    """
    from swa.cli.neuron_choice import NeuronChoice
    from swa.cli.vocab_choices import VocabChoices

    named = tuple(map(NeuronChoice.parse, neurons.neurons))
    return VocabChoices(
        super_weights=bool(weights.super_weights) or not (named or neurons.all_neurons),
        neurons=named,
        census=neurons.all_neurons,
        windows=windows,
        interventions=interventions,
        cards=neurons,
    )
