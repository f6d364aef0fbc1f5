"""The console script: reads the command line, runs one command, ends with its exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

import typer

from swa.cli.commands import cascade, compare, detect, doctor, evaluate, schema, validate, vocab
from swa.cli.commands import report as report_command
from swa.cli.commands import run as run_command
from swa.cli.declare.argv import rewrite
from swa.cli.declare.command import Group, register
from swa.cli.declare.kinds import syntax_of
from swa.cli.terminal.failures import EXIT_PIPE, interrupted, report
from swa.cli.terminal.output import Output
from swa.errors import memory_errors_known

app = typer.Typer(
    name="swa",
    cls=Group,
    rich_markup_mode=None,  # rich's help costs as much time as all the rest, and its boxes break in pipes
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"max_content_width": 100},
    epilog="""
        swa run demo --dataset builtin --accuracy-tasks builtin
        swa detect demo --dataset builtin
        swa validate results/*/*/data/*.json
    """,
)


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        Output().line(f"swa {version('super-weight-analysis')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _swa(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version.")
    ] = False,
) -> None:
    """Find the super weights of language models: single scalars whose removal changes the whole model.

    Results go to stdout, everything else to stderr. Every option is also an environment variable: SWA_SEED for --seed.
    """
    del version
    if ctx.invoked_subcommand is None:
        Output().line(ctx.get_help())


for _name, _module in {
    "run": run_command,
    "detect": detect,
    "evaluate": evaluate,
    "vocab": vocab,
    "cascade": cascade,
    "report": report_command,
    "compare": compare,
    "doctor": doctor,
    "schema": schema,
    "validate": validate,
}.items():
    register(app, _name, _module.command, examples=_module.EXAMPLES)


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run `swa` and end the process with its exit code."""
    sys.exit(run(list(sys.argv[1:] if argv is None else argv)))


def run(words: list[str]) -> int:
    """Run `swa` with these words; the exit code."""
    for stream in (sys.stdout, sys.stderr):
        _never_fail_on_characters(stream)
    try:
        with memory_errors_known():
            code = _dispatch(words)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader went away. Python flushes stdout once more at exit, which must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_PIPE
    except KeyboardInterrupt:
        return interrupted()
    except Exception as error:  # noqa: BLE001 - the one place that sees every failure
        return report(error)
    return code


def _dispatch(words: list[str]) -> int:
    program: Any = typer.main.get_command(app)
    name = next((word for word in words if not word.startswith("-")), "")
    if name in program.commands:
        after = words.index(name) + 1
        arguments = words[:after] + rewrite(words[after:], syntax_of(program.commands[name]))
    else:
        arguments = words
    try:
        # Typer's own main() would end the process for a closed pipe or an interrupt before `run` sees it.
        with program.make_context("swa", arguments, obj=words) as ctx:
            program.invoke(ctx)
    except typer.Exit as error:
        return error.exit_code
    return 0


def _never_fail_on_characters(stream: Any) -> None:
    """Write what the terminal's encoding lacks as escapes instead of failing."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")
