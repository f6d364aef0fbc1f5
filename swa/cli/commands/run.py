"""`swa run`: the whole way, from detection to report."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Annotated

import typer

from swa.cli.commands import detect, evaluate, vocab
from swa.cli.declare.command import Invocation, step_of
from swa.cli.declare.evaluate_options import AccuracyOptions, PerplexityOptions, VariantOptions
from swa.cli.declare.options import (
    OUTPUT,
    RUN,
    LoadOptions,
    Models,
    OutputOptions,
    SearchOptions,
    TextOptions,
    WeightOptions,
)
from swa.cli.declare.run_options import WholeInterventionOptions, WholeNeuronOptions, WholeRunOptions
from swa.cli.declare.vocab_options import ScoringOptions
from swa.cli.each_model import check_references, each_model
from swa.cli.terminal.output import Output

EXAMPLES = """
    swa run demo --dataset builtin --accuracy-tasks builtin
    swa run allenai/OLMo-1B-0724-hf mistralai/Mistral-7B-v0.1 --data-dir data --bootstrap 500
    swa run ./my-model --super-weights 'L2.mlp.down_proj[5,9]' --skip-accuracy --no-cascade
"""


def command(
    call: Invocation,
    *,
    models: Models = detect.DEFAULT_MODELS,
    load: LoadOptions,
    text: TextOptions,
    weights: WeightOptions,
    variants: VariantOptions,
    perplexity: PerplexityOptions,
    accuracy: AccuracyOptions,
    neurons: WholeNeuronOptions,
    interventions: WholeInterventionOptions,
    windows: ScoringOptions,
    search: SearchOptions,
    run: WholeRunOptions,
    shown: OutputOptions,
    confirmed_only: Annotated[
        bool,
        typer.Option("--confirmed-only", rich_help_panel=OUTPUT, help="Show confirmed super weights only."),
    ] = False,
    allow_mismatch: Annotated[
        bool,
        typer.Option(
            "--allow-mismatch", rich_help_panel=RUN, help="Compare models that could not be measured alike as well."
        ),
    ] = False,
) -> None:
    """Detect, evaluate, analyse the vocabulary with the cascade, and report; several models are compared too.

    Each step is that of its own command, with the same options and the same files; every option acts in each step that
    knows it. With --super-weights nothing is detected. A step that fails does not stop the others. The same command
    again goes on where it stopped.
    """
    names = list(dict.fromkeys(models))
    check_references(names, revision=load.revision)
    evaluate.check_parts(perplexity, accuracy)

    from swa.cli.detect_run import DetectionRun, detect_options
    from swa.cli.run_end import finish
    from swa.cli.run_steps import WholeRun
    from swa.cli.super_weights import super_weight_source
    from swa.cli.terminal.libraries import tamed_libraries
    from swa.cli.terminal.progress import TerminalProgress
    from swa.cli.vocab_run import VocabRun
    from swa.data.sources import load_text
    from swa.store.results import RunFolder

    folder = RunFolder(run.results_dir)
    evaluations = replace(run, results_dir=folder.evaluations.path)
    cards = replace(run, results_dir=folder.cards.path)
    calls = {
        name: step_of(call, name, module.command, results_dir=str(place.path))
        for name, module, place in (
            ("detect", detect, folder.evaluations),
            ("evaluate", evaluate, folder.evaluations),
            ("vocab", vocab, folder.cards),
        )
    }
    output = Output(for_machines=shown.json, verbose=shown.verbose, quiet=shown.quiet)
    progress = TerminalProgress(output)
    with tamed_libraries(output, progress):
        read_text = cache(lambda: load_text(text.dataset, data_dir=text.data_dir))
        source = super_weight_source(
            calls["detect"], weights, search=search, load=load, run=evaluations, text=read_text, n_models=len(names),
            progress=progress,
        )  # fmt: skip
        choices = vocab.choices_of(weights, neurons, interventions, windows, run)
        job = WholeRun(
            detection=None
            if source.given
            else DetectionRun(calls["detect"], load, evaluations, detect_options(search, run), read_text, progress),
            evaluation=evaluate.evaluation_job(
                calls["evaluate"],
                load=load,
                text=text,
                variants=variants,
                perplexity=perplexity,
                windows=windows,
                accuracy=accuracy,
                run=evaluations,
                source=source,
                read_text=read_text,
                progress=progress,
            ),
            vocab=VocabRun(
                calls["vocab"], load, cards, replace(choices, super_weights=True), source, read_text(), progress
            ),
            output=output,
            confirmed_only=confirmed_only,
        )
        folder.create()
        with progress.task("swa run", len(names) * job.n_steps) as whole:
            done = each_model(names, lambda name: job.run(name, whole), show=lambda _: None)
        if not done.results:
            done.raise_failures()
        ended = finish(folder, call, calls, done, output=output, progress=progress, allow_mismatch=allow_mismatch)
    if shown.json:
        output.line(ended.result.model_dump_json())
    ended.raise_failures()
