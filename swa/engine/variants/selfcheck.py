"""Is the shortcut exact for this model? Asked once for every layer at which variants start, and kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import torch

from swa.engine.variants.batch import TokenBatch
from swa.engine.variants.interventions import ScaleEntries, Variant
from swa.engine.variants.readout import ReadOut
from swa.engine.variants.recording import answered, recorded
from swa.models.loading.loaded import LoadedModel

N_TOKENS = 48
"""Tokens of the check: enough for sliding windows of small models, cheap beside a batch."""

MISSING_STATE = (RuntimeError, LookupError, AttributeError, TypeError, ValueError)
"""How a model fails whose later layers need what earlier ones leave behind (shared keys and values)."""


@dataclass
class Checked:
    """What has been found out about a model by running it; several plans may share it.

    Attributes:
        readout: Reads its logits, and knows whether its head can be run alone.
        exact: By number of layer calls: whether so many can be answered.
        layerwise: Whether variants can go through the layers together; `None` while that is not known.
        told: Sentences about what cannot be shared that a user has been told: each once.
    """

    readout: ReadOut
    exact: dict[int, bool] = field(default_factory=dict)
    layerwise: bool | None = None
    told: set[str] = field(default_factory=set)


def shortcut_is_exact(
    loaded: LoadedModel,
    variant: Variant,
    first: int,
    *,
    batch: TokenBatch,
    layers: Sequence[Any],
    editing: Callable[[Sequence[ScaleEntries]], AbstractContextManager[None]],
) -> bool:
    """Compare an edited forward with and without answered layer calls.

    The edits are the variant's, widened to whole rows, so that they act even where a single scalar would not. They
    must agree to the bit in float32 on the CPU, elsewhere to 1e-5 of the edit's effect.

    Args:
        loaded: The model.
        variant: A variant that starts at `first`.
        first: Number of layer calls to answer.
        batch: Tokens; a short piece of the first row is used.
        layers: The model's layers.
        editing: How weights are edited.
    """
    ids = batch.input_ids[:1, :N_TOKENS]
    # recomputed rows are fixed by the plan: there the variant's own edits have to do
    edits = variant.interventions if loaded.offloaded else tuple(_whole_row(edit) for edit in variant.interventions)

    def forward() -> torch.Tensor:
        logits: torch.Tensor = loaded.model(input_ids=ids, use_cache=False).logits
        return logits.float()

    with recorded(layers) as calls, editing(()):
        baseline = forward()
    with editing(edits):
        plain = forward()
        with answered(layers, calls[:first]):
            try:
                shared = forward()
            except MISSING_STATE:
                return False
    if loaded.dtype == torch.float32 and loaded.device.type == "cpu":
        return torch.equal(plain, shared)
    effect = (plain - baseline).abs().amax()
    return bool((plain - shared).abs().amax() <= 1e-5 * effect)


def _whole_row(edit: ScaleEntries) -> ScaleEntries:
    return ScaleEntries(edit.site, edit.row, None, 0.0) if edit.row is not None else edit
