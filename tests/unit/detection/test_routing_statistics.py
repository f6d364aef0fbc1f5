"""Routing statistics equal plain counts."""

from __future__ import annotations

import math

import pytest
import torch

from swa.detection.moe.routing_statistics import entropy_of, excluded_experts, routing_statistics
from swa.engine.capture.routing import recorded_routing
from swa.models.discovery.sites import Site
from swa.models.routing.layers import RoutedLayer, find_routed_layers
from swa.models.routing.routers import Selections
from tests.support.experts import EVERY, IDS, WINDOWS, direct_selections
from tests.support.tiny_loaded import loaded_tiny

pytestmark = pytest.mark.filterwarnings("ignore")


def _site(expert):
    return Site(
        2, "model.layers", "expert", expert, "model.layers.2.mlp.experts", "down_proj", 4, 4, (4, 1), 16 * expert
    )


LAYER = RoutedLayer(2, "model.layers", "model.layers.2.mlp.experts", tuple(_site(expert) for expert in range(3)))


def _selections(*rows):
    return Selections(torch.tensor(rows), torch.full((len(rows), len(rows[0])), 0.5))


TWO = [{LAYER: _selections([0, 1], [0, 2], [0, 1])}, {LAYER: _selections([0, 1], [1, 0], [4, 0])}]


def test_shares_entropies_and_balance():
    (seen,) = routing_statistics([LAYER], TWO, [3, 3])
    assert (seen.n_samples, seen.n_tokens, seen.k) == (2, 6, 2)
    assert seen.n_routed.tolist() == [6, 4, 1]
    assert [seen.p_active(expert) for expert in range(3)] == [1.0, pytest.approx(4 / 6), pytest.approx(1 / 6)]
    assert sum(seen.p_active(expert) for expert in range(3)) < 2  # one token chose an expert without weights
    counts = torch.tensor([6, 4, 1, 0, 1]) / 12
    assert seen.entropy == pytest.approx(float(-(counts[counts > 0] * counts[counts > 0].log()).sum()))
    # position 0: experts 0, 1, 0, 1; position 1: 0, 2, 1, 0; position 2: 0, 1, 4, 0
    assert seen.position_entropies[0] == pytest.approx(math.log(2))
    assert seen.position_entropies[1] == pytest.approx(1.5 * math.log(2))
    assert seen.position_entropies[2] == pytest.approx(1.5 * math.log(2))
    assert seen.entropy_bound == pytest.approx(math.log(4))  # two texts of two selections
    assert seen.max_over_mean == pytest.approx(6 / (11 / 3))
    assert seen.variation == pytest.approx(float(torch.tensor([6.0, 4.0, 1.0]).std(correction=0)) / (11 / 3))
    assert seen.positions(1) == [0, 1, 2]
    assert seen.positions(2) == [1]


def test_texts_of_unequal_length():
    texts = [{LAYER: _selections([0, 1], [0, 2])}, {LAYER: _selections([1, 2], [0, 1], [2, 1])}]
    (seen,) = routing_statistics([LAYER], texts, [2, 3])
    assert seen.n_tokens == 5
    assert seen.by_position.sum(dim=1).tolist() == [4, 4, 2]
    assert seen.positions(2) == [0, 1, 2]


def test_a_layer_that_runs_twice_has_its_tokens_twice():
    (seen,) = routing_statistics([LAYER], [{LAYER: _selections([0, 1], [0, 2], [2, 1], [0, 1])}], [2])
    assert seen.n_tokens == 4
    assert seen.by_position.sum(dim=1).tolist() == [4, 4]
    assert sum(seen.p_active(expert) for expert in range(3)) == 2


def test_empty_places_and_no_tokens_at_all():
    (seen,) = routing_statistics([LAYER], [{LAYER: Selections(torch.tensor([[0, -1], [-1, -1]]), None)}], [2])
    assert seen.n_routed.tolist() == [1, 0, 0]
    assert seen.position_entropies == [0.0, 0.0]
    nowhere = Selections(torch.tensor([[3, 4], [4, 3]]), None)
    (seen,) = routing_statistics([LAYER], [{LAYER: nowhere}], [2])
    assert [seen.p_active(expert) for expert in range(3)] == [0, 0, 0]
    assert math.isnan(seen.variation)


@pytest.mark.parametrize(
    ("counts", "entropy"), [([4], 0), ([2, 2, 0], math.log(2)), ([0, 0], 0), ([1, 1, 1], math.log(3))]
)
def test_entropy_of_counts(counts, entropy):
    assert entropy_of(torch.tensor(counts)) == pytest.approx(entropy)


def test_reasons_for_leaving_experts_out():
    statistics = routing_statistics([LAYER], TWO, [3, 3])
    assert excluded_experts(statistics, TWO, 0.0) == {}
    assert excluded_experts(statistics, TWO, 0.2) == {_site(2): "its p_active 0.167 is below the floor 0.2"}
    unreached = [{LAYER: _selections([0, 1], [0, 1])}]
    few = routing_statistics([LAYER], unreached, [2])
    assert excluded_experts(few, unreached, 0.0) == {_site(2): "no token reached it"}
    on_prompts_only = [*TWO[:1], *unreached]
    assert excluded_experts(few, on_prompts_only, 0.01) == {_site(2): "its p_active 0 is below the floor 0.01"}
    assert excluded_experts(few, on_prompts_only, 0.0) == {}


@pytest.mark.parametrize("name", EVERY)
def test_shares_equal_a_direct_count_on_the_router(name):
    loaded = loaded_tiny(name)
    layers = find_routed_layers(loaded.model, loaded.sites.sites, IDS)
    routings, direct = [], []
    for window in WINDOWS:
        with torch.no_grad(), recorded_routing(loaded.model, layers) as routing:
            loaded.model(input_ids=window[None], use_cache=False)
        routings.append(routing)
        direct.append(direct_selections(loaded.model, window[None]))
    for seen in routing_statistics(layers, routings, [24] * 5):
        chosen = torch.cat([selected[seen.layer.layer] for selected in direct])
        for expert in range(4):
            share = float((chosen == expert).any(dim=1).double().mean())
            assert seen.p_active(expert) == pytest.approx(share, abs=1e-12)
        total = sum(seen.p_active(expert) for expert in range(4))
        assert total <= seen.k if name == "longcat_flash" else total == pytest.approx(seen.k)
