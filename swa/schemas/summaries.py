"""Records over several models: the summary of a vocabulary run, the comparison of runs."""

from __future__ import annotations

from typing import Literal

from pydantic import MISSING, Field, FiniteFloat, JsonValue

from swa.schemas.base import Number, Part, Record
from swa.schemas.evaluation import CrossModelStatistics, Severity
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
    agreement: FiniteFloat | MISSING = MISSING
    """Coordinates that all runs confirm over those that any confirms, in [0, 1]; absent where none does."""
    settings: dict[str, list[JsonValue]] | MISSING = MISSING
    """What differs between the runs (threshold, dtype, revision, …): one value a run, in the order of `runs`."""
    delta_losses: dict[str, dict[str, Number]] | MISSING = MISSING
    """Coordinate → run → Δ loss of its removal in the confirmation, nats per token; candidates included."""


class Removal(Part):
    """One super weight removed alone, in one of the compared runs."""

    coordinate: str
    """Text form of the scalar."""
    depth: FiniteFloat
    """layer / number of layers, in [0, 1)."""
    ratio: Number
    """Perplexity ratio, removed over intact."""
    log_ratio: Number
    """Its logarithm, finite where the ratio overflows."""
    severity: Severity
    """In words, by the ratio."""


class RecurringRow(Part):
    """A channel of the residual stream in which several super weights of a model lie."""

    row: int
    """Output channel."""
    layers: list[int]
    """Layers of these super weights, one entry each."""


class ComparedRun(Part):
    """One of the compared runs."""

    label: str
    """The model, and what tells this run from others of it."""
    model: str
    """The model as it was named."""
    counted: bool
    """Whether the statistics count the model by this run: the newest, one with an evaluation where there is one."""
    sources: list[str]
    """Paths of its records."""
    revision: str | None
    """The hub's commit; null for local files and where no record says it."""
    dtype: str | MISSING = MISSING
    """Type of the weights in memory."""
    family: str
    """The model's type in transformers, e.g. `llama`."""
    layout: Literal["dense", "moe"] | MISSING = MISSING
    """Whether sites are experts; absent without a detection."""
    norm: Literal["LayerNorm", "RMSNorm"] | MISSING = MISSING
    """What the model's norms do; absent without a detection that says it."""
    n_layers: int
    """Layers of the model."""
    n_candidates: int | MISSING = MISSING
    """Candidates of the detection."""
    n_super_weights: int
    """Confirmed super weights; of runs without confirmation, what was given."""
    removals: list[Removal]
    """Each super weight removed alone."""
    measured_by: Literal["evaluation", "confirmation"] | MISSING = MISSING
    """Where the ratios come from: the evaluation, or the confirmation of the detection; absent without any."""
    geometric_mean_ratio: Number | MISSING = MISSING
    """Geometric mean of the ratios."""
    ci_low: Number | MISSING = Field(default=MISSING, alias="ci_2.5")
    """Lower end of its 95 % bootstrap interval over removals; absent below two removals."""
    ci_high: Number | MISSING = Field(default=MISSING, alias="ci_97.5")
    """Upper end of that interval."""
    combined_ratio: Number | MISSING = MISSING
    """Perplexity ratio of removing all together, in the evaluation."""
    combined_log_ratio: Number | MISSING = MISSING
    """Its logarithm, finite where the ratio overflows."""
    mean_drops: dict[str, Number] | MISSING = MISSING
    """Accuracy drop (baseline − modified) by task, mean over the single removals."""
    combined_drops: dict[str, Number] | MISSING = MISSING
    """The same with all removed together."""
    recurring_rows: list[RecurringRow]
    """Channels with more than one super weight."""
    protocol: dict[str, JsonValue]
    """What the numbers depend on and runs must share to be compared, by name."""


class FamilyPattern(Part):
    """What the compared models of one family, norm and layout have in common."""

    family: str
    """The models' type in transformers."""
    layout: Literal["dense", "moe"] | MISSING = MISSING
    """Whether sites are experts."""
    norm: Literal["LayerNorm", "RMSNorm"] | MISSING = MISSING
    """What their norms do."""
    models: list[str]
    """The models."""
    mean_super_weights: FiniteFloat
    """Mean number of super weights, models without any included."""
    median_depth: FiniteFloat | MISSING = MISSING
    """Median of layer / number of layers over all super weights."""
    geometric_mean_ratio: Number | MISSING = MISSING
    """Geometric mean of the perplexity ratios of all single removals."""
    n_with_recurring_rows: int
    """Models in which a channel has more than one super weight."""


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
    runs: list[ComparedRun] | MISSING = MISSING
    """Every run, in the order of the command line; statistics count each model once, by its newest run."""
    families: list[FamilyPattern] | MISSING = MISSING
    """Patterns by architecture."""
    ratio_ci_low: Number | MISSING = Field(default=MISSING, alias="ratio_ci_2.5")
    """Lower end of the 95 % bootstrap interval of the statistics' geometric mean ratio, models drawn anew; absent below
    two models with removals."""
    ratio_ci_high: Number | MISSING = Field(default=MISSING, alias="ratio_ci_97.5")
    """Upper end of that interval."""
