"""Records of `swa detect`: super weights, what was seen on the way, and what was covered."""

from __future__ import annotations

from typing import Literal

from pydantic import MISSING, Field, FiniteFloat, JsonValue

from swa.schemas.base import Number, Pair, Part, Record
from swa.schemas.choices import Screen
from swa.schemas.coordinate import SiteKind
from swa.schemas.moe import LayerRouting, MoeBlock
from swa.schemas.run import Origin, RunHeader


class ExtremePair(Part):
    """The two independent maxima that earlier scripts pair: row of the output's, column of the input's."""

    row: int
    """Channel of the largest |output|."""
    col: int
    """Channel of the largest |input|."""
    differs: bool
    """Whether this pair is another coordinate than the attributed one."""


class Confirmation(Part):
    """What removing the scalar alone does to the loss on held-out text (docs/methods.md#confirmation)."""

    delta_loss: Number
    """Loss with the scalar removed minus loss of the intact model, nats per token."""
    ci_low: Number = Field(alias="ci_2.5")
    """Lower end of the paired 95 % bootstrap interval over windows, nats per token."""
    ci_high: Number = Field(alias="ci_97.5")
    """Upper end of the interval."""
    perplexity_ratio: Number
    """exp(delta_loss)."""
    n_windows: int
    """Windows of held-out text behind the numbers: 4 in the first stage, 16 in the second (fewer in short texts)."""
    control_delta_loss: Number | MISSING = MISSING
    """Delta of removing the control scalars together; absent below a perplexity ratio of 1.02."""
    control_coords: list[Pair] | MISSING = MISSING
    """Row and column of the control scalars: nearest in |w| in the same matrix."""
    spike_suppression: Number | MISSING = MISSING
    """Largest |residual| after the layer, removed over intact, on the prompt that showed the candidate."""
    confirmed: bool
    """Interval above 0, ratio at least 1.05, and more than three times the control."""
    improves: bool
    """The interval lies below 0: removal improves the loss on this text."""
    edit_inactive: str | MISSING = MISSING
    """Why removal could not change anything (weight or input is zero), when that is so."""


class SuperWeight(Record):
    """One scalar that a screen found, with what both screens and the confirmation say of it."""

    record: Literal["SuperWeight"] = "SuperWeight"
    model: str
    """The model as it was named."""
    layer: int
    """Index of the layer in its own list."""
    site: SiteKind
    """What the down projection belongs to."""
    expert: int | None
    """Number of the expert; null where the layer's matrix is not an expert's."""
    row: int
    """Output channel = channel of the residual stream."""
    col: int
    """Input channel = MLP neuron."""
    module: str
    """Path of the module that owns the weight."""
    coordinate: str
    """Text form, such as L11.mlp.down_proj[507,1229]."""
    weight: Number
    """W[row, col]."""
    input_value: Number | MISSING = MISSING
    """x[t, col] at the token of the spike (for gradient-only candidates: where |w·x| is largest)."""
    output_value: Number | MISSING = MISSING
    """y[t, row] at that token, before post-norm, gate weight and multipliers."""
    residual_value: Number | MISSING = MISSING
    """What is added to the residual stream at (t, row)."""
    input_position: int | MISSING = MISSING
    """Position of the token where |x[:, col]| is largest."""
    output_position: int | MISSING = MISSING
    """Position of the token of the output's extreme."""
    share: Number | MISSING = MISSING
    """W[row, col]·x[t, col] / (y[t, row] − bias)."""
    iteration: int | MISSING = MISSING
    """Iteration of the spike screen that found it, from 1; absent for gradient-only candidates."""
    prompts: list[str]
    """The prompts that showed the spike; of experts also `window 24`, … of the text."""
    extreme_pair: ExtremePair | MISSING = MISSING
    """The pair of independent maxima, when a spike was seen."""
    found_by: list[Screen]
    """The screens that found it."""
    gradient_score: Number | MISSING = MISSING
    """Root mean square over windows of −w·∂loss/∂w, nats per token; absent when the screen did not run."""
    gradient_rank: int | MISSING = MISSING
    """Rank of the score over all examined scalars, 0 = largest."""
    predicted_delta_loss: Number | MISSING = MISSING
    """Mean over windows of −w·∂loss/∂w, nats per token: a direction, not a size."""
    published: bool
    """Whether the coordinate is published for this checkpoint (arXiv 2411.07191, Table 2)."""
    confirmation: Confirmation | MISSING = MISSING
    """What removal does; absent with --no-confirm."""
    moe: MoeBlock | MISSING = MISSING
    """Routing and causal scores; absent where the site is no routed expert."""


class SiteExtremes(Part):
    """Extremes of one down projection in one iteration, over prompts (of experts: the one with the largest output)."""

    layer: int
    """Index of the layer."""
    module: str
    """Path of the module that owns the weight."""
    site: SiteKind
    """What the down projection belongs to."""
    expert: int | None
    """Number of the expert."""
    prompt: int
    """Index of the prompt of the largest |output|; behind the prompts the routing windows follow."""
    input_value: Number
    """x at its extreme."""
    input_channel: int
    """Its channel."""
    input_position: int
    """Its token position."""
    output_value: Number
    """y at its extreme."""
    output_channel: int
    """Its channel."""
    output_position: int
    """Its token position."""
    attributed_col: int
    """Input channel with the largest |W[r, c]·x[t, c]| for the output's extreme."""
    weight: Number
    """W[output_channel, attributed_col]."""
    share: Number
    """Share of that term in the output (without bias)."""
    added_value: Number
    """Largest |.| of what the MLP adds to the residual stream, signed."""
    residual_median: Number
    """Median over tokens and channels of |residual| after the layer."""
    spikes: bool
    """Whether the threshold's rule holds here."""


class Iteration(Part):
    """One round of the spike screen: every site's extremes with the earlier candidates zeroed."""

    number: int
    """From 1."""
    layers: list[SiteExtremes]
    """One row a site, in the order of the forward pass."""
    new_candidates: list[str]
    """Coordinates found in this round."""


class NearMiss(Part):
    """A site whose extremes both pass half the threshold, but not the threshold."""

    layer: int
    """Index of the layer."""
    module: str
    """Path of the module that owns the weight."""
    expert: int | None
    """Number of the expert; null where the site is no expert."""
    input_value: Number
    """x at its extreme."""
    output_value: Number
    """y at its extreme."""


class Coverage(Part):
    """What was examined."""

    text: str
    """For people: `examined 30/30 MLP sites`."""
    n_sites: int
    """Down projections that the model has, each expert counted."""
    n_examined: int
    """Of these, those whose extremes were measured."""
    n_experts: int
    """Experts among the sites."""
    n_experts_examined: int
    """Experts that at least one token reached and that the floor of p_active lets through."""
    n_layers: int
    """Layers of the model."""
    not_examined: list[str]
    """Sites that were not examined, with the reason."""


class Threshold(Part):
    """The rule of the spike screen."""

    rule: Literal["absolute", "auto"]
    """`absolute`: both extremes pass `value`; `auto`: massive against the residual stream."""
    value: Number | MISSING = MISSING
    """The absolute threshold."""
    origin: Origin = "default"
    """Where it was set."""
    largest_activation: Number
    """Largest min(|input|, |output|) over sites in the first iteration: how near the model came."""
    auto_candidates: list[str]
    """What the `auto` rule would find in the first pass."""


class DetectionResult(Record):
    """Everything that one detection of one model found, saw and used."""

    record: Literal["DetectionResult"] = "DetectionResult"
    model: str
    """The model as it was named."""
    revision: str | None
    """The hub's commit; null for local files."""
    weights_fingerprint: str
    """sha256 over configuration and weight files (names, sizes, headers, ends)."""
    architecture: str
    """The model's type and layout, e.g. `llama (dense, 30 layers)`."""
    norm: Literal["LayerNorm", "RMSNorm"] | MISSING = MISSING
    """What the model's last norm does, measured: `LayerNorm` subtracts the mean. Absent where no norm was found."""
    dtype: str
    """Type of the weights in memory."""
    config: dict[str, JsonValue]
    """The choices of the detection, by option name."""
    screens: list[Screen]
    """The screens that ran."""
    screens_skipped: dict[str, str]
    """Screens that were asked for and could not run, with the reason."""
    threshold: Threshold
    """The rule of the spike screen."""
    prompts: list[str]
    """The prompts of the spike screen."""
    iterations: list[Iteration]
    """Rounds of the spike screen."""
    coverage: Coverage
    """What was examined."""
    near_misses: list[NearMiss]
    """Sites that came near the threshold, at most 10."""
    super_weights: list[SuperWeight]
    """All candidates by falling delta_loss (without confirmation: spikes as found, then gradient scores)."""
    routing: list[LayerRouting] | MISSING = MISSING
    """One entry a layer with routed experts; absent where there are none."""
    baseline_loss: Number | MISSING = MISSING
    """Loss of the intact model on the confirmation windows, nats per token."""
    combined_delta_loss: Number | MISSING = MISSING
    """Delta of removing all confirmed ones together; absent when there is none."""
    dataset: str | MISSING = MISSING
    """Text behind the gradient screen and the confirmation."""
    dataset_fingerprint: str | MISSING = MISSING
    """sha256 of that text."""
    notes: list[str]
    """What a reader should know: fallbacks, clamped windows."""
    timings: dict[str, FiniteFloat]
    """Seconds by phase."""
    environment: dict[str, str]
    """Device, number of threads, platform and versions."""
    run: RunHeader | MISSING = MISSING
    """How the run was made; absent in records made through the Python API."""
