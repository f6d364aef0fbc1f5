"""The logit lens: what the residual stream after a layer would predict, for the intact model beside a variant.

The lens at a layer is the model's own forward in which the layers behind it return their input, so that merging of
streams, final norm, scale and softcap are the model's own; at the last layer it is the plain forward. See
docs/methods.md#cascade.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from swa.engine.measures.window_metrics import token_metrics
from swa.engine.variants.batch import TokenBatch
from swa.engine.variants.interventions import Variant
from swa.engine.variants.readout import ReadOut
from swa.engine.variants.recording import LayerCall, ended_after, hidden_of, layers_of
from swa.engine.variants.selfcheck import MISSING_STATE
from swa.errors import UnsupportedModelError
from swa.models.loading.loaded import LoadedModel

READINGS = ("delta_entropy", "delta_margin", "delta_logit_margin", "kl", "residual_cosine", "residual_norm_ratio")
"""Order of the columns of `LensSums.readings`."""
_SAME = (0.0, 0.0, 0.0, 0.0, 1.0, 1.0)
"""The readings where both models have the same residual stream, to the bit."""


class LensTarget(NamedTuple):
    """What is read of one variant.

    Attributes:
        stack: Path of the list whose layers are read.
        layers: Indices in that list.
        layer: Index of the layer that is edited.
        row: The residual channel of the edited scalar.
    """

    stack: str
    layers: tuple[int, ...]
    layer: int
    row: int


class LensSums(NamedTuple):
    """Sums over the reads and the windows of a batch.

    Attributes:
        readings: `(n_layers, 6)` float64: sums over positions, in the order of `READINGS`.
        n_positions: Number of positions.
        h_row: `(n_layers, 2)` float64: Σ over windows of |h[row]| at the spike's position, intact and edited.
        n_windows: Number of windows.
    """

    readings: Tensor
    n_positions: int
    h_row: Tensor
    n_windows: int


def joined_sums(parts: Sequence[LensSums]) -> LensSums:
    """The sums over several batches."""
    return LensSums(
        torch.stack([part.readings for part in parts]).sum(dim=0),
        sum(part.n_positions for part in parts),
        torch.stack([part.h_row for part in parts]).sum(dim=0),
        sum(part.n_windows for part in parts),
    )


class LensReader:
    """Reads variants through the lens; a `LayerReader` of the forward plan.

    Args:
        loaded: The model.
        targets: What to read of which variant.
    """

    def __init__(self, loaded: LoadedModel, targets: Mapping[Variant, LensTarget]) -> None:
        self._loaded = loaded
        self._targets = targets
        self._layers = layers_of(loaded.model)
        self._readout = ReadOut(loaded)
        self._no_words = torch.zeros(0, dtype=torch.int64)

    def wants(self, variant: Variant) -> bool:
        """See `LayerReader.wants`."""
        return variant in self._targets

    def read(
        self, variant: Variant, intact: Sequence[LayerCall], calls: Sequence[LayerCall], batch: TokenBatch
    ) -> LensSums:
        """See `LayerReader.read`.

        Raises:
            UnsupportedModelError: The layers of this model do not pass one residual stream on.
        """
        target = self._targets[variant]
        self._readout.check(batch)
        numbers = [_number_of(intact, self._module(target, layer)) for layer in target.layers]
        spike = self._residual(intact[_number_of(intact, self._module(target, target.layer))], batch)
        positions = spike[..., target.row].abs().argmax(dim=1)  # (n_windows,)
        windows = torch.arange(len(batch), device=positions.device)
        readings, h_row = [], []
        for number in numbers:
            before, after = (self._residual(each[number], batch) for each in (intact, calls))
            h_row.append([float(h[windows, positions, target.row].abs().double().sum()) for h in (before, after)])
            readings.append(self._readings(number, before, after, intact=intact, calls=calls, batch=batch))
        return LensSums(
            torch.tensor(readings, dtype=torch.float64),
            len(batch.rows),
            torch.tensor(h_row, dtype=torch.float64),
            len(batch),
        )

    def join(self, parts: Sequence[LensSums]) -> LensSums:
        """See `LayerReader.join`."""
        return joined_sums(parts)

    def _readings(
        self,
        number: int,
        before: Tensor,
        after: Tensor,
        *,
        intact: Sequence[LayerCall],
        calls: Sequence[LayerCall],
        batch: TokenBatch,
    ) -> list[float]:
        if torch.equal(before, after):
            return [value * len(batch.rows) for value in _SAME]
        one, other = (h[batch.rows, batch.positions].float() for h in (before, after))
        sums = [
            torch.zeros(4, dtype=torch.float64),
            torch.nn.functional.cosine_similarity(one, other, dim=-1).double().sum().cpu(),
            (other.norm(dim=-1) / one.norm(dim=-1)).double().sum().cpu(),
        ]
        states = [self._states(number, each, batch) for each in (intact, calls)]
        for left, right in zip(*(self._readout.logits(state, batch) for state in states), strict=True):
            targets = batch.targets[left.start : left.start + len(left.logits)]
            base, edited = (token_metrics(chunk.logits, targets, self._no_words) for chunk in (left, right))
            # with d = log p − log q: Σ p d = Σ p (d + e^−d − 1), of which no term is negative, so nothing cancels
            d = base.logits.sub_(edited.logits).sub_((base.lse - edited.lse)[:, None])
            kl = torch.expm1(-d).add_(d).mul_(base.p).sum(dim=-1)
            deltas = (
                edited.metrics.entropy - base.metrics.entropy,
                edited.metrics.topk_margin - base.metrics.topk_margin,
                edited.metrics.logit_margin - base.metrics.logit_margin,
                kl,
            )
            sums[0] += torch.stack(deltas).double().sum(dim=1).cpu()
        return [*sums[0].tolist(), float(sums[1]), float(sums[2])]

    def _states(self, number: int, calls: Sequence[LayerCall], batch: TokenBatch) -> Any:
        try:
            with ended_after(self._layers, calls, number + 1):
                return self._readout.states(batch)
        except MISSING_STATE as error:
            raise self._undefined() from error

    def _residual(self, call: LayerCall, batch: TokenBatch) -> Tensor:
        """`(n_windows, seq, width)`; several streams of a token are laid side by side."""
        hidden = hidden_of(call.output)
        if hidden.shape[:2] != batch.input_ids.shape:
            raise self._undefined()
        return hidden.flatten(2)

    def _undefined(self) -> UnsupportedModelError:
        return UnsupportedModelError(
            f"The logit lens is not defined for {type(self._loaded.model).__name__}: its layers do not hand one "
            "residual stream on.",
            hint="Leave the cascade out.",
        )

    def _module(self, target: LensTarget, layer: int) -> nn.Module:
        module: nn.Module = self._loaded.model.get_submodule(f"{target.stack}.{layer}")
        return module


def _number_of(calls: Sequence[LayerCall], layer: nn.Module) -> int:
    """Number of the last call of a layer: some models run their layers several times."""
    return max(number for number, call in enumerate(calls) if call.layer is layer)
