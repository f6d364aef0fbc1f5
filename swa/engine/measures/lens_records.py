"""Which layers are read through the lens, and what a record says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from swa.engine.measures.lens import READINGS, LensSums
from swa.errors import UsageError
from swa.schemas.cards import CascadeBlock

N_LAYERS = 8
"""Layers that are read by default."""


@dataclass(frozen=True)
class LayerChoice:
    """Which layers are read.

    Attributes:
        every: Each layer whose index is a multiple of it, and the last; `None` for another rule.
        layers: Exactly these; empty for another rule. Without both: at most 8 spread over the model.
    """

    every: int | None = None
    layers: tuple[int, ...] = ()

    def of(self, layer: int, n_layers: int) -> tuple[int, ...]:
        """The layers to read for a scalar of one layer, ascending.

        Args:
            layer: Layer of the scalar.
            n_layers: Layers of its stack.

        Raises:
            UsageError: The model has no such layer.
        """
        if self.layers:
            beyond = [number for number in self.layers if number >= n_layers]
            if beyond:
                raise UsageError(f"--layers names layer {beyond[0]}; the model has 0 to {n_layers - 1}.")
            return tuple(sorted(set(self.layers)))
        if self.every is not None:
            return tuple(sorted({*range(0, n_layers, self.every), n_layers - 1}))
        return _spread(layer, n_layers)


def _spread(layer: int, n_layers: int) -> tuple[int, ...]:
    """The layer before the scalar's, its own and the last, and evenly spaced ones (7-decisions D20)."""
    fixed = {max(0, layer - 1), layer, n_layers - 1}
    even = {round(i * (n_layers - 1) / (N_LAYERS - 1)) for i in range(N_LAYERS)} - fixed
    while len(fixed) + len(even) > N_LAYERS:
        # the one that tells least beside its neighbour
        even.remove(min(even, key=lambda number: (min(abs(number - other) for other in fixed), number)))
    return tuple(sorted(fixed | even))


@dataclass(frozen=True)
class CascadeReadings:
    """The readings of one removal by layer: means over positions, or over windows for the residual row.

    Attributes:
        block: What a card holds.
        delta_logit_margin: Logit margin, removed minus intact.
        residual_cosine: Cosine between both residual streams.
        residual_norm_ratio: Norm of the residual stream, removed over intact.
        h_row_baseline: |h[row]| at the spike's position, intact.
        h_row_removed: The same with the scalar removed.
    """

    block: CascadeBlock
    delta_logit_margin: list[float]
    residual_cosine: list[float]
    residual_norm_ratio: list[float]
    h_row_baseline: list[float]
    h_row_removed: list[float]


def cascade_readings(layers: Sequence[int], sums: LensSums) -> CascadeReadings:
    """Divide the sums of a pass by what they are sums of."""
    means = dict(zip(READINGS, (sums.readings.numpy() / sums.n_positions).T.tolist(), strict=True))
    h_row = np.asarray(sums.h_row / sums.n_windows)
    return CascadeReadings(
        block=CascadeBlock(
            layers=list(layers),
            delta_entropy=means["delta_entropy"],
            delta_margin=means["delta_margin"],
            kl=means["kl"],
        ),
        delta_logit_margin=means["delta_logit_margin"],
        residual_cosine=means["residual_cosine"],
        residual_norm_ratio=means["residual_norm_ratio"],
        h_row_baseline=h_row[:, 0].tolist(),
        h_row_removed=h_row[:, 1].tolist(),
    )
