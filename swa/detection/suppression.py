"""How much smaller the residual stream's largest value becomes after a layer when a scalar is removed there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from swa.detection.extremes import Address
from swa.detection.spikes import SpikeScreen
from swa.engine.ablation import editing
from swa.engine.edits import Edit
from swa.models.flow import tensors_in
from swa.models.loaded import LoadedModel
from swa.models.partway import output_of
from swa.models.sites import Site


def spike_suppression(
    loaded: LoadedModel, addresses: Sequence[Address], screen: SpikeScreen, texts: Sequence[Tensor]
) -> dict[Address, float]:
    """Largest |residual| over tokens and channels after the candidate's layer, removed over intact.

    Args:
        loaded: The model.
        addresses: Candidates; a spike is measured on the first text that showed it, others on the first prompt.
        screen: The spike screen, for the texts of its candidates.
        texts: Token ids `(1, n_tokens)`: the prompts, and behind them the windows on which experts were watched.

    Returns:
        By address; layers that return no residual stream are missing.
    """
    intact: dict[tuple[str, int], float] = {}
    result: dict[Address, float] = {}
    for address in addresses:
        site = address[0]
        spike = screen.found.get(address)
        text = spike.prompts[0] if spike else 0
        place = (f"{site.stack}.{site.layer}", text)
        if place not in intact:
            intact[place] = _peak(loaded.model, site, texts[text])
        with editing(loaded, [Edit(*address)]):
            removed = _peak(loaded.model, site, texts[text])
        if intact[place] > 0:
            result[address] = removed / intact[place]
    return result


def _peak(model: Any, site: Site, input_ids: Tensor) -> float:
    """Largest |residual| after the site's layer; 0 where that returns none."""
    with torch.no_grad():
        output = output_of(model.get_submodule(f"{site.stack}.{site.layer}"), model, input_ids=input_ids)
    tensors = [t for t in tensors_in(output) if t.is_floating_point()]
    return float(tensors[0].float().abs().max()) if tensors else 0.0
