"""Forced routing: the expert gets every token, both arms get the same selections, factor 1 is exactly nothing."""

from __future__ import annotations

import pytest
import torch

from swa.engine.capture.capture import capture
from swa.engine.capture.forcing import ForcedRouting, with_expert
from swa.engine.capture.routing import recorded_routing, tokens_of
from swa.engine.measures.reducers import LossReducer
from swa.engine.variants.batch import TokenBatch
from swa.engine.variants.interventions import ScaleEntries, Variant, applied
from swa.engine.variants.plan import ForwardPlan
from swa.models.routing.layers import find_routed_layers
from swa.models.routing.routers import Selections
from tests.support.experts import IDS, LAYOUTS, WINDOWS
from tests.support.tiny_loaded import loaded_tiny

pytestmark = pytest.mark.filterwarnings("ignore")
BATCH = TokenBatch.all_scored(WINDOWS)


def _layers(loaded):
    return find_routed_layers(loaded.model, loaded.sites.sites, IDS)


def test_a_missing_expert_takes_the_place_with_the_smallest_weight():
    index = torch.tensor([[2, 0, 1], [3, 1, 0], [0, 5, 2]])
    weights = torch.tensor([[0.5, 0.2, 0.3], [0.2, 0.2, 0.6], [0.1, 0.7, 0.2]])
    forced = with_expert(Selections(index, weights), 3)
    assert forced.index.tolist() == [[2, 3, 1], [3, 1, 0], [3, 5, 2]]
    assert torch.equal(forced.weights, weights)
    assert index[0, 1] == 0  # the model's own selections stay


def test_of_one_selected_expert_the_place_is_taken():
    forced = with_expert(Selections(torch.tensor([[2], [1]]), torch.tensor([[0.9], [0.4]])), 1)
    assert forced.index.tolist() == [[1], [1]]
    assert forced.weights.tolist() == [[pytest.approx(0.9)], [pytest.approx(0.4)]]


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_token_meets_the_expert(name):
    loaded = loaded_tiny(name)
    layer = _layers(loaded)[-1]
    for site in layer.experts:
        routing = ForcedRouting(layer, site.expert)
        with routing.applied(loaded):
            seen = capture(loaded.model, [site], IDS).sites[site]
        assert sorted(seen.tokens[seen.x.any(dim=1)].tolist()) == list(range(11))
    with torch.no_grad(), recorded_routing(loaded.model, [layer]) as natural:
        loaded.model(input_ids=IDS, use_cache=False)
    assert len(tokens_of(natural[layer], 0)) < 11  # the forcing has ended


@pytest.mark.parametrize("name", LAYOUTS)
def test_both_arms_get_the_selections_of_the_intact_run(name):
    """An edit in an earlier layer changes what the router of the forced one says; it is not asked again."""
    loaded = loaded_tiny(name)
    layer = _layers(loaded)[-1]
    earlier = loaded.sites.sites[0]
    routing = ForcedRouting(layer, 1)
    edit = ScaleEntries(earlier, None, None, 40.0)
    used: list[Selections] = []

    with torch.no_grad():
        for arm in (lambda: (routing,), lambda: (routing.repeated(), edit)):
            with applied(loaded, arm()):
                # the last hook sees what the forcing has put in place
                handle = layer.point.attach(loaded.model, lambda seen: used.append(seen))
                loaded.model(input_ids=WINDOWS, use_cache=False)
                handle.remove()
        with recorded_routing(loaded.model, [layer]) as intact:
            loaded.model(input_ids=WINDOWS, use_cache=False)
        with recorded_routing(loaded.model, [layer]) as edited, edit.applied(loaded):
            loaded.model(input_ids=WINDOWS, use_cache=False)
    assert not torch.equal(edited[layer].weights, intact[layer].weights)
    first, second = used
    assert torch.equal(first.index, second.index)
    assert torch.equal(first.weights, second.weights)
    expected = with_expert(intact[layer], 1)
    assert torch.equal(first.index.sort(1).values, expected.index.sort(1).values)
    assert torch.allclose(first.weights.sum(1), expected.weights.sum(1))
    assert bool((first.index == 1).any(dim=1).all())


@pytest.mark.parametrize("name", ["mixtral", "deepseek_v3", "gpt_oss", "llama4_text", "jetmoe"])
def test_factor_one_changes_nothing_at_all(name):
    loaded = loaded_tiny(name)
    layer = _layers(loaded)[1]
    site = layer.experts[2]
    plan = ForwardPlan(loaded, [Variant("same", (ScaleEntries(site, 3, 5, 1.0),), under=(ForcedRouting(layer, 2),))])
    intact, same = plan.measure(BATCH, LossReducer())
    assert torch.equal(intact.result.nll, same.result.nll)
    assert plan.fallbacks == []


def test_the_plan_equals_plain_forwards_with_forced_selections():
    loaded = loaded_tiny("qwen3_moe")
    layer = _layers(loaded)[2]
    site = layer.experts[3]
    edit = ScaleEntries(site, 3, None)
    plan = ForwardPlan(loaded, [Variant("row", (edit,), under=(ForcedRouting(layer, 3),))])
    whole = plan.measure(BATCH, LossReducer())
    handle = layer.point.attach(loaded.model, lambda seen: with_expert(seen, 3))
    weight = loaded.model.model.layers[2].mlp.experts.down_proj.data[3, 3]
    old = weight.clone()
    for measured, value in zip(whole, (old, torch.zeros_like(old)), strict=True):
        weight.copy_(value)
        with torch.no_grad():
            logits = loaded.model(input_ids=WINDOWS, use_cache=False).logits.double()
        loss = torch.nn.functional.cross_entropy(
            logits[:, :-1].flatten(0, 1), WINDOWS[:, 1:].flatten(), reduction="sum"
        )
        assert float(measured.result.nll.sum()) == pytest.approx(float(loss), rel=1e-6)
    weight.copy_(old)
    handle.remove()


def test_rows_that_are_halved_give_the_same(monkeypatch):
    loaded = loaded_tiny("mixtral")
    layer = _layers(loaded)[1]
    variants = [Variant("removed", (ScaleEntries(layer.experts[0], None, 7),), under=(ForcedRouting(layer, 0),))]
    whole = ForwardPlan(loaded, variants).measure(BATCH, LossReducer())
    plan = ForwardPlan(loaded, variants)
    original = plan._measure

    def fails_on_many_rows(batch, *rest):
        if len(batch) > 2:
            raise MemoryError
        return original(batch, *rest)

    monkeypatch.setattr(plan, "_measure", fails_on_many_rows)
    for one, other in zip(whole, plan.measure(BATCH, LossReducer()), strict=True):
        torch.testing.assert_close(one.result.nll, other.result.nll, rtol=1e-5, atol=1e-5)


def test_every_layer_of_the_model_is_free_but_the_forced_one():
    loaded = loaded_tiny("mixtral")
    first, second, *_ = _layers(loaded)
    with torch.no_grad(), recorded_routing(loaded.model, [first]) as natural:
        loaded.model(input_ids=IDS, use_cache=False)
    with (
        torch.no_grad(),
        ForcedRouting(second, 0).applied(loaded),
        recorded_routing(loaded.model, [first]) as forced,
    ):
        loaded.model(input_ids=IDS, use_cache=False)
    assert torch.equal(natural[first].index, forced[first].index)
