"""What a detection knows of a model's routed experts, as records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from swa.detection.extremes import Attribution
from swa.detection.moe.causal import CausalScore
from swa.detection.moe.co_spike import Watched
from swa.detection.moe.routing_statistics import LayerStatistics
from swa.detection.spikes import Spike
from swa.engine.capture.routing import Gate
from swa.models.discovery.sites import Site
from swa.models.unit import Address
from swa.schemas.moe import LayerRouting, MoeBlock


@dataclass(frozen=True)
class ExpertFindings:
    """Findings about routed experts.

    Attributes:
        routing: Statistics of the routed layers.
        outputs: Largest |output| of every expert seen.
        super_experts: Those that are super experts.
        watched: What the texts show of candidates that only the gradient screen found.
    """

    routing: Sequence[LayerStatistics]
    outputs: Mapping[Site, float]
    super_experts: frozenset[Site]
    watched: Mapping[Address, Watched]

    def values(self, address: Address) -> Attribution | None:
        """Values of a candidate that did not spike, at the token where |w·x| is largest."""
        return self.watched[address].attribution

    def block(self, address: Address, spike: Spike | None) -> MoeBlock:
        """Everything about one candidate's expert."""
        site = address.site
        expert = site.expert or 0
        layer = next(statistics for statistics in self.routing if site in statistics.layer.experts)
        values, gate, co_spike = self._at_its_token(address, spike)
        optional: dict[str, Any] = {}
        if values is not None:
            optional |= {"share": values.share, "co_spike_score": co_spike}
            if values.output_position < len(layer.position_entropies):
                optional["position_entropy"] = layer.position_entropies[values.output_position]
        if gate is not None:
            optional |= {"gate_weight": gate.weight, "expert_rank": gate.rank}
        return MoeBlock(
            p_active=layer.p_active(expert),
            n_routed_tokens=int(layer.n_routed[expert]),
            positions=layer.positions(expert),
            routing_entropy=layer.entropy,
            super_expert=site in self.super_experts,
            **optional,
        )

    def _at_its_token(
        self, address: Address, spike: Spike | None
    ) -> tuple[Attribution | None, Gate | None, float | None]:
        if spike is not None:
            return spike.attribution, spike.gate, spike.co_spike
        seen = self.watched[address]
        return seen.attribution, seen.gate, seen.co_spike

    def layers(self) -> list[LayerRouting]:
        """One record a routed layer."""
        return [self._layer(statistics) for statistics in self.routing]

    def _layer(self, seen: LayerStatistics) -> LayerRouting:
        by_number = {site.expert or 0: site for site in seen.layer.experts}
        n_experts = len(seen.n_routed)
        return LayerRouting(
            layer=seen.layer.layer,
            module=seen.layer.module,
            n_experts=n_experts,
            n_selected=seen.k,
            n_samples=seen.n_samples,
            n_tokens=seen.n_tokens,
            n_routed_tokens=seen.n_routed.tolist(),
            p_active=[seen.p_active(expert) for expert in range(n_experts)],
            routing_entropy=seen.entropy,
            position_entropy=seen.position_entropies,
            position_entropy_bound=seen.entropy_bound,
            load_max_over_mean=seen.max_over_mean,
            load_variation=seen.variation,
            largest_output=[self.outputs.get(by_number[expert], 0.0) for expert in range(n_experts)],
            super_experts=[expert for expert in range(n_experts) if by_number[expert] in self.super_experts],
        )


def with_causes(block: MoeBlock, score: CausalScore) -> MoeBlock:
    """A block with the causal scores that were measured."""
    fields = {
        "impact_natural": score.impact_natural,
        "impact_interventional": score.impact_interventional,
        "causal_agreement": score.agreement(block.p_active),
        "energy_reduction": score.energy_reduction,
        "stopword_skew": score.stopword_skew,
    }
    return block.model_copy(update={name: value for name, value in fields.items() if value is not None})
