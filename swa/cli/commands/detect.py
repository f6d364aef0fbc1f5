"""`swa detect`: find super weights, confirm them, write and show them."""

from __future__ import annotations

from typing import Annotated

from swa.cli.declare.options import Models, OutputOptions, in_panel
from swa.cli.terminal.output import Output
from swa.data.options import TextOptions
from swa.detection.options import DetectOptions
from swa.errors import UsageError
from swa.models.loading.options import LoadOptions
from swa.runs.driver.call import Call
from swa.runs.options import RunOptions

EXAMPLES = """
    swa detect demo --dataset builtin
    swa detect allenai/OLMo-1B-0724-hf mistralai/Mistral-7B-v0.1 --data-dir data
    swa detect ./my-model --screen spike --no-confirm --jsonl | jq -r .coordinate
"""
DEFAULT_MODELS = ["demo"]


def command(
    call: Call,
    *,
    models: Models = DEFAULT_MODELS,
    load: LoadOptions,
    text: TextOptions,
    run: RunOptions,
    detection: DetectOptions,
    shown: OutputOptions,
    confirmed_only: Annotated[
        bool,
        in_panel("Output")(
            "--confirmed-only", help="Show and print confirmed super weights only. Files hold all candidates."
        ),
    ] = False,
    jsonl: Annotated[bool, in_panel("Output")("--jsonl", help="SuperWeight records on stdout, one a line.")] = False,
) -> None:
    """Find super weights and confirm each of them.

    Two screens look for candidates: spikes of activations, and the first-order effect of every scalar on the loss.
    Then each candidate is removed alone on held-out text. What costs at least 5 % perplexity, beyond random controls,
    is confirmed. Records and figures are written; a finished detection is shown again, not computed again.
    """
    if shown.json and jsonl:
        raise UsageError("--json and --jsonl exclude each other.", hint="Choose one.")
    from swa import runs
    from swa.cli.tables.detect_show import command_result, show
    from swa.cli.terminal.libraries import tamed_libraries
    from swa.cli.terminal.progress import TerminalProgress

    output = Output(for_machines=shown.json or jsonl, verbose=shown.verbose, quiet=shown.quiet)
    progress = TerminalProgress(output)
    with tamed_libraries(output, progress):
        done = runs.detect(
            models,
            detection,
            load=load,
            text=text,
            results_dir=run.results_dir,
            force=run.force,
            progress=progress,
            on_outcome=lambda found: show(found, output, as_lines=jsonl, confirmed_only=confirmed_only),
            call=call,
        )
    if shown.json:
        output.line(command_result(done.models, status=done.status).model_dump_json())
    done.raise_failures()
