"""Records of `swa vocab`: what a neuron writes into the vocabulary, what a super weight does to predictions."""

from __future__ import annotations

from typing import Literal

from pydantic import MISSING, Field, FiniteFloat

from swa.schemas.base import Number, Pair, Part, Record
from swa.schemas.moe import MoeBlock

Label = Literal["prediction", "suppression", "partition", "unclear"]


class Moments(Part):
    """Moments of a neuron's effects over the vocabulary, population form."""

    var: Number
    """Population variance: squared logits per unit of activation; of cosines without unit."""
    skew: Number
    """Skewness, without unit."""
    kurt: Number
    """Excess kurtosis (0 for a normal distribution), without unit."""


class TopToken(Part):
    """One token and the neuron's effect on it."""

    id: int
    """Token id."""
    tok: str
    """Raw vocabulary piece, such as `Ġthe`."""
    str_: str = Field(alias="str")
    """The token decoded to text, such as ` the`."""
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
    """Number of tokens in the class."""
    t: Number | MISSING = MISSING
    """Welch's t of the class against the rest."""
    q: Number | MISSING = MISSING
    """Benjamini-Hochberg q-value of Welch's t-test over the classes of the card."""


class Percentiles(Part):
    """Where the neuron stands among 512 seeded neurons of its matrix, 0 to 100."""

    var: FiniteFloat
    """Percentile of the variance of the cosines."""
    kurt: FiniteFloat
    """Percentile of |kurt| of the cosines."""


class Histogram(Part):
    """How often effects of a size occur."""

    edges: list[FiniteFloat]
    """Edges of the bins, ascending, one more than counts; the last bin holds its right edge too."""
    counts: list[int]
    """Tokens in each bin."""


class NeuronCard(Record):
    """What one neuron (a column of a down projection) writes into the vocabulary."""

    record: Literal["NeuronCard"] = "NeuronCard"
    model: str
    """The model as it was named."""
    layer: int
    """Index of the layer in its own list."""
    neuron: int
    """Column of the down projection = MLP neuron."""
    expert: int | None = None
    """Number of the expert; null where the matrix is not a routed expert's."""
    module: str | MISSING = MISSING
    """Path of the module that owns the matrix."""
    moments: Moments
    """Moments of the effects."""
    moments_cos: Moments | MISSING = MISSING
    """Moments of the cosines between the neuron's output and the tokens' unembeddings; absent when not asked for."""
    top_tokens_up: list[TopToken]
    """Tokens whose logit rises most, largest first."""
    top_tokens_down: list[TopToken]
    """Tokens whose logit falls most, largest fall first."""
    enrichment: list[Enrichment] | MISSING = MISSING
    """Token classes and how they stand out; absent without --enable-enrichment."""
    label: Label
    """Kind of neuron (Gurnee et al., arXiv 2401.12181), on the cosine moments."""
    percentiles: Percentiles | MISSING = MISSING
    """Where the neuron stands among neurons of the same matrix; absent for one that writes nothing."""
    histogram: Histogram | MISSING = MISSING
    """Effects on all tokens of text."""
    notes: list[str] | MISSING = MISSING
    """What acts between the neuron and the logits and is left out of the effects."""


class Metrics(Part):
    """The four metrics of an intervention, token-weighted means."""

    loss: Number
    """−log p(target), nats per token."""
    entropy: Number
    """Entropy of the prediction, nats."""
    topk_margin: Number
    """Probability of the most likely minus that of the second token, in [0, 1]."""
    stopword_mass: Number
    """Probability of English function words, in [0, 1]."""
    logit_margin: Number | MISSING = MISSING
    """Logit of the most likely minus that of the second token."""


class Controls(Part):
    """What other edits of the same matrix do."""

    random_coord_delta: Metrics
    """Mean over the control scalars, modified minus baseline."""
    random_coord_std: Metrics | MISSING = MISSING
    """Sample standard deviation (ddof 1) over the control scalars; absent for one control."""
    random_coord_max: Metrics | MISSING = MISSING
    """Of each metric the signed delta with the largest absolute value."""
    random_coords: list[Pair] | MISSING = MISSING
    """Row and column of the control scalars, in the order drawn."""
    neuron_zero_delta: Metrics
    """Delta with the whole column (the neuron) zeroed."""


class CascadeBlock(Part):
    """Effect of the removal layer by layer, through the logit lens."""

    layers: list[int]
    """Indices of the layers that were read out; the other lists follow it."""
    delta_entropy: list[Number]
    """Entropy, removed minus baseline, nats."""
    delta_margin: list[Number]
    """Top-2 margin, removed minus baseline."""
    kl: list[Number]
    """KL(baseline ‖ removed), nats."""


class BootstrapInterval(Part):
    """A delta with its interval over windows."""

    mean: Number
    """The point estimate: the delta itself."""
    ci_low: Number = Field(alias="ci_2.5")
    """Lower end of the 95 % interval."""
    ci_high: Number = Field(alias="ci_97.5")
    """Upper end of the 95 % interval."""
    n_windows: int
    """Number of windows that were resampled, in pairs."""


class Bootstrap(Part):
    """Intervals of the metrics."""

    loss: BootstrapInterval
    """Interval of the delta of the loss."""
    entropy: BootstrapInterval | MISSING = MISSING
    """Interval of the delta of the entropy."""
    topk_margin: BootstrapInterval | MISSING = MISSING
    """Interval of the delta of the top-2 margin."""
    stopword_mass: BootstrapInterval | MISSING = MISSING
    """Interval of the delta of the function words' mass."""


class TokenShift(Part):
    """How a token's probability changes on average."""

    id: int
    """Token id."""
    tok: str
    """Raw vocabulary piece, such as `Ġthe`."""
    str_: str = Field(alias="str")
    """The token decoded to text, such as ` the`."""
    delta_p: Number
    """Mean over scored positions of the change of its probability, modified − baseline."""
    delta_logp: Number
    """Mean over scored positions of the change of its log-probability, nats."""
    p_baseline: Number
    """Mean probability in the intact model."""
    p_modified: Number
    """Mean probability in the modified model."""


class TokenShifts(Part):
    """Tokens that gain and lose most."""

    up: list[TokenShift]
    """Tokens that gain, largest gain first."""
    down: list[TokenShift]
    """Tokens that lose, largest loss first."""
    total_variation: Number
    """½ Σ over the vocabulary of |mean Δp|, in [0, 1]."""


class SuperWeightCard(Record):
    """What removing one scalar does to predictions."""

    record: Literal["SuperWeightCard"] = "SuperWeightCard"
    model: str
    """The model as it was named."""
    tensor: Literal["mlp_out", "expert_out", "shared_expert_out", "aux_out"]
    """What the down projection belongs to."""
    layer: int
    """Index of the layer in its own list."""
    row: int
    """Output channel = channel of the residual stream."""
    col: int
    """Input channel = MLP neuron."""
    expert: int | None = None
    """Number of the expert; null where the matrix is not a routed expert's."""
    module: str | MISSING = MISSING
    """Path of the module that owns the weight."""
    coordinate: str | MISSING = MISSING
    """Text form, such as L11.mlp.down_proj[507,1229]."""
    weight: Number | MISSING = MISSING
    """Value of the scalar W[row, col]."""
    edit_inactive: str | MISSING = MISSING
    """Why removal could not change anything (weight or input is zero), when that is so."""
    baselines: Metrics
    """Metrics of the intact model."""
    deltas: Metrics
    """Metrics with the scalar removed minus those of the intact model."""
    controls: Controls
    """Deltas of other edits of the same matrix."""
    cascade: CascadeBlock | MISSING = MISSING
    """Effect layer by layer; absent without --enable-cascade."""
    bootstrap: Bootstrap | MISSING = MISSING
    """95 % intervals over windows; absent without --bootstrap."""
    token_shifts: TokenShifts | MISSING = MISSING
    """Tokens that gain and lose most."""
    moe: MoeBlock | MISSING = MISSING
    """Routing and causal scores; absent where the site is no routed expert."""
