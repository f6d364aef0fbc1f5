"""Record of `swa cascade`."""

from __future__ import annotations

from typing import Literal

from pydantic import MISSING

from swa.schemas.base import Number, Record
from swa.schemas.cards import CascadeBlock
from swa.schemas.coordinate import SiteKind
from swa.schemas.run import RunHeader


class CascadeResult(Record):
    """How the removal of one scalar spreads through the layers, read out through the model's own final norm."""

    record: Literal["CascadeResult"] = "CascadeResult"
    model: str
    """The model as it was named."""
    layer: int
    """Index of the scalar's layer in its own list."""
    site: SiteKind
    """What the down projection belongs to."""
    expert: int | None
    """Number of the expert; null where the matrix is not a routed expert's."""
    row: int
    """Output channel = channel of the residual stream."""
    col: int
    """Input channel = MLP neuron."""
    module: str
    """Path of the module that owns the weight."""
    coordinate: str
    """Text form, such as L11.mlp.down_proj[507,1229]."""
    cascade: CascadeBlock
    """Entropy, top-2 margin and KL by layer; its `layers` are those of the lists below."""
    delta_logit_margin: list[Number]
    """Logit margin, removed minus baseline, by layer."""
    residual_cosine: list[Number]
    """Cosine between intact and removed residual stream, mean over positions, by layer."""
    residual_norm_ratio: list[Number]
    """Norm of the residual stream, removed over intact, by layer."""
    h_row_baseline: list[Number]
    """|h[row]| at the spike's position, intact, by layer."""
    h_row_removed: list[Number]
    """The same with the scalar removed."""
    run: RunHeader | MISSING = MISSING
    """How the run was made; absent in records made through the Python API."""
