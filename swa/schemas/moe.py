"""Blocks of records about mixtures of experts: how experts are used, and what one scalar does in one of them."""

from __future__ import annotations

from pydantic import MISSING, FiniteFloat

from swa.schemas.base import Number, Part


class MoeBlock(Part):
    """How the super weight's expert is routed and what removal does under natural and forced routing."""

    p_active: FiniteFloat
    """Share of the tokens of the routing windows whose router selects the expert."""
    co_spike_score: Number | MISSING = MISSING
    """Co-spike of input and output channel over the routed tokens of prompts and routing windows, in [0, 1]."""
    impact_natural: Number | MISSING = MISSING
    """Loss removed minus intact, routing free, nats per token; with --enable-causal-scoring."""
    impact_interventional: Number | MISSING = MISSING
    """The same with every token sent to the expert in both arms, with the same indices and weights."""
    causal_agreement: Number | MISSING = MISSING
    """impact_natural / (p_active · impact_interventional); absent where the divisor is smaller than 1e-6. Super weights
    act through the first token, so the ratio of the impacts is near 0 or 1 whatever p_active."""
    n_routed_tokens: int | MISSING = MISSING
    """Tokens of the routing windows that select the expert."""
    positions: list[int] | MISSING = MISSING
    """Positions of those tokens in their windows, each once."""
    gate_weight: Number | MISSING = MISSING
    """Weight the router gives the expert at the spike's token."""
    expert_rank: int | MISSING = MISSING
    """Rank of the expert among the selected ones there, 1 = largest weight."""
    routing_entropy: Number | MISSING = MISSING
    """Entropy of the layer's selections over its experts, nats."""
    position_entropy: Number | MISSING = MISSING
    """Entropy of the selections at the spike's position over samples, nats; biased downwards by few samples."""
    share: Number | MISSING = MISSING
    """Share of the scalar's term in the expert's output, before its gate weight."""
    energy_reduction: Number | MISSING = MISSING
    """Mean over tokens of the squared residual channel after the layer, before minus after removal."""
    stopword_skew: Number | MISSING = MISSING
    """Change of the probability mass on function words, mean over tokens."""
    super_expert: bool | MISSING = MISSING
    """Whether the expert is a super expert (arXiv 2507.23279): see `LayerRouting.super_experts`."""


class LayerRouting(Part):
    """How the experts of one layer are used on the routing windows (without a text: on the prompts)."""

    layer: int
    """Index of the layer in its own list; dense layers count."""
    module: str
    """Path of the module that holds the experts."""
    n_experts: int
    """Experts that have weights."""
    n_selected: int
    """Experts that one token selects at most: k."""
    n_samples: int
    """Texts."""
    n_tokens: int
    """Their tokens."""
    n_routed_tokens: list[int]
    """By expert: tokens that select it."""
    p_active: list[FiniteFloat]
    """By expert: its share of the tokens. The sum is k, or less where zero experts are selected."""
    routing_entropy: Number
    """Entropy of all selections over the experts, nats."""
    position_entropy: list[Number]
    """By position: entropy of the selections over the texts, nats."""
    position_entropy_bound: Number
    """The largest entropy that so few texts can show at a position, log(min(experts, texts · k)): the entropies are
    biased downwards."""
    load_max_over_mean: Number
    """Tokens of the most used expert over the mean of all."""
    load_variation: Number
    """Coefficient of variation of the tokens per expert."""
    largest_output: list[Number]
    """By expert: the largest |output| on prompts and routing windows, before the gate weight; 0 where none was seen."""
    super_experts: list[int]
    """Experts above the 99.5th percentile of all experts' largest outputs and a tenth of the largest one, in the first
    three quarters of the layers (arXiv 2507.23279)."""
