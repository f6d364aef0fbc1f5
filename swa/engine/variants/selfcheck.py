"""Is the shortcut exact for this model? Asked once for every layer at which variants start, and kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from swa.engine.variants.batch import TokenBatch
from swa.engine.variants.interventions import Intervention, Variant, applied, repeated
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
    under: Sequence[Intervention],
) -> bool:
    """Compare a changed forward with and without answered layer calls.

    The interventions are the variant's, widened, so that they act even where a single scalar would not. The forwards
    must agree to the bit in float32 on the CPU, elsewhere to 1e-5 of the interventions' effect.

    Args:
        loaded: The model.
        variant: A variant that starts at `first`.
        first: Number of layer calls to answer.
        batch: Tokens; a short piece of the first row is used.
        layers: The model's layers.
        under: What acts in the intact model and in the variant.
    """
    ids = batch.input_ids[:1, :N_TOKENS]
    widened = [one.widened(loaded) for one in variant.interventions]

    def forward() -> torch.Tensor:
        logits: torch.Tensor = loaded.model(input_ids=ids, use_cache=False).logits
        return logits.float()

    with applied(loaded, under), recorded(layers) as calls:
        baseline = forward()
    with applied(loaded, (*repeated(under), *widened)):
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
