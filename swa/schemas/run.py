"""The header of a run: what was asked for, on what, with which versions."""

from __future__ import annotations

from typing import Literal

from pydantic import MISSING, JsonValue

from swa.schemas.base import Part

Origin = Literal["default", "config", "environment", "command line", "python"]
Status = Literal["started", "complete", "partial", "failed", "interrupted"]


class EffectiveOption(Part):
    """One option as it acted."""

    value: JsonValue
    """The value."""
    origin: Origin
    """Where it was set."""


class EffectiveWindows(Part):
    """The windows over the text as they were laid, after clamping."""

    tokens: int
    """Targets of all windows."""
    tokens_scored: int
    """Targets that count; fewer than `tokens` with --drop-first-token."""
    window_len: int
    """Text tokens in a window."""
    stride: int
    """Tokens from one window to the next."""
    n_windows: int
    """Number of windows with a target that counts."""
    batch_size: int
    """Windows in one forward pass."""


class Configuration(Part):
    """On what the numbers in a file of records depend, beside the super weights or neurons themselves."""

    key: str
    """sha256 of the values: the resume key. Records of another key need another folder, or --force."""
    values: dict[str, JsonValue]
    """Fingerprints and options by name."""


class NamedByModule(Part):
    """Modules whose path stands in the names of figures: their layer has another one of the same kind."""

    neurons: list[str]
    """Paths for figures of neurons, whose names say layer and expert."""
    super_weights: list[str]
    """Paths for figures of super weights, whose names say the kind too."""


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
    windows: EffectiveWindows | MISSING = MISSING
    """Windows of an intervention or cascade; absent where none was run."""
    configurations: dict[str, Configuration] | MISSING = MISSING
    """By name of the file of records (`super_weights`, `neurons`, `census`, `cascade`): what its records share."""
    named_by_module: NamedByModule | MISSING = MISSING
    """Present in runs that draw a figure a neuron or super weight."""
    without_effects: list[str] | MISSING = MISSING
    """Modules of super weights whose neurons have no card: they write elsewhere than where the unembedding reads."""
    notes: list[str] | MISSING = MISSING
    """What a reader of the numbers should know: what was clamped, what could not be shared."""
