"""What a record says of the layers that were read through the lens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from swa.engine.measures.lens import READINGS, LensSums
from swa.schemas.cards import CascadeBlock


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
