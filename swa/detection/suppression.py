"""How much smaller the residual stream's largest value becomes after a layer when a scalar is removed there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor

from swa.engine.ledger import Ledger, Round, Rounds
from swa.engine.measures.reducers import LogitsChunk
from swa.engine.variants.batch import TokenBatch
from swa.engine.variants.interventions import ScaleEntries, Variant
from swa.engine.variants.items import VariantItems
from swa.engine.variants.plan import ForwardPlan, Measured
from swa.engine.variants.readout import ReadOut
from swa.engine.variants.recording import LayerCall
from swa.engine.variants.selfcheck import Checked
from swa.models.discovery.dataflow import tensors_in
from swa.models.loading.loaded import LoadedModel
from swa.models.unit import Address
from swa.store.ledger import Answer


def spike_suppression(
    loaded: LoadedModel, shown_by: Mapping[Address, int], texts: Sequence[Tensor], ledger: Ledger
) -> Rounds[dict[Address, float]]:
    """Largest |residual| over tokens and channels after the candidate's layer, removed over intact: one round a text.

    Args:
        loaded: The model.
        shown_by: Candidates, and the number of the text on which each is measured.
        texts: Token ids `(1, n_tokens)`: the prompts, and behind them the windows on which experts were watched.
        ledger: Where answers are kept.

    Returns:
        By address; layers that return no residual stream are missing.
    """
    by_text: dict[int, list[Address]] = {}
    for address, number in shown_by.items():
        by_text.setdefault(number, []).append(address)
    result: dict[Address, float] = {}
    checked = Checked(ReadOut(loaded))
    for number, some in by_text.items():
        removals = {Variant(str(i), (ScaleEntries(*address),)): address for i, address in enumerate(some)}
        measured = VariantItems("suppression", loaded, [_unscored(texts[number])], list(removals))
        plan = partial(ForwardPlan, loaded, list(removals), known=checked)
        reader = _PeakReader(loaded, removals)
        yield Round("Suppression of spikes", measured.items(cache(plan), _Nothing(), _answer, reader=reader))
        (answers,) = measured.answers(ledger)
        ratios = [ratio for answer in answers for ratio in _ratios(answer)]
        result |= {address: ratio for address, ratio in zip(some, ratios, strict=True) if ratio is not None}
    return result


def _answer(measured: Sequence[Measured[int]]) -> Answer:
    return Answer({"ratios": [one.seen for one in measured[1:]]})


def _ratios(answer: Answer) -> list[float | None]:
    ratios: Any = answer.values["ratios"]
    return list(ratios)


class _PeakReader:
    """Reads the largest |residual| after a removal's layer, over that of the intact model."""

    def __init__(self, loaded: LoadedModel, removals: Mapping[Variant, Address]) -> None:
        sites = {variant: address.site for variant, address in removals.items()}
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
