"""`swa run`: the whole way, from detection to report."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Annotated

from swa.cli.commands import detect, evaluate, vocab
from swa.cli.declare.invocation import Invocation, step_of
from swa.cli.declare.options import Models, OutputOptions, in_panel
from swa.cli.each_model import check_references, each_model
from swa.cli.terminal.output import Output
from swa.data.options import TextOptions, WindowOptions
from swa.detection.options import DetectOptions
from swa.evaluation.options import EvaluateOptions, TaskOptions
from swa.models.loading.options import LoadOptions
from swa.runs.options import WHOLE_INTERVENTIONS, WHOLE_NEURONS, WHOLE_RUN, RunOptions, WeightOptions
from swa.vocabulary.options import InterventionOptions, NeuronOptions

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
    names = list(dict.fromkeys(models))
    check_references(names, revision=load.revision)
    evaluate.check_parts(evaluation, tasks)

    from swa.cli.detect_run import DetectionRun
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
            calls["detect"],
            weights,
            detection=detection,
            load=load,
            run=evaluations,
            text=read_text,
            n_models=len(names),
            progress=progress,
        )
        choices = vocab.choices_of(weights, neurons, interventions, windows)
        job = WholeRun(
            detection=None
            if source.given
            else DetectionRun(calls["detect"], load, evaluations, detection, read_text, progress),
            evaluation=evaluate.evaluation_job(
                calls["evaluate"],
                load=load,
                run=evaluations,
                options=evaluation,
                tasks=tasks,
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
