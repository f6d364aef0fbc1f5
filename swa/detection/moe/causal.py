"""What an expert's scalar costs as tokens are routed, and what it would cost if every token met it.

See docs/moe.md#forced-routing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import torch
from torch import Tensor

from swa.detection.moe.proxies import Energy, EnergyReader, LossAndMass, LossAndMassReducer
from swa.engine.capture.forcing import ForcedRouting
from swa.engine.ledger import Item, Ledger, Round, Rounds
from swa.engine.measures.losses import WindowLosses, by_variant, loss_answer, loss_arrays, window_losses
from swa.engine.measures.reducers import LossReducer
from swa.engine.variants.batch import TokenBatch
from swa.engine.variants.interventions import ScaleEntries, Variant
from swa.engine.variants.items import VariantItems
from swa.engine.variants.plan import ForwardPlan, Measured
from swa.engine.variants.readout import ReadOut
from swa.engine.variants.selfcheck import Checked
from swa.models.loading.loaded import LoadedModel
from swa.models.routing.layers import RoutedLayer
from swa.models.unit import Address
from swa.progress import Progress
from swa.store.ledger import Answer

N_CAUSAL_WINDOWS = 4
"""Windows of held-out text: the first ones of the confirmation."""
MIN_EXPECTED = 1e-6
"""Below this |p_active · impact_interventional|, nats, the agreement of the impacts means nothing."""


@dataclass(frozen=True)
class CausalScore:
    """Effects of removing one scalar of an expert; losses in nats per token, removed minus intact.

    Attributes:
        impact_natural: Routing free.
        impact_interventional: Every token sent to the expert in both arms; `None` where its layer cannot be forced.
        energy_reduction: Mean over tokens of h[row]² after the layer, before − after; `None` where the layer returns
            no such channel.
        stopword_skew: Change of the mean probability mass on function words; `None` where the
            vocabulary has none.
    """

    impact_natural: float
    impact_interventional: float | None
    energy_reduction: float | None
    stopword_skew: float | None

    def agreement(self, p_active: float) -> float | None:
        """impact_natural / (p_active · impact_interventional), `None` where that would be 0/0."""
        if self.impact_interventional is None:
            return None
        expected = p_active * self.impact_interventional
        return None if abs(expected) < MIN_EXPECTED else self.impact_natural / expected


@dataclass(frozen=True)
class _Arms:
    """Scalars that are removed one by one, routing free or with every token sent to one expert.

    Attributes:
        addresses: The scalars.
        layer: The layer that is forced, `None` where routing is free.
        expert: The expert that it is forced to.
    """

    addresses: tuple[Address, ...]
    layer: RoutedLayer | None = None
    expert: int = 0


@dataclass(frozen=True)
class CausalMeter:
    """Measures removals under natural and forced routing.

    Attributes:
        loaded: The model.
        layers: Its routed layers.
        batches: Held-out text: the first `N_CAUSAL_WINDOWS` windows of the confirmation.
        stopword_ids: `(n,)` ids of function words, `None` where the vocabulary has none.
        progress: Where fallbacks are told.
        ledger: Where answers are kept.
        factor: What scalars are multiplied with: 0 removes, 1 changes nothing.
    """

    loaded: LoadedModel
    layers: Sequence[RoutedLayer]
    batches: Sequence[TokenBatch]
    stopword_ids: Tensor | None
    progress: Progress
    ledger: Ledger
    factor: float = 0.0

    def measure(self, addresses: Sequence[Address]) -> Rounds[dict[Address, CausalScore]]:
        """Scores of scalars of experts: one round."""
        arms = [_Arms(tuple(addresses)), *self._forced(addresses)]
        measured = [self._measured(one) for one in arms]
        yield Round("Causal scores", self._items(arms, measured))
        natural, *forced = (one.answers(self.ledger) for one in measured)
        interventional: dict[Address, float] = {}
        for one, answers in zip(arms[1:], forced, strict=True):
            interventional |= zip(one.addresses, _deltas(answers), strict=True)
        return self._scores(addresses, natural, interventional)

    def _forced(self, addresses: Sequence[Address]) -> list[_Arms]:
        """What is removed while an expert gets every token, by expert; some layers cannot be forced."""
        groups: dict[tuple[RoutedLayer, int], list[Address]] = {}
        for address in addresses:
            layer = next(layer for layer in self.layers if address.site in layer.experts)
            if layer.point is not None:
                groups.setdefault((layer, address.site.expert or 0), []).append(address)
        return [_Arms(tuple(group), *forced) for forced, group in groups.items()]

    def _measured(self, arms: _Arms) -> VariantItems:
        variants = self._variants(arms)
        if arms.layer is not None:
            return VariantItems("losses", self.loaded, self.batches, variants)
        ids = None if self.stopword_ids is None else self.stopword_ids.tolist()
        return VariantItems("causal", self.loaded, self.batches, variants, {"stopwords": ids})

    def _items(self, arms: Sequence[_Arms], measured: Sequence[VariantItems]) -> list[Item]:
        checked = Checked(ReadOut(self.loaded))  # the layers are the same under forced routing: what is known holds

        @lru_cache(maxsize=1)  # only the latest plan stays: each holds the intact model's layers
        def plan(number: int) -> ForwardPlan:
            return ForwardPlan(self.loaded, measured[number].variants, progress=self.progress, known=checked)

        natural, *forced = (partial(plan, number) for number in range(len(measured)))
        names = dict(zip(map(str, range(len(arms[0].addresses))), arms[0].addresses, strict=True))
        reducer, reader = LossAndMassReducer(self.stopword_ids), EnergyReader(self.loaded, names)
        items = measured[0].items(natural, reducer, _causal_answer, reader=reader)
        for planned, one in zip(forced, measured[1:], strict=True):
            items += one.items(planned, LossReducer(), loss_answer)
        return items

    def _variants(self, arms: _Arms) -> list[Variant]:
        under = () if arms.layer is None else (ForcedRouting(arms.layer, arms.expert),)
        edits = [ScaleEntries(*address, factor=self.factor) for address in arms.addresses]
        return [Variant(str(number), (edit,), under=under) for number, edit in enumerate(edits)]

    def _scores(
        self,
        addresses: Sequence[Address],
        answers: Sequence[Sequence[Answer]],
        interventional: Mapping[Address, float],
    ) -> dict[Address, CausalScore]:
        """Scores from the answers under free routing."""
        mass = torch.from_numpy(by_variant(answers, "mass"))
        n_targets = window_losses(answers)[0].n_targets.sum()
        deltas, energies = _deltas(answers), _energies(answers)
        scores = {}
        for number, address in enumerate(addresses):
            skew = float((mass[1 + number] - mass[0]).sum() / n_targets)
            energy = energies[number]
            scores[address] = CausalScore(
                impact_natural=deltas[number],
                impact_interventional=interventional.get(address),
                energy_reduction=energy.reduction if energy.n_tokens else None,
                stopword_skew=None if self.stopword_ids is None else skew,
            )
        return scores


def _causal_answer(measured: Sequence[Measured[LossAndMass]]) -> Answer:
    """`mass` `(1 + n_variants, n_rows)` beside the losses, and `energy` `(n_variants, 3)`, as in `Energy`."""
    results = [one.result for one in measured]
    return Answer(
        arrays=loss_arrays([one.loss for one in results])
        | {
            "mass": torch.stack([one.mass for one in results]).numpy(),
            "energy": np.array([one.seen for one in measured[1:]], dtype=np.float64),
        }
    )


def _deltas(answers: Sequence[Sequence[Answer]]) -> list[float]:
    """Δ of every removal."""
    intact, *removed = window_losses(answers)
    return [WindowLosses(intact, one).delta for one in removed]


def _energies(answers: Sequence[Sequence[Answer]]) -> list[Energy]:
    """Energy of every removal over all batches."""
    by_batch = [np.concatenate([chunk.arrays["energy"] for chunk in of_batch]) for of_batch in answers]
    return [
        Energy.joined(Energy(float(before), float(after), int(n_tokens)) for before, after, n_tokens in parts)
        for parts in zip(*by_batch, strict=True)
    ]
