"""Names of the figures of single neurons and super weights (docs/files.md#vocabulary-and-cascade)."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import MISSING

from swa.schemas.cards import NeuronCard, SuperWeightCard
from swa.schemas.cascade import CascadeResult
from swa.store.names import distinct_name

TENSORS = {"mlp_out": "mlp_out", "expert": "expert_out", "shared_expert": "shared_expert_out", "aux": "aux_out"}
"""Kind of a site → what its tensor is called in cards and names."""


def neuron_stem(card: NeuronCard, by_module: Sequence[str]) -> str:
    """`10-523`, of experts `3-e17-42`; what the figure shows is appended.

    Args:
        card: The neuron.
        by_module: Modules that must be named, because their layer has several.
    """
    expert = [] if card.expert is None else [f"e{card.expert}"]
    return "-".join([str(card.layer), *expert, str(card.neuron), *_module(card.module, by_module)])


def super_weight_stem(record: SuperWeightCard | CascadeResult, by_module: Sequence[str]) -> str:
    """`mlp_out-L10-R523-C768`, of experts `expert_out-e17-L3-R5-C9`; what the figure shows is appended.

    Args:
        record: The super weight.
        by_module: Modules that must be named, because their layer has several of their kind.
    """
    tensor = record.tensor if isinstance(record, SuperWeightCard) else TENSORS[record.site]
    expert = [] if record.expert is None else [f"e{record.expert}"]
    place = [f"L{record.layer}", f"R{record.row}", f"C{record.col}"]
    return "-".join([tensor, *expert, *place, *_module(record.module, by_module)])


def _module(module: str | MISSING, by_module: Sequence[str]) -> list[str]:
    if module is MISSING or module not in by_module:
        return []
    return [distinct_name(module.replace(".", "_"))]
