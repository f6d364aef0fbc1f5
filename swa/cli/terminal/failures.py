"""From exceptions to what a user reads and the exit code."""

from __future__ import annotations

import os
import sys
import traceback

import typer

from swa.cli.declare.invocation import SETTINGS
from swa.errors import SwaError

EXIT_BUG = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
EXIT_PIPE = 141
"""128 + SIGPIPE: what the shell reports of any program whose reader went away."""


def report(error: BaseException) -> int:
    """Say on stderr what went wrong; the exit code."""
    if os.environ.get("SWA_DEBUG", "") not in ("", "0"):
        traceback.print_exception(error)
    if isinstance(error, SwaError):
        say(error.message, error.hint)
        return error.exit_code
    if isinstance(error, typer.TyperException):
        say(*_usage(error))
        return EXIT_USAGE
    if isinstance(error, KeyboardInterrupt):
        return interrupted()
    summary = " ".join(str(error).split())[:200]
    say(
        f"This is a bug in swa: {type(error).__name__}{': ' + summary if summary else ''}.",
        "Set SWA_DEBUG=1 to see where it happened, and report it with that output.",
    )
    return EXIT_BUG


def interrupted() -> int:
    """Say that the user stopped the run."""
    say("Interrupted.", "Finished models are kept; the same command goes on from there.")
    return EXIT_INTERRUPTED


def say(message: str, hint: str = "") -> None:
    """Write a sentence and a way out to stderr, in plain text."""
    sys.stderr.write(f"Error: {message}\n" + (f"Hint: {hint}\n" if hint else ""))


def _usage(error: typer.TyperException) -> tuple[str, str]:
    message = error.format_message()
    ctx = getattr(error, "ctx", None)
    parameter = getattr(error, "param", None)
    setting = ctx.meta.get(SETTINGS, {}).get(parameter.name) if ctx and parameter else None
    if ctx and parameter and setting and ctx.get_parameter_source(parameter.name).name == "DEFAULT_MAP":
        return message, f"The value comes from {setting.place}."
    return message, f"See `{ctx.command_path if ctx else 'swa'} --help`."
