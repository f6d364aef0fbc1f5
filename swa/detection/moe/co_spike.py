"""Whether the input and the output channel of a scalar spike on the same tokens (docs/moe.md#co-spike-score)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from swa.detection.activations import watch
from swa.detection.extremes import Attribution, describe
from swa.engine.capture.routing import Gate, gate_at
from swa.models.loading.loaded import LoadedModel
from swa.models.loading.weights import matrix_of
from swa.models.routing.layers import RoutedLayer
from swa.models.unit import Address

EPSILON = 1e-12


@dataclass
class Watched:
    """What one scalar of an expert does on several texts.

    Attributes:
        attribution: At the token of all texts where |W[row, col]·x[t, col]| is largest.
        text: Number of that token's text.
        gate: How that token is sent to the expert.
        products: Σ_t |x_tc·y_tr| over the tokens of the expert.
        x_squares: Σ x² over these tokens and all channels.
        y_squares: The same of y.
    """

    attribution: Attribution | None = None
    text: int = 0
    gate: Gate | None = None
    products: float = 0.0
    x_squares: float = 0.0
    y_squares: float = 0.0

    @property
    def co_spike(self) -> float:
        """S(r, c) = Σ_t |x_tc·y_tr| / (‖X‖_F·‖Y‖_F + ε), in [0, 1]."""
        return min(1.0, self.products / (math.sqrt(self.x_squares * self.y_squares) + EPSILON))


def watch_scalars(
    loaded: LoadedModel, addresses: Sequence[Address], texts: Sequence[Tensor], *, layers: Sequence[RoutedLayer]
) -> dict[Address, Watched]:
    """Watch scalars of experts on all texts, one forward pass each.

    Args:
        loaded: The model, as it is now: removed scalars stay removed.
        addresses: Sites, rows and columns.
        texts: Token ids `(1, n_tokens)`.
        layers: The routed layers of the model.
    """
    sites = list(dict.fromkeys(address.site for address in addresses))
    ours = [layer for layer in layers if layer.point is not None and not set(layer.experts).isdisjoint(sites)]
    layer_of = {site: layer for layer in ours for site in layer.experts}
    watched = {address: Watched() for address in addresses}
    for number, ids in enumerate(texts if watched else ()):
        activations, routing = watch(loaded, sites, ids, ours)
        for address, sums in watched.items():
            site, row, col = address
            activation = activations.sites.get(site)
            if activation is None:
                continue
            x, y = activation.x.float(), activation.y.float()
            sums.products += float((x[:, col] * y[:, row]).abs().sum())
            sums.x_squares += float(x.square().sum())
            sums.y_squares += float(y.square().sum())
            loudest = int(x[:, col].abs().argmax())
            largest = sums.attribution
            if largest is None or abs(float(x[loudest, col])) > abs(largest.input_value):
                matrix = matrix_of(loaded.model, site)
                sums.attribution = describe(activation, matrix, row_index=loudest, channel=row, col=col)
                sums.text = number
                if site in layer_of:
                    sums.gate = gate_at(
                        routing[layer_of[site]],
                        site.expert or 0,
                        sums.attribution.output_position,
                        n_tokens=ids.shape[1],
                    )
    return watched
