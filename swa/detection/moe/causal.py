"""What an expert's scalar costs as tokens are routed, and what it would cost if every token met it (7-decisions D7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from swa.detection.extremes import Address
from swa.detection.losses import WindowLosses
from swa.detection.moe.proxies import Energy, EnergyReader, LossAndMass, LossAndMassReducer
from swa.engine.capture.forcing import ForcedRouting
from swa.engine.variants.batch import TokenBatch
from swa.engine.variants.interventions import ScaleEntries, Variant
from swa.engine.variants.plan import ForwardPlan, Measured, joined
from swa.models.loading.loaded import LoadedModel
from swa.models.routing.layers import RoutedLayer
from swa.progress import Progress, Task

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
class CausalMeter:
    """Measures removals under natural and forced routing.

    Attributes:
        loaded: The model.
        layers: Its routed layers.
        batches: Held-out text: the first `N_CAUSAL_WINDOWS` windows of the confirmation.
        stopword_ids: `(n,)` ids of function words, `None` where the vocabulary has none.
        progress: Where the passes are counted.
        notes: Sentences about layers that could not be shared.
        factor: What scalars are multiplied with: 0 removes, 1 changes nothing.
    """

    loaded: LoadedModel
    layers: Sequence[RoutedLayer]
    batches: Sequence[TokenBatch]
    stopword_ids: Tensor | None
    progress: Progress
    notes: list[str]
    factor: float = 0.0

    def measure(self, addresses: Sequence[Address]) -> dict[Address, CausalScore]:
        """Scores of scalars of experts."""
        groups: dict[tuple[RoutedLayer, int], list[Address]] = {}
        for address in addresses:
            layer = next(layer for layer in self.layers if address[0] in layer.experts)
            if layer.point is not None:
                groups.setdefault((layer, address[0].expert or 0), []).append(address)
        n_runs = 1 + len(addresses) + sum(1 + len(group) for group in groups.values())
        forced: dict[Address, float] = {}
        with self.progress.task("Causal scores", len(self.batches) * n_runs) as task:
            names = _names(addresses)
            plan = ForwardPlan(self.loaded, self._variants(names), progress=self.progress)
            natural = self._natural(plan, names, task)
            for (layer, expert), group in groups.items():
                forced |= self._forced(plan, group, ForcedRouting(layer, expert), task)
        return {address: replace(natural[address], impact_interventional=forced.get(address)) for address in addresses}

    def _natural(self, plan: ForwardPlan, names: Mapping[str, Address], task: Task) -> dict[Address, CausalScore]:
        intact, *removed = self._run(plan, task, EnergyReader(self.loaded, names))
        n_targets = intact.result.loss.n_targets.sum()
        scores = {}
        for measured in removed:
            energy: Energy = measured.seen
            skew = float((measured.result.mass - intact.result.mass).sum() / n_targets)
            scores[names[measured.variant.name]] = CausalScore(
                impact_natural=WindowLosses(intact.result.loss, measured.result.loss).delta,
                impact_interventional=None,
                energy_reduction=energy.reduction if energy.n_tokens else None,
                stopword_skew=None if self.stopword_ids is None else skew,
            )
        return scores

    def _forced(
        self, natural: ForwardPlan, addresses: Sequence[Address], routing: ForcedRouting, task: Task
    ) -> dict[Address, float]:
        names = _names(addresses)
        variants = [replace(variant, under=(routing,)) for variant in self._variants(names)]
        # the layers are the same, so what is known of sharing holds here too
        plan = ForwardPlan(self.loaded, variants, progress=self.progress, known=natural.checked)
        intact, *removed = self._run(plan, task)
        return {
            names[measured.variant.name]: WindowLosses(intact.result.loss, measured.result.loss).delta
            for measured in removed
        }

    def _variants(self, names: Mapping[str, Address]) -> list[Variant]:
        return [Variant(name, (ScaleEntries(*address, factor=self.factor),)) for name, address in names.items()]

    def _run(self, plan: ForwardPlan, task: Task, reader: EnergyReader | None = None) -> list[Measured[LossAndMass]]:
        """The intact model, then every variant, over all batches."""
        reducer = LossAndMassReducer(self.stopword_ids)
        parts = [plan.measure(batch, reducer, reader=reader, advance=task.advance) for batch in self.batches]
        self.notes.extend(sentence for sentence in plan.fallbacks if sentence not in self.notes)
        return [joined(same, reducer, reader) for same in zip(*parts, strict=True)]


def _names(addresses: Sequence[Address]) -> dict[str, Address]:
    """Names of variants."""
    return {str(number): address for number, address in enumerate(addresses)}
