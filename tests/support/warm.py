"""`swa` in processes of their own that begin with the libraries loaded: real ones, that can be killed at any moment."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from multiprocessing.context import ForkServerProcess as Process
from pathlib import Path
from typing import Any, NamedTuple

LIBRARIES = (
    "torch",
    "transformers.models.gpt2.modeling_gpt2",
    "transformers.tokenization_utils_tokenizers",
    "matplotlib.backends.backend_agg",
    "pyarrow.parquet",
    "scipy.stats",
    "swa.cli.main",
)
"""What takes longest to import, for the model of `tests.support.helpful`."""


class Done(NamedTuple):
    """A process that has ended.

    Attributes:
        returncode: Its exit code, −9 after a kill.
        stdout: What it wrote.
        stderr: What it wrote.
    """

    returncode: int
    stdout: str
    stderr: str


def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*LIBRARIES, __name__])
    return context


Prepare = tuple[Callable[..., None], *tuple[Any, ...]]
"""A function of a module and its arguments, called in the process before the program starts."""


def _main(words: tuple[str, ...], folder: Path, streams: tuple[Path, Path], prepare: Prepare | None) -> None:
    from swa.cli.main import main

    if prepare is not None:
        prepare[0](*prepare[1:])

    os.chdir(folder)
    for name in [name for name in os.environ if name.startswith("SWA_")]:
        del os.environ[name]
    for number, path in enumerate(streams, start=1):
        with path.open("wb") as stream:
            os.dup2(stream.fileno(), number)
    sys.argv = ["swa", *words]
    main()


def start(*words: str, folder: Path, streams: tuple[Path, Path], prepare: Prepare | None = None) -> Process:
    """Start the program in a folder; what it writes goes to two files."""
    process = _context().Process(target=_main, args=(words, folder, streams, prepare))
    process.start()
    return process


def run(*words: str, folder: Path, prepare: Prepare | None = None) -> Done:
    """Run the program to its end."""
    streams = (folder / ".stdout", folder / ".stderr")
    process = start(*words, folder=folder, streams=streams, prepare=prepare)
    process.join(300)
    assert process.exitcode is not None, "it hangs"
    return Done(process.exitcode, *(path.read_text() for path in streams))
