"""Selections are the model's own: they equal what hooks on the routers see, in every layout; nothing stays behind."""

from __future__ import annotations

import pytest
import torch

from swa.engine.capture.capture import capture
from swa.engine.capture.routing import gate_at, recorded_routing, selections_from_rows, tokens_of
from swa.engine.variants.ablation import edited_in_place
from swa.engine.variants.interventions import ScaleEntries
from swa.models.routing.layers import find_routed_layers
from swa.models.routing.routers import Selections
from tests.support.experts import EVERY, HYBRIDS, IDS, LAYOUTS, WINDOWS, direct_selections
from tests.support.tiny_loaded import loaded_tiny
from tests.support.unfused import unfused

pytestmark = pytest.mark.filterwarnings("ignore")


def _routing(loaded, ids=WINDOWS):
    layers = find_routed_layers(loaded.model, loaded.sites.sites, IDS)
    with torch.no_grad(), recorded_routing(loaded.model, layers) as routing:
        logits = loaded.model(input_ids=ids, use_cache=False).logits
    return layers, routing, logits


@pytest.mark.parametrize("name", EVERY)
def test_selections_equal_those_of_the_routers(name):
    loaded = loaded_tiny(name)
    layers, routing, logits = _routing(loaded)
    direct = direct_selections(loaded.model, WINDOWS)
    assert [layer.layer for layer in layers] == sorted(direct)
    for layer in layers:
        assert torch.equal(routing[layer].index.sort(1).values, direct[layer.layer].sort(1).values)
        assert routing[layer].weights.shape == routing[layer].index.shape
        assert torch.isfinite(routing[layer].weights).all()
    with torch.no_grad():
        assert torch.equal(loaded.model(input_ids=WINDOWS, use_cache=False).logits, logits)


@pytest.mark.parametrize(("name", "n_dense"), HYBRIDS.items())
def test_dense_layers_in_front_count(name, n_dense):
    layers, _, _ = _routing(loaded_tiny(name))
    assert [layer.layer for layer in layers] == list(range(n_dense, 4))
    assert layers[0].text == f"L{n_dense}.mlp.experts"


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_tokens_of_an_expert_are_those_whose_rows_it_computes(name):
    loaded = loaded_tiny(name)
    layers, routing, _ = _routing(loaded, IDS)
    seen = capture(loaded.model, loaded.sites.sites, IDS).sites
    for layer in layers:
        for site in layer.experts:
            rows = seen.get(site)
            used = [] if rows is None else rows.tokens[rows.x.any(dim=1)].sort().values.tolist()
            assert used == tokens_of(routing[layer], site.expert).tolist()


@pytest.mark.parametrize("name", ["mixtral", "deepseek_v3", "qwen2_moe", "llama4_text", "jetmoe", "dbrx"])
def test_what_is_put_in_place_of_the_weights_is_used(name):
    """Without weights the routed experts add nothing, as if their matrices were 0."""
    loaded = loaded_tiny(name)
    layer = find_routed_layers(loaded.model, loaded.sites.sites, IDS)[-1]
    handle = layer.point.attach(loaded.model, lambda seen: Selections(seen.index, seen.weights * 0))
    weightless = _logits(loaded)
    handle.remove()
    with edited_in_place(loaded.model, [ScaleEntries(site, None, None) for site in layer.experts]):
        emptied = _logits(loaded)
    assert torch.equal(weightless, emptied)
    assert not torch.equal(weightless, _logits(loaded))


def _logits(loaded):
    with torch.no_grad():
        return loaded.model(input_ids=IDS, use_cache=False).logits


def test_hooks_are_removed_also_after_errors():
    loaded = loaded_tiny("mixtral")
    layers = find_routed_layers(loaded.model, loaded.sites.sites, IDS)
    with pytest.raises(KeyboardInterrupt), recorded_routing(loaded.model, layers):
        raise KeyboardInterrupt
    for module in loaded.model.modules():
        assert not module._forward_pre_hooks
        assert not module._forward_hooks


@pytest.mark.parametrize("implementation", ["eager", "grouped_mm", "batched_mm"])
def test_every_implementation_of_experts_is_read(implementation):
    loaded = loaded_tiny("qwen3_moe")
    before = loaded.model.get_experts_implementation()
    _, expected, _ = _routing(loaded)
    loaded.model.set_experts_implementation(implementation)
    _, routing, _ = _routing(loaded)
    loaded.model.set_experts_implementation(before)
    for layer, selections in routing.items():
        assert torch.equal(selections.index, expected[layer].index)


def test_zero_experts_are_selected_beyond_those_with_weights():
    layers, routing, _ = _routing(loaded_tiny("longcat_flash"))
    numbers = torch.cat([routing[layer].index.flatten() for layer in layers])
    assert len(layers[0].experts) == 4
    assert int(numbers.max()) in (4, 5)
    counted = sum(len(tokens_of(routing[layers[0]], expert)) for expert in range(4))
    assert counted < routing[layers[0]].index.numel()


def test_experts_in_a_module_list_are_read_from_their_rows():
    loaded = unfused(loaded_tiny("mixtral"))
    (layer, *_), routing, _ = _routing(loaded, IDS)
    assert layer.point is None
    assert layer.text == "L0.mlp.experts"
    assert [site.expert for site in layer.experts] == [0, 1, 2, 3]
    assert routing == {}
    seen = capture(loaded.model, loaded.sites.sites, IDS).sites
    found = selections_from_rows(layer.experts, {site: activation.tokens for site, activation in seen.items()}, 11)
    fused = _routing(loaded_tiny("mixtral"), IDS)
    expected = fused[1][fused[0][0]].index
    assert found.weights is None
    assert torch.equal(found.index, expected.sort(1).values)


def test_a_dense_model_has_no_routed_layers():
    loaded = loaded_tiny("llama")
    assert find_routed_layers(loaded.model, loaded.sites.sites, IDS) == []


def test_gate_and_rank_of_a_token():
    selections = Selections(torch.tensor([[2, 0], [1, 3], [3, 2]]), torch.tensor([[0.7, 0.3], [0.4, 0.6], [0.5, 0.5]]))
    assert gate_at(selections, 2, 0, n_tokens=3) == (pytest.approx(0.7), 1)
    assert gate_at(selections, 1, 1, n_tokens=3) == (pytest.approx(0.4), 2)
    assert gate_at(selections, 2, 1, n_tokens=3) is None
    assert gate_at(selections, 2, 2, n_tokens=3) == (0.5, 1)
    assert gate_at(selections, 3, 0, n_tokens=1) == (pytest.approx(0.6), 1)  # the layer's second run
    assert gate_at(Selections(selections.index, None), 2, 0, n_tokens=3) is None
