"""Records about runs: what was asked for, and what a command answers to a script."""

from __future__ import annotations

from typing import Literal

from pydantic import MISSING

from swa.schemas.base import Number, Part, Record
from swa.schemas.run import RunHeader, Status


class RunConfig(Record):
    """`run_config.json`: each command's effective options and provenance; a command replaces its own block only."""

    record: Literal["RunConfig"] = "RunConfig"
    detect: RunHeader | MISSING = MISSING
    """The last `swa detect` in this folder."""
    evaluate: RunHeader | MISSING = MISSING
    """The last `swa evaluate`."""
    vocab: RunHeader | MISSING = MISSING
    """The last `swa vocab`."""
    cascade: RunHeader | MISSING = MISSING
    """The last `swa cascade`."""
    run: RunHeader | MISSING = MISSING
    """The last `swa run`."""


class ModelOutcome(Part):
    """What a command did for one model."""

    model: str
    """The model as it was named."""
    folder: str
    """Where its files are."""
    n_candidates: int
    """Candidates found."""
    n_confirmed: int
    """Candidates that removal confirmed."""
    headline: dict[str, Number]
    """The numbers to look at first."""
    files: dict[str, str]
    """Paths of what was written, by name."""


class CommandResult(Record):
    """What `--json` prints: one object on one line."""

    record: Literal["CommandResult"] = "CommandResult"
    command: str
    """The subcommand."""
    status: Status
    """complete, or partial where some models failed."""
    models: list[ModelOutcome]
    """One entry a finished model."""
