"""Detection records of mixtures of experts of any size, without a model."""

from __future__ import annotations

import random

from swa.schemas.detection import Coverage, DetectionResult
from swa.schemas.moe import LayerRouting, MoeBlock
from tests.support.records import confirmation, detection, super_weight


def layer_routing(layer: int, n_experts: int, k: int, seed: int = 0, **fields) -> LayerRouting:
    draw = random.Random(seed * 1000 + layer)
    raw = [draw.expovariate(1.0) + 1e-3 for _ in range(n_experts)]
    p_active = [min(1.0, k * value / sum(raw)) for value in raw]
    values = {
        "layer": layer,
        "module": f"model.layers.{layer}.mlp.experts",
        "n_experts": n_experts,
        "n_selected": k,
        "n_samples": 10,
        "n_tokens": 2560,
        "n_routed_tokens": [round(2560 * share) for share in p_active],
        "p_active": p_active,
        "routing_entropy": 2.0,
        "position_entropy": [1.0] * 256,
        "position_entropy_bound": 3.0,
        "load_max_over_mean": 2.0,
        "load_variation": 0.9,
        "largest_output": [5.0] * n_experts,
        "super_experts": [],
    }
    return LayerRouting(**(values | fields))


def expert_weight(layer: int, expert: int, row: int, *, confirmed: bool, delta: float = 0.5, **block):
    values = {"p_active": 0.1, "co_spike_score": 0.5, "super_expert": False}
    return super_weight(
        row,
        7,
        layer=layer,
        site="expert",
        expert=expert,
        module=f"model.layers.{layer}.mlp.experts",
        coordinate=f"L{layer}.mlp.experts.{expert}.down_proj[{row},7]",
        confirmation=confirmation(delta, confirmed=confirmed),
        moe=MoeBlock(**(values | block)),
    )


def moe_detection(weights, routing, *, n_layers: int, **fields) -> DetectionResult:
    config = {"co_spike_threshold": 0.12, "p_active_floor": 0.01}
    coverage = Coverage(
        text="examined",
        n_sites=1,
        n_examined=1,
        n_experts=1,
        n_experts_examined=1,
        n_layers=n_layers,
        not_examined=[],
    )
    return detection(weights, routing=routing, coverage=coverage, config=config, **fields)
