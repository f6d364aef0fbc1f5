"""How much smaller the residual stream's largest value becomes after a layer when a scalar is removed there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from swa.detection.extremes import Address
from swa.detection.spikes import SpikeScreen
from swa.engine.measures.reducers import LogitsChunk
from swa.engine.variants.batch import TokenBatch
from swa.engine.variants.interventions import ScaleEntries, Variant
from swa.engine.variants.plan import ForwardPlan
from swa.engine.variants.readout import ReadOut
from swa.engine.variants.recording import LayerCall
from swa.engine.variants.selfcheck import Checked
from swa.models.discovery.dataflow import tensors_in
from swa.models.loading.loaded import LoadedModel


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
    by_text: dict[int, list[Address]] = {}
    for address in addresses:
        spike = screen.found.get(address)
        by_text.setdefault(spike.prompts[0] if spike else 0, []).append(address)
    result: dict[Address, float] = {}
    checked = Checked(ReadOut(loaded))
    for number, some in by_text.items():
        removals = {Variant(str(i), (ScaleEntries(*address),)): address for i, address in enumerate(some)}
        plan = ForwardPlan(loaded, list(removals), known=checked)
        measured = plan.measure(_unscored(texts[number]), _Nothing(), reader=_PeakReader(loaded, removals))
        result |= {removals[one.variant]: one.seen for one in measured[1:] if one.seen is not None}
    return result


class _PeakReader:
    """Reads the largest |residual| after a removal's layer, over that of the intact model."""

    def __init__(self, loaded: LoadedModel, removals: Mapping[Variant, Address]) -> None:
        sites = {variant: address[0] for variant, address in removals.items()}
        self._layers = {
            variant: loaded.model.get_submodule(f"{site.stack}.{site.layer}") for variant, site in sites.items()
        }

    def wants(self, _variant: Variant) -> bool:
        """All removals."""
        return True

    def read(
        self, variant: Variant, intact: Sequence[LayerCall], calls: Sequence[LayerCall], _batch: TokenBatch
    ) -> float | None:
        """See `LayerReader.read`; `None` where the layer returns no residual stream."""
        before, after = (
            next((_peak(call) for call in some if call.layer is self._layers[variant]), 0.0) for some in (intact, calls)
        )
        return after / before if before > 0 else None

    def join(self, parts: Sequence[float | None]) -> float | None:
        """A text is one row, so there is one part."""
        return parts[0]


def _peak(call: LayerCall) -> float:
    tensors = [tensor for tensor in tensors_in(call.output) if tensor.is_floating_point()]
    return float(tensors[0].float().abs().max()) if tensors else 0.0


class _Nothing:
    """Keeps nothing of the logits; they are made all the same."""

    def reduce(self, chunks: Iterable[LogitsChunk], batch: TokenBatch) -> int:
        """Number of logits read."""
        return sum(len(chunk.logits) for chunk in chunks)

    def join(self, parts: Sequence[int]) -> int:
        """That of several batches."""
        return sum(parts)


def _unscored(text: Tensor) -> TokenBatch:
    """A text of which one prediction is read, since a pass is read somewhere."""
    place = torch.zeros(1, dtype=torch.int64)
    return TokenBatch(text.cpu(), rows=place, positions=place, targets=place)
