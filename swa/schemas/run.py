"""The header of a run: what was asked for, on what, with which versions."""

from __future__ import annotations

from typing import Literal

from pydantic import MISSING, JsonValue

from swa.schemas.base import Part

Origin = Literal["default", "config", "environment", "command line"]
Status = Literal["started", "complete", "partial", "failed", "interrupted"]


class EffectiveOption(Part):
    """One option as it acted."""

    value: JsonValue
    """The value."""
    origin: Origin
    """Where it was set."""


class RunHeader(Part):
    """Provenance of a record."""

    command: str
    """The subcommand, e.g. `detect`."""
    command_line: list[str]
    """The words of the command line."""
    options: dict[str, EffectiveOption]
    """Every option by its name with underscores."""
    seed: int
    """The seed."""
    model: str
    """The model as it was named."""
    revision: str | None
    """The hub's commit."""
    weights_fingerprint: str
    """sha256 over configuration and weight files."""
    dtype: str
    """Type of the weights in memory."""
    device: str
    """Where the model ran."""
    versions: dict[str, str]
    """swa, python, torch, transformers, accelerate, datasets, lm_eval."""
    dataset_fingerprint: str | None
    """sha256 of the text used, null when none was."""
    started: str
    """UTC, ISO 8601."""
    ended: str | None
    """UTC, ISO 8601; null while the run goes on."""
    status: Status
    """How the run stands."""
    stamp: str | MISSING = MISSING
    """TS in the names of the run's files, e.g. 20260101_120000; a run that continues another one keeps it."""
