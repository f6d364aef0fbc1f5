"""`swa cascade`: how the removal of each super weight spreads through the layers."""

from __future__ import annotations

from functools import cache

from swa.cascades.options import CascadeOptions
from swa.cli.commands.vocab import check_names
from swa.cli.declare.invocation import Invocation
from swa.cli.declare.options import Models, OutputOptions
from swa.cli.each_model import each_model
from swa.cli.terminal.output import Output
from swa.data.options import TextOptions
from swa.detection.options import DetectOptions
from swa.models.loading.options import LoadOptions
from swa.runs.options import VOCAB_RUN, RunOptions, WeightOptions

EXAMPLES = """
    swa cascade demo --dataset builtin
    swa cascade allenai/OLMo-1B-0724-hf --layers every 2 --tokens 10000
    swa cascade demo --super-weights 'L11.mlp.down_proj[507,1229]' --layers 9 10 11 29
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
    names = list(dict.fromkeys(models))
    check_names(names, load, example="swa cascade demo --dataset builtin")

    from swa.cli.cascade_run import CascadeRun
    from swa.cli.super_weights import super_weight_source
    from swa.cli.tables.cascade_show import command_result, show
    from swa.cli.terminal.libraries import tamed_libraries
    from swa.cli.terminal.progress import TerminalProgress
    from swa.cli.vocab_root import write_call
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
        job = CascadeRun(call, load, run, cascade, source, read_text(), progress)
        done = each_model(names, job.analyse, show=lambda one: show(one, output))
        headers = [one.header for one in done.results]
        is_new = any(one.is_new for one in done.results)
        files = {}
        if headers:
            files = write_call(results, call, headers, status=done.status, is_new=is_new, warn=progress.warn)
    output.files(files)
    if shown.json:
        output.line(command_result(done.results, files, status=done.status).model_dump_json())
    done.raise_failures()
