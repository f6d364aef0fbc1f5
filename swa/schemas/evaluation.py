"""Records of `swa evaluate`: perplexity and accuracy of the intact model and with weights removed."""

from __future__ import annotations

from typing import Literal

from pydantic import MISSING, Field

from swa.schemas.base import Number, Part, Record
from swa.schemas.detection import SuperWeight
from swa.schemas.run import RunHeader

Severity = Literal["catastrophic", "severe", "moderate", "mild", "minimal", "invalid"]
Protocol = Literal["paragraphs", "windows"]


class BaselinePerplexity(Part):
    """Perplexity of the intact model."""

    value: Number
    """exp(Σ nll / Σ predicted tokens)."""
    n_texts: int
    """Texts or windows."""
    n_tokens: int
    """Predicted tokens."""
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
    """Its value."""
    n: int
    """Items."""
    all_metrics: dict[str, Number]
    """Every metric of the task."""


class Baseline(Part):
    """The intact model; what was skipped is absent."""

    perplexity: BaselinePerplexity | MISSING = MISSING
    """Perplexity."""
    accuracy: dict[str, BaselineAccuracy] | MISSING = MISSING
    """Accuracy by task."""


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
    """exp of the lower end of the paired interval of the log-ratio."""
    ratio_ci_high: Number | MISSING = Field(default=MISSING, alias="ratio_ci_97.5")
    """exp of its upper end."""
    severity: Severity
    """By the ratio."""


class AccuracyImpact(Part):
    """What a variant does to one task."""

    metric: str
    """Main metric."""
    baseline: Number
    """Value of the intact model."""
    modified: Number
    """Value of the variant."""
    drop: Number
    """baseline − modified (the one delta with this sign)."""
    drop_ci_low: Number | MISSING = Field(default=MISSING, alias="drop_ci_2.5")
    """Lower end of the paired bootstrap interval."""
    drop_ci_high: Number | MISSING = Field(default=MISSING, alias="drop_ci_97.5")
    """Upper end."""
    mcnemar_p: Number | MISSING = MISSING
    """Exact p of McNemar's test; absent without a 0/1 metric per item."""
    chance: Number | MISSING = MISSING
    """Accuracy of guessing."""
    n: int
    """Items."""
    severity: Severity | MISSING = MISSING
    """By the drop."""
    not_significant: bool | MISSING = MISSING
    """Whether the interval holds 0."""


class ImpactRecord(Record):
    """One variant against the intact model; what was skipped is absent."""

    record: Literal["ImpactRecord"] = "ImpactRecord"
    variant: str
    """`sw_0`, `all`, `sw_0_x0.5`, …"""
    coordinates: list[str]
    """The edited scalars."""
    factor: float
    """What they were multiplied with; 0 removes."""
    perplexity: PerplexityImpact | MISSING = MISSING
    """Effect on perplexity."""
    accuracy: dict[str, AccuracyImpact] | MISSING = MISSING
    """Effect on accuracy by task."""


class ItemRecord(Record):
    """One item of a task under one variant."""

    record: Literal["ItemRecord"] = "ItemRecord"
    task: str
    """The task, of a group the subtask."""
    group: str
    """What was asked for: the group, or the task itself."""
    variant: str
    """`baseline`, `sw_0`, …"""
    doc_id: int
    """Index in the evaluated split."""
    doc_hash: str
    """sha256 of the document."""
    target: str
    """The right answer."""
    loglikelihoods: list[Number] | MISSING = MISSING
    """Sum of log p of each choice, nats, not normalised."""
    generation: str | MISSING = MISSING
    """What the model wrote, for generation tasks."""
    metrics: dict[str, Number]
    """Every metric of the item."""
    correct: bool | MISSING = MISSING
    """Main metric, where it is 0 or 1."""


class VariantAnalysis(Record):
    """One super weight alone, or all together: a file of `individual_analyses/`, or `combined_analysis_…`."""

    record: Literal["VariantAnalysis"] = "VariantAnalysis"
    run: RunHeader
    """How the run was made."""
    super_weights: list[SuperWeight]
    """The scalars."""
    baseline: Baseline
    """The intact model."""
    results: list[ImpactRecord]
    """One entry a factor."""


class ModelAnalysis(Record):
    """Everything that one evaluation measured of one model."""

    record: Literal["ModelAnalysis"] = "ModelAnalysis"
    model: str
    """The model as it was named."""
    run: RunHeader
    """How the run was made."""
    super_weights: list[SuperWeight]
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
    """Model type."""
    n_super_weights: int
    """Confirmed super weights, possibly none."""
    depths: list[float]
    """layer / number of layers of each."""
    largest_ratio: Number | MISSING = MISSING
    """Largest perplexity ratio of one removal."""
    combined_ratio: Number | MISSING = MISSING
    """Perplexity ratio of removing all."""
    mean_drops: dict[str, Number] | MISSING = MISSING
    """Mean accuracy drop by task."""


class CrossModelStatistics(Part):
    """Over models, those without super weights included."""

    n_models: int
    """Models."""
    n_with_super_weights: int
    """Those with at least one."""
    models: list[ModelStatistics]
    """By model."""
    geometric_mean_ratio: Number | MISSING = MISSING
    """Of the single removals' perplexity ratios."""
    log_ratio_std: Number | MISSING = MISSING
    """Standard deviation of their logarithms."""
    mean_drops: dict[str, Number] | MISSING = MISSING
    """Mean accuracy drop by task."""


class CompleteAnalysis(Record):
    """All models of one `swa evaluate`."""

    record: Literal["CompleteAnalysis"] = "CompleteAnalysis"
    run: RunHeader
    """How the run was made."""
    models: list[ModelAnalysis]
    """By model."""
    statistics: CrossModelStatistics
    """Over the models."""
