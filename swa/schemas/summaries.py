"""Records over several models: the summary of a vocabulary run, the comparison of runs."""

from __future__ import annotations

from typing import Literal

from pydantic import MISSING

from swa.schemas.base import Number, Part, Record
from swa.schemas.evaluation import CrossModelStatistics
from swa.schemas.run import RunHeader


class ModelSummary(Part):
    """One model of a vocabulary run."""

    model: str
    """The model as it was named."""
    n_super_weights: int
    """Super-weight cards."""
    n_neurons: int
    """Neuron cards."""
    spike_threshold: Number | MISSING = MISSING
    """Threshold of the detection; absent for `auto` and for given coordinates."""
    largest_delta_loss: Number | MISSING = MISSING
    """Largest change of the loss, nats per token."""
    geometric_mean_ratio: Number | MISSING = MISSING
    """Of the perplexity ratios of the removals."""
    labels: dict[str, int]
    """Neuron cards by label."""


class CrossModelSummary(Record):
    """All models of one vocabulary run, also for one model."""

    record: Literal["CrossModelSummary"] = "CrossModelSummary"
    run: RunHeader | MISSING = MISSING
    """How the run was made."""
    models: list[ModelSummary]
    """By model."""
    n_models: int
    """Models."""
    n_super_weights: int
    """Super-weight cards of all models."""
    mean_super_weights: float
    """Per model."""
    mean_largest_delta_loss: Number | MISSING = MISSING
    """Mean over models with super weights."""


class RunAgreement(Part):
    """Which coordinates several runs of one model agree on."""

    model: str
    """The model."""
    runs: list[str]
    """Paths of the records."""
    common: list[str]
    """Coordinates that all runs confirm."""
    differing: dict[str, list[str]]
    """Coordinate → runs that confirm it, for the others."""


class Comparison(Record):
    """Several models or runs side by side."""

    record: Literal["Comparison"] = "Comparison"
    sources: list[str]
    """Paths of the compared artifacts."""
    statistics: CrossModelStatistics
    """Over the models."""
    agreements: list[RunAgreement]
    """Runs of the same model."""
    mismatches: list[str]
    """What differs between the protocols, when that was allowed."""
