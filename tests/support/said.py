"""A progress object that remembers what it was told."""

from __future__ import annotations

from swa.progress import SilentProgress


class Said(SilentProgress):
    """Remembers sentences.

    Attributes:
        sayings: What was said.
        warnings: What was warned of.
        failures: What failed while others went on.
    """

    def __init__(self) -> None:
        self.sayings: list[str] = []
        self.warnings: list[str] = []
        self.failures: list[str] = []

    def say(self, message: str) -> None:
        self.sayings.append(message)

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def fail(self, message: str, hint: str) -> None:
        self.failures.append(message)
