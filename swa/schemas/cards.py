"""Records of `swa vocab`: what a neuron writes into the vocabulary, what a super weight does to predictions."""

from __future__ import annotations

from typing import Literal

from pydantic import MISSING, Field

from swa.schemas.base import Number, Part, Record
from swa.schemas.detection import MoeBlock

Label = Literal["prediction", "suppression", "partition", "unclear"]


class Moments(Part):
    """Moments of a neuron's effects over the vocabulary, population form."""

    var: Number
    """Variance."""
    skew: Number
    """Skewness."""
    kurt: Number
    """Excess kurtosis (0 for a normal distribution)."""


class TopToken(Part):
    """One token and the neuron's effect on it."""

    id: int
    """Token id."""
    tok: str
    """Raw vocabulary piece."""
    str_: str = Field(alias="str")
    """Text."""
    effect: Number
    """Effect on the token's logit per unit of activation."""


class Enrichment(Part):
    """How a class of tokens stands out among the effects."""

    class_: str = Field(alias="class")
    """Name of the class."""
    score: Number
    """Share of variance between the class and the rest (η²), in [0, 1]."""
    examples: list[str]
    """Strongest tokens of the class in the direction of mean_diff."""
    mean_diff: Number | MISSING = MISSING
    """Mean of the class minus mean of the rest, in standard deviations of all effects."""
    n: int | MISSING = MISSING
    """Tokens in the class."""
    q: Number | MISSING = MISSING
    """Benjamini-Hochberg q-value of Welch's t-test over the classes of the card."""


class Percentiles(Part):
    """Where the neuron stands among 512 seeded neurons of its matrix, 0 to 100."""

    var: float
    """Of the variance of the cosines."""
    kurt: float
    """Of |kurt| of the cosines."""


class NeuronCard(Record):
    """What one neuron (a column of a down projection) writes into the vocabulary."""

    record: Literal["NeuronCard"] = "NeuronCard"
    model: str
    """The model as it was named."""
    layer: int
    """Layer."""
    neuron: int
    """Column of the down projection."""
    expert: int | None = None
    """Number of the expert; null in dense layers."""
    moments: Moments
    """Of the effects."""
    moments_cos: Moments | MISSING = MISSING
    """Of the cosines between the neuron's output and the tokens' unembeddings."""
    top_tokens_up: list[TopToken]
    """Tokens whose logit rises most."""
    top_tokens_down: list[TopToken]
    """Tokens whose logit falls most."""
    enrichment: list[Enrichment] | MISSING = MISSING
    """Token classes that stand out."""
    label: Label
    """Kind of neuron (Gurnee et al., arXiv 2401.12181), on the cosine moments."""
    percentiles: Percentiles | MISSING = MISSING
    """Among neurons of the same matrix."""


class Metrics(Part):
    """The four metrics of an intervention, token-weighted means."""

    loss: Number
    """−log p(target), nats per token."""
    entropy: Number
    """Entropy of the prediction, nats."""
    topk_margin: Number
    """p of the first minus p of the second token."""
    stopword_mass: Number
    """Probability of function words."""
    logit_margin: Number | MISSING = MISSING
    """Logit of the first minus logit of the second token."""


class Controls(Part):
    """What other edits of the same matrix do."""

    random_coord_delta: Metrics
    """Mean over the control scalars, modified minus baseline."""
    random_coord_std: Metrics | MISSING = MISSING
    """Sample standard deviation; absent for one control."""
    random_coord_max: Metrics | MISSING = MISSING
    """The signed delta with the largest size."""
    random_coords: list[tuple[int, int]] | MISSING = MISSING
    """Row and column of the control scalars, in the order drawn."""
    neuron_zero_delta: Metrics
    """With the whole column zeroed."""


class CascadeBlock(Part):
    """Effect of the removal layer by layer, through the logit lens."""

    layers: list[int]
    """Layers that were read out."""
    delta_entropy: list[Number]
    """Entropy, removed minus baseline, nats."""
    delta_margin: list[Number]
    """Probability margin, removed minus baseline."""
    kl: list[Number]
    """KL(baseline ‖ removed), nats."""


class BootstrapInterval(Part):
    """A delta with its interval over windows."""

    mean: Number
    """The point estimate: the delta itself."""
    ci_low: Number = Field(alias="ci_2.5")
    """Lower end of the 95 % interval."""
    ci_high: Number = Field(alias="ci_97.5")
    """Upper end."""
    n_windows: int
    """Windows that were resampled."""


class Bootstrap(Part):
    """Intervals of the metrics."""

    loss: BootstrapInterval
    """Of the loss."""
    entropy: BootstrapInterval | MISSING = MISSING
    """Of the entropy."""
    topk_margin: BootstrapInterval | MISSING = MISSING
    """Of the margin."""
    stopword_mass: BootstrapInterval | MISSING = MISSING
    """Of the function words' mass."""


class TokenShift(Part):
    """How a token's probability changes on average."""

    id: int
    """Token id."""
    tok: str
    """Raw vocabulary piece."""
    str_: str = Field(alias="str")
    """Text."""
    delta_p: Number
    """Mean change of its probability."""
    delta_logp: Number
    """Mean change of its log-probability, nats."""
    p_baseline: Number
    """Mean probability, intact."""
    p_modified: Number
    """Mean probability, modified."""


class TokenShifts(Part):
    """Tokens that gain and lose most."""

    up: list[TokenShift]
    """Gaining, largest first."""
    down: list[TokenShift]
    """Losing, largest first."""
    total_variation: Number
    """½ Σ over tokens of |mean Δp|."""


class SuperWeightCard(Record):
    """What removing one scalar does to predictions."""

    record: Literal["SuperWeightCard"] = "SuperWeightCard"
    model: str
    """The model as it was named."""
    tensor: Literal["mlp_out", "expert_out", "shared_expert_out", "aux_out"]
    """What the down projection belongs to."""
    layer: int
    """Layer."""
    row: int
    """Output channel."""
    col: int
    """Input channel = neuron."""
    expert: int | None = None
    """Number of the expert; null in dense layers."""
    module: str | MISSING = MISSING
    """Path of the module that owns the weight."""
    weight: Number | MISSING = MISSING
    """The scalar."""
    baselines: Metrics
    """Of the intact model."""
    deltas: Metrics
    """Removed minus intact."""
    controls: Controls
    """Other edits of the same matrix."""
    cascade: CascadeBlock | MISSING = MISSING
    """Layer by layer."""
    bootstrap: Bootstrap | MISSING = MISSING
    """Intervals."""
    token_shifts: TokenShifts | MISSING = MISSING
    """Tokens that gain and lose."""
    moe: MoeBlock | MISSING = MISSING
    """Routing and causal scores."""
