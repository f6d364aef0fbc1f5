"""Records over several models: the summary of a vocabulary run, the comparison of runs."""

from __future__ import annotations

from typing import Literal

from pydantic import MISSING, FiniteFloat

from swa.schemas.base import Number, Part, Record
from swa.schemas.evaluation import CrossModelStatistics
from swa.schemas.run import RunHeader


class ModelSummary(Part):
    """One model of a vocabulary run."""

    model: str
    """The model as it was named."""
    n_super_weights: int
    """Number of super-weight cards."""
    n_neurons: int
    """Number of neuron cards."""
    spike_threshold: Number | MISSING = MISSING
    """Threshold of the detection; absent for `auto` and for given coordinates."""
    largest_delta_loss: Number | MISSING = MISSING
    """Largest change of the loss, nats per token."""
    geometric_mean_ratio: Number | MISSING = MISSING
    """Geometric mean of the perplexity ratios exp(Δ loss) of the removals."""
    mean_log_ratio: Number | MISSING = MISSING
    """Its logarithm, finite where the mean overflows."""
    labels: dict[str, int]
    """Number of neuron cards by label."""


class CrossModelSummary(Record):
    """All models of one vocabulary run, also for one model."""

    record: Literal["CrossModelSummary"] = "CrossModelSummary"
    run: RunHeader | MISSING = MISSING
    """How the run was made; absent in records made through the Python API."""
    models: list[ModelSummary]
    """One entry a model, in the order of the run."""
    n_models: int
    """Number of models."""
    n_super_weights: int
    """Number of super-weight cards of all models."""
    mean_super_weights: FiniteFloat
    """Mean number of super-weight cards per model, those without any included."""
    mean_largest_delta_loss: Number | MISSING = MISSING
    """Mean of largest_delta_loss over models with super weights, nats per token."""


class RunAgreement(Part):
    """Which coordinates several runs of one model agree on."""

    model: str
    """The model as it was named."""
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
    """Statistics over the models."""
    agreements: list[RunAgreement]
    """Agreement between runs of the same model, one entry a model with several runs."""
    mismatches: list[str]
    """What differs between the protocols, when that was allowed."""
