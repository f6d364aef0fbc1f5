"""`swa doctor`: what swa sees in a model, and proof that it would find a super weight in it."""

from __future__ import annotations

from swa.cli.declare.options import Models, OutputOptions
from swa.cli.terminal.output import Output
from swa.errors import UnsupportedModelError
from swa.models.loading.options import LoadOptions

EXAMPLES = """
    swa doctor demo
    swa doctor ./my-model --dtype bfloat16
    swa doctor org/name --max-memory 8GiB --json
"""


def command(models: Models, *, load: LoadOptions, shown: OutputOptions) -> None:
    """Show what swa sees in a model, and test it.

    Lists layers, down projections, experts, final norm and unembedding, and how much memory the weights take. Then it
    plants a super weight, finds it, removes it and puts every bit back. Exit code 4, with the reason, where a model is
    not supported.
    """
    from swa import runs
    from swa.cli.tables.doctor_show import command_result, outcome_of_test, show
    from swa.cli.terminal.libraries import tamed_libraries
    from swa.cli.terminal.progress import TerminalProgress

    output = Output(for_machines=shown.json, verbose=shown.verbose, quiet=shown.quiet)
    progress = TerminalProgress(output)
    with tamed_libraries(output, progress):
        done = runs.doctor(models, load=load, progress=progress, on_outcome=lambda seen: show(seen, output))
    if shown.json:
        output.line(command_result(done).model_dump_json())
    done.raise_failures()
    for seen in done.models:
        if not seen.found.plant.passed:
            raise UnsupportedModelError(f"The self-test failed on {seen.name}: {outcome_of_test(seen.found)}.")
