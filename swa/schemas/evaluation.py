"""Records of `swa evaluate`: perplexity and accuracy of the intact model and with weights removed."""

from __future__ import annotations

from typing import Literal

from pydantic import MISSING, Field, FiniteFloat

from swa.schemas.base import Number, Part, Record
from swa.schemas.choices import Protocol
from swa.schemas.detection import SuperWeight
from swa.schemas.run import RunHeader

Severity = Literal["catastrophic", "severe", "moderate", "mild", "minimal", "invalid"]


class BaselinePerplexity(Part):
    """Perplexity of the intact model."""

    value: Number
    """exp(Σ nll / Σ predicted tokens)."""
    n_texts: int
    """Number of texts (paragraphs) or windows."""
    n_tokens: int
    """Number of predicted tokens."""
    protocol: Protocol
    """How the text was cut."""
    dataset_fingerprint: str | MISSING = MISSING
    """sha256 of the text."""
    bos: bool | MISSING = MISSING
    """Whether special tokens stand in front of each text."""
    n_truncated: int | MISSING = MISSING
    """Texts that were cut to the model's context."""


class BaselineAccuracy(Part):
    """Accuracy of the intact model on one task."""

    metric: str
    """Main metric, in lm-evaluation-harness' name."""
    value: Number
    """Value of the main metric; accuracies in [0, 1]."""
    n: int
    """Number of items."""
    all_metrics: dict[str, Number]
    """Every metric of the task, by lm-evaluation-harness' name."""


class Baseline(Part):
    """The intact model; what was skipped is absent."""

    perplexity: BaselinePerplexity | MISSING = MISSING
    """Perplexity on the data set."""
    accuracy: dict[str, BaselineAccuracy] | MISSING = MISSING
    """Accuracy by requested task or group."""


class PerplexityImpact(Part):
    """What a variant does to perplexity."""

    baseline: Number
    """Perplexity of the intact model."""
    modified: Number
    """Perplexity of the variant."""
    ratio: Number
    """modified / baseline."""
    log_ratio: Number | MISSING = MISSING
    """log(ratio), finite where the ratio overflows."""
    increase: Number
    """modified − baseline."""
    ratio_ci_low: Number | MISSING = Field(default=MISSING, alias="ratio_ci_2.5")
    """exp of the lower end of the paired 95 % bootstrap interval of the log-ratio."""
    ratio_ci_high: Number | MISSING = Field(default=MISSING, alias="ratio_ci_97.5")
    """exp of its upper end."""
    severity: Severity
    """By the ratio R: above 10 catastrophic, 3 severe, 1.5 moderate, 1.1 mild, else minimal; NaN is invalid."""


class AccuracyImpact(Part):
    """What a variant does to one task."""

    metric: str
    """Main metric, in lm-evaluation-harness' name."""
    baseline: Number
    """Its value in the intact model."""
    modified: Number
    """Its value in the variant."""
    drop: Number
    """baseline − modified (the one delta with this sign)."""
    drop_ci_low: Number | MISSING = Field(default=MISSING, alias="drop_ci_2.5")
    """Lower end of the paired 95 % bootstrap interval of the drop over items."""
    drop_ci_high: Number | MISSING = Field(default=MISSING, alias="drop_ci_97.5")
    """Upper end of that interval."""
    mcnemar_p: Number | MISSING = MISSING
    """Exact p of McNemar's test; absent without a 0/1 metric per item."""
    chance: Number | MISSING = MISSING
    """Accuracy of guessing: mean over items of 1 / number of choices; 0 for generation."""
    n: int
    """Number of items."""
    severity: Severity | MISSING = MISSING
    """By the drop D: above 0.5 catastrophic, 0.2 severe, 0.1 moderate, 0.05 mild, else minimal."""
    not_significant: bool | MISSING = MISSING
    """Whether the interval of the drop holds 0."""


class ImpactRecord(Record):
    """One variant against the intact model; what was skipped is absent."""

    record: Literal["ImpactRecord"] = "ImpactRecord"
    variant: str
    """`sw_0`, `all`, `sw_0_x0.5`, …"""
    coordinates: list[str]
    """Text forms of the edited scalars."""
    factor: FiniteFloat
    """What they were multiplied with; 0 removes."""
    edit_inactive: str | MISSING = MISSING
    """Why the edit could not change anything (factor 1, weight or input is zero), when that is so."""
    perplexity: PerplexityImpact | MISSING = MISSING
    """Effect on perplexity."""
    accuracy: dict[str, AccuracyImpact] | MISSING = MISSING
    """Effect on accuracy by requested task or group."""


class ItemRecord(Record):
    """One item of a task under one variant."""

    record: Literal["ItemRecord"] = "ItemRecord"
    task: str
    """The task, of a group the subtask."""
    group: str
    """What was asked for: the group, or the task itself."""
    variant: str
    """`baseline`, `sw_0`, `all`, `sw_0_x0.5`, …"""
    doc_id: int
    """Index in the evaluated split."""
    doc_hash: str
    """sha256 of the document, as lm-evaluation-harness computes it."""
    target: str
    """The right answer."""
    loglikelihoods: list[Number] | MISSING = MISSING
    """Sum of log p of each choice, nats, not normalised."""
    generation: str | MISSING = MISSING
    """What the model wrote, for generation tasks."""
    metrics: dict[str, Number]
    """Every metric of the item, by lm-evaluation-harness' name."""
    correct: bool | MISSING = MISSING
    """Whether the main metric is 1; absent where it is not 0 or 1."""


class VariantAnalysis(Record):
    """One super weight alone, or all together: a file of `individual_analyses/`, or `combined_analysis_…`."""

    record: Literal["VariantAnalysis"] = "VariantAnalysis"
    run: RunHeader
    """How the run was made."""
    super_weights: list[SuperWeight]
    """The edited scalars."""
    baseline: Baseline
    """The intact model."""
    results: list[ImpactRecord]
    """One entry a factor, in the order of --scales."""


class ModelAnalysis(Record):
    """Everything that one evaluation measured of one model."""

    record: Literal["ModelAnalysis"] = "ModelAnalysis"
    model: str | MISSING = MISSING
    """The model as it was named; absent where only the measurements are handed on."""
    run: RunHeader | MISSING = MISSING
    """How the run was made; absent in records made through the Python API."""
    family: str | MISSING = MISSING
    """The model's type in transformers, e.g. `llama`."""
    n_layers: int | MISSING = MISSING
    """Layers of the model."""
    batch_tokens: int | MISSING = MISSING
    """Tokens in one forward pass that `--batch-size auto` came to; absent where a number of rows was given."""
    notes: list[str] | MISSING = MISSING
    """What a reader should know: fallbacks, fewer texts than asked for."""
    super_weights: list[SuperWeight] | MISSING = MISSING
    """The scalars, in the order of the detection record: `sw_0` is the first."""
    baseline: Baseline
    """The intact model."""
    individual: list[ImpactRecord]
    """Each scalar alone, at each factor."""
    combined: list[ImpactRecord]
    """All together, at each factor."""


class ModelStatistics(Part):
    """Numbers of one model in a comparison."""

    model: str
    """The model as it was named."""
    family: str
    """The model's type in transformers, e.g. `llama`."""
    n_super_weights: int
    """Confirmed super weights, possibly none."""
    depths: list[FiniteFloat]
    """layer / number of layers of each confirmed super weight, in [0, 1)."""
    largest_ratio: Number | MISSING = MISSING
    """Largest perplexity ratio of one removal."""
    largest_log_ratio: Number | MISSING = MISSING
    """Its logarithm, finite where the ratio overflows."""
    combined_ratio: Number | MISSING = MISSING
    """Perplexity ratio of removing all together."""
    combined_log_ratio: Number | MISSING = MISSING
    """Its logarithm, finite where the ratio overflows."""
    mean_drops: dict[str, Number] | MISSING = MISSING
    """Accuracy drop (baseline − modified) by task, mean over the single removals."""


class CrossModelStatistics(Part):
    """Over models, those without super weights included."""

    n_models: int
    """Number of models, those without super weights included."""
    n_with_super_weights: int
    """Models with at least one confirmed super weight."""
    models: list[ModelStatistics]
    """One entry a model, in the order of the run."""
    geometric_mean_ratio: Number | MISSING = MISSING
    """Geometric mean of the perplexity ratios of all single removals."""
    mean_log_ratio: Number | MISSING = MISSING
    """Its logarithm, the mean of the log-ratios; finite where the mean overflows."""
    log_ratio_std: Number | MISSING = MISSING
    """Sample standard deviation of the log-ratios; absent for one removal."""
    mean_drops: dict[str, Number] | MISSING = MISSING
    """Accuracy drop (baseline − modified) by task, mean over all single removals."""


class CompleteAnalysis(Record):
    """All models of one `swa evaluate`."""

    record: Literal["CompleteAnalysis"] = "CompleteAnalysis"
    run: RunHeader
    """How the run was made."""
    models: list[ModelAnalysis]
    """One entry a model, in the order of the run."""
    statistics: CrossModelStatistics
    """Statistics over the models."""
