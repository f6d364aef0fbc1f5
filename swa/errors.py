"""Errors that a user can do something about: one sentence, a way out, an exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class SwaError(Exception):
    """A known failure.

    Args:
        message: One sentence that says what is wrong.
        hint: What to do about it (a command, an option, a place to look), or an empty string.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(SwaError):
    """The command line or an input value is wrong (exit 2)."""

    exit_code = 2


class UnavailableError(SwaError):
    """A model or a data set cannot be had: not there, out of reach, incomplete or corrupt (exit 3)."""

    exit_code = 3


class UnsupportedModelError(SwaError):
    """The model loads, but what `swa` measures is not defined for it (exit 4)."""

    exit_code = 4


class OutOfMemoryError(SwaError):
    """Memory did not suffice, even for the smallest batch (exit 5)."""

    exit_code = 5


class InvalidArtifactError(SwaError):
    """A saved record does not fit its schema (exit 6)."""

    exit_code = 6


class PartialFailureError(SwaError):
    """Something was finished and written, something else failed (exit 7)."""

    exit_code = 7


_OUT_OF_MEMORY = (
    "out of memory",  # CUDA, MPS and XPU: `CUDA error: out of memory`, `MPS backend out of memory (MPS allocated: …)`
    "defaultcpuallocator",  # Linux says `can't allocate memory`, Windows `not enough memory`
    "allocate memory",  # the operating system, also while a file is mapped
    "alloc_failed",  # `CUBLAS_STATUS_ALLOC_FAILED`, and cuDNN's
    "bad_alloc",
    "bad allocation",
)
"""What the errors of allocators say, in lower case: on CPUs and MPS they are plain RuntimeErrors."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, whoever says so: Python, torch on any device, the operating system."""
    if isinstance(error, SwaError):
        return False  # it is known already
    torch = sys.modules.get("torch")  # not loaded: then the error is not torch's
    if isinstance(error, MemoryError) or (torch is not None and isinstance(error, torch.OutOfMemoryError)):
        return True
    if not isinstance(error, RuntimeError | OSError):
        return False
    text = str(error).lower()
    return any(words in text for words in _OUT_OF_MEMORY)


@contextmanager
def memory_errors_known() -> Iterator[None]:
    """Turn the ways in which torch and Python say that memory is used up into one known error.

    Raises:
        OutOfMemoryError: It is.
    """
    try:
        yield
    except (MemoryError, RuntimeError, OSError) as error:
        if not is_out_of_memory(error):
            raise
        raise OutOfMemoryError(
            "Memory is used up.",
            hint="Try a smaller --batch-size, --dtype bfloat16, or keep weights on disk with --max-memory.",
        ) from error
