"""How a layer's experts are used: shares, entropies, balance (docs/moe.md#routing-statistics)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from swa.engine.capture.routing import Routing, tokens_of
from swa.models.discovery.sites import Site
from swa.models.routing.layers import RoutedLayer
from swa.models.routing.routers import Selections


@dataclass(frozen=True)
class LayerStatistics:
    """Selections of one layer over several texts.

    Attributes:
        layer: The layer.
        n_samples: Texts.
        n_tokens: Their tokens; those of a layer that runs several times count each time.
        k: Experts that one token selects at most.
        n_routed: `(n_experts,)` int64: tokens that select each expert.
        by_position: `(n_positions, n_selectable)` int64: how often each expert is selected at each position. Beyond the
            experts with weights stand the model's own "no expert" (zero, identity and skipping experts).
    """

    layer: RoutedLayer
    n_samples: int
    n_tokens: int
    k: int
    n_routed: Tensor
    by_position: Tensor

    def p_active(self, expert: int) -> float:
        """Share of tokens that select an expert; over all experts the shares add up to at most k."""
        return int(self.n_routed[expert]) / self.n_tokens if self.n_tokens else 0.0

    def positions(self, expert: int) -> list[int]:
        """Positions at which an expert is selected in any text, ascending."""
        return [int(position) for position in self.by_position[:, expert].nonzero().flatten()]

    @property
    def entropy(self) -> float:
        """Entropy of all selections over the experts, nats; log(number of experts) where all are used alike."""
        return entropy_of(self.by_position.sum(dim=0))

    @property
    def position_entropies(self) -> list[float]:
        """Entropy of the selections at each position over the texts, nats."""
        return [entropy_of(counts) for counts in self.by_position]

    @property
    def entropy_bound(self) -> float:
        """The largest entropy that `n_samples` texts can show at a position: below log E it is biased downwards."""
        return math.log(max(1, min(self.by_position.shape[1], self.n_samples * self.k)))

    @property
    def max_over_mean(self) -> float:
        """Tokens of the most used expert over the mean of all; 1 where all are used alike, NaN where none is used."""
        n_routed = self.n_routed.double()
        return float(n_routed.max() / n_routed.mean())

    @property
    def variation(self) -> float:
        """Coefficient of variation of the tokens per expert: standard deviation (population form) over mean."""
        n_routed = self.n_routed.double()
        return float(n_routed.std(correction=0) / n_routed.mean())


def entropy_of(counts: Tensor) -> float:
    """−Σ p log p of counts, nats; 0 where nothing was counted."""
    total = int(counts.sum())
    if not total:
        return 0.0
    p = counts[counts > 0].double() / total
    return abs(float((p * p.log()).sum()))


def routing_statistics(
    layers: Sequence[RoutedLayer], routings: Sequence[Routing], n_tokens: Sequence[int]
) -> list[LayerStatistics]:
    """Statistics of every layer.

    Args:
        layers: The routed layers.
        routings: One forward pass a text.
        n_tokens: Tokens of each text.
    """
    return [_of_layer(layer, [routing[layer] for routing in routings], n_tokens) for layer in layers]


def _of_layer(layer: RoutedLayer, texts: Sequence[Selections], n_tokens: Sequence[int]) -> LayerStatistics:
    n_experts = 1 + max(site.expert or 0 for site in layer.experts)
    n_selectable = max([n_experts, *(1 + int(seen.index.max()) for seen in texts if seen.index.numel())])
    by_position = torch.zeros(max(n_tokens, default=0), n_selectable, dtype=torch.int64)
    n_routed = torch.zeros(n_experts, dtype=torch.int64)
    for seen, length in zip(texts, n_tokens, strict=True):
        positions = torch.arange(len(seen.index)) % length
        places = (positions[:, None] * n_selectable + seen.index)[seen.index >= 0]
        by_position += torch.bincount(places, minlength=by_position.numel()).view_as(by_position)
        n_routed += torch.tensor([len(tokens_of(seen, expert)) for expert in range(n_experts)])
    return LayerStatistics(
        layer=layer,
        n_samples=len(texts),
        n_tokens=sum(len(seen.index) for seen in texts),
        k=max((seen.index.shape[1] for seen in texts), default=0),
        n_routed=n_routed,
        by_position=by_position,
    )


def excluded_experts(
    statistics: Sequence[LayerStatistics], routings: Sequence[Routing], floor: float
) -> dict[Site, str]:
    """Experts that are not examined, with the reason: no token of any text reached them, or too few.

    Args:
        statistics: Of every routed layer.
        routings: Selections on all texts, also on those that the statistics leave out.
        floor: Smallest share of tokens.
    """
    reasons: dict[Site, str] = {}
    for layer in statistics:
        for site in layer.layer.experts:
            expert = site.expert or 0
            share = layer.p_active(expert)
            if not any(len(tokens_of(routing[layer.layer], expert)) for routing in routings):
                reasons[site] = "no token reached it"
            elif share < floor:
                reasons[site] = f"its p_active {share:.3g} is below the floor {floor:g}"
    return reasons
