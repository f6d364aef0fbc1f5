"""Errors that a user can do something about: one sentence, a way out, an exit code."""

from __future__ import annotations


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
