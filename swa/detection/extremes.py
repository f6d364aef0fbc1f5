"""Where the inputs and outputs of one down projection are largest, and which weight is behind it.

See docs/methods.md#spike-screen.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from swa.engine.capture.capture import Activations, SiteActivation
from swa.models.discovery.sites import Site

ABSOLUTE_FLOOR = 100.0
"""`auto`: what the MLP adds must exceed this (Sun et al., arXiv 2402.17762, massive activations)."""
MEDIAN_FACTOR = 1000.0
"""`auto`: … and this many times the median |residual|."""


@dataclass(frozen=True)
class Extremes:
    """Extremes of one site on one prompt.

    Attributes:
        site: The down projection.
        prompt: Index of the prompt.
        input_value: x at the largest |x| over tokens and channels.
        input_channel: Its channel.
        input_position: Its token.
        output_value: y at the largest |y|.
        output_channel: Its channel `r`.
        output_position: Its token `t*`.
        spike: Attribution of that output.
        added: The same for what the MLP adds to the residual stream, where such a sum was seen.
        residual_median: Median over tokens and channels of |residual| after the layer.
    """

    site: Site
    prompt: int
    input_value: float
    input_channel: int
    input_position: int
    output_value: float
    output_channel: int
    output_position: int
    spike: Attribution
    added: Attribution
    residual_median: float

    def passes(self, threshold: float | None) -> bool:
        """Whether the layer spikes: both extremes above `threshold`, or for `None` the scale-free rule."""
        if threshold is None:
            added = abs(self.added.added_value)
            return added > ABSOLUTE_FLOOR and added > MEDIAN_FACTOR * self.residual_median
        return abs(self.input_value) > threshold and abs(self.output_value) > threshold

    def candidate(self, threshold: float | None) -> Attribution:
        """The attribution that the rule points to."""
        return self.added if threshold is None else self.spike


@dataclass(frozen=True)
class Attribution:
    """The weight that carries most of one output value.

    Attributes:
        row: Output channel.
        col: Input channel with the largest |W[row, c]·x[t, c]|.
        weight: W[row, col].
        input_value: x[t, col].
        output_value: y[t, row].
        input_position: Token where |x[:, col]| is largest.
        output_position: Token `t`.
        share: W[row, col]·x[t, col] / (y[t, row] − bias).
        added_value: What the MLP adds to the residual stream at (t, row); y itself where no such sum was seen.
    """

    row: int
    col: int
    weight: float
    input_value: float
    output_value: float
    input_position: int
    output_position: int
    share: float
    added_value: float


def find_extremes(site: Site, activations: Activations, weight: Tensor, *, prompt: int) -> Extremes:
    """The extremes of a site that at least one token reached.

    Args:
        site: The down projection.
        activations: One forward pass.
        weight: `W`, `(d_model, d_ff)`.
        prompt: Index of the text in that pass.
    """
    activation = activations.sites[site]
    x, y = activation.x.float(), activation.y.float()
    input_row, input_channel = _argmax(x.abs())
    output_row, output_channel = _argmax(y.abs())
    spike = attribute(activation, weight, row_index=output_row, channel=output_channel)
    added = spike
    if activation.added is not None:
        token, channel = _argmax(activation.added.float().abs())
        rows = (activation.tokens == token).nonzero()
        if len(rows):  # otherwise another expert's token
            added = attribute(activation, weight, row_index=int(rows[0]), channel=channel)
    return Extremes(
        site=site,
        prompt=prompt,
        input_value=float(x[input_row, input_channel]),
        input_channel=input_channel,
        input_position=int(activation.tokens[input_row]),
        output_value=float(y[output_row, output_channel]),
        output_channel=output_channel,
        output_position=int(activation.tokens[output_row]),
        spike=spike,
        added=added,
        residual_median=activations.residual_median(site),
    )


def attribute(activation: SiteActivation, weight: Tensor, *, row_index: int, channel: int) -> Attribution:
    """Which weight carries `y[row_index, channel]`; terms are taken in float32."""
    terms = weight[channel].float() * activation.x[row_index].float()
    return describe(activation, weight, row_index=row_index, channel=channel, col=int(terms.abs().argmax()))


def describe(activation: SiteActivation, weight: Tensor, *, row_index: int, channel: int, col: int) -> Attribution:
    """What one weight contributes to `y[row_index, channel]`."""
    x = float(activation.x[row_index, col])
    y = float(activation.y[row_index, channel])
    bias = 0.0 if activation.bias is None else float(activation.bias.reshape(-1)[channel])
    token = int(activation.tokens[row_index])
    added = activation.added
    scalar = float(weight[channel, col])
    without_bias = y - bias
    return Attribution(
        row=channel,
        col=col,
        weight=scalar,
        input_value=x,
        output_value=y,
        input_position=int(activation.tokens[int(activation.x[:, col].float().abs().argmax())]),
        output_position=token,
        share=scalar * x / without_bias if without_bias else float("nan"),
        added_value=y if added is None else float(added[token, channel]),
    )


def _argmax(values: Tensor) -> tuple[int, int]:
    position = int(torch.argmax(values))
    return position // values.shape[1], position % values.shape[1]
