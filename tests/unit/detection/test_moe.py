"""The spike screen of experts: planted scalars in every layout, co-spike score, floor, windows beside prompts."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from swa.detection.activations import ExpertSearch
from swa.detection.moe.co_spike import watch_scalars
from swa.detection.moe.super_experts import super_experts
from swa.detection.spikes import screen_spikes
from swa.engine.capture.capture import capture
from swa.engine.capture.routing import recorded_routing, tokens_of
from swa.models.discovery.sites import parameter_of
from swa.models.routing.layers import find_routed_layers
from swa.models.unit import Address
from swa.progress import SilentProgress
from tests.support.experts import EVERY, IDS, SHARED, WINDOWS, experts_of, planted_expert
from tests.support.planting import planted
from tests.support.tiny_loaded import loaded_tiny
from tests.support.unfused import unfused

pytestmark = pytest.mark.filterwarnings("ignore")
NO_WINDOWS = torch.zeros((0, 0), dtype=torch.int64)


def _search(loaded, *, windows=WINDOWS, floor=0.0, threshold=0.12):
    layers = find_routed_layers(loaded.model, loaded.sites.sites, IDS)
    return ExpertSearch(tuple(layers), windows, 24, floor, threshold)


def _screen(loaded, search, *, threshold=30.0, max_iterations=2, prompts=(IDS,)):
    return screen_spikes(
        loaded,
        list(prompts),
        threshold=threshold,
        max_iterations=max_iterations,
        progress=SilentProgress(),
        search=search,
    )


def _reached(loaded, ids=IDS):
    seen = capture(loaded.model, loaded.sites.sites, ids).sites
    return [site for site in experts_of(loaded) if site in seen and seen[site].x.any()]


def _threshold(plant):
    """What only the planted scalar passes: its input is far above all others."""
    return 0.5 * min(plant.x, 400.0)


@pytest.mark.parametrize("name", EVERY)
def test_a_planted_scalar_is_found_at_its_coordinate(name):
    loaded = loaded_tiny(name)
    before = {key: tensor.clone() for key, tensor in loaded.model.state_dict().items()}
    reached = _reached(loaded)
    site = reached[len(reached) // 2]
    with planted_expert(loaded, site, IDS) as plant:
        screen = _screen(loaded, _search(loaded), threshold=_threshold(plant))
        with recorded_routing(loaded.model, _search(loaded).layers) as routing, torch.no_grad():
            loaded.model(input_ids=IDS, use_cache=False)
    spike = screen.found[site, plant.row, plant.col]
    assert spike.iteration == 1
    assert 0 in spike.prompts
    assert spike.co_spike > 0.5
    assert spike.attribution.output_value == pytest.approx(400, rel=0.05)
    assert spike.attribution.share == pytest.approx(1, abs=0.05)
    (layer,) = [layer for layer in routing if site in layer.experts]
    token = spike.attribution.output_position
    assert token in tokens_of(routing[layer], site.expert)
    place = routing[layer].index[token].tolist().index(site.expert)
    assert spike.gate.weight == pytest.approx(float(routing[layer].weights[token, place]), rel=1e-4)
    assert spike.gate.rank == 1 + int((routing[layer].weights[token] > routing[layer].weights[token, place]).sum())
    assert all(torch.equal(tensor, before[key]) for key, tensor in loaded.model.state_dict().items())


@pytest.mark.parametrize("name", ["mixtral", "gpt_oss", "llama4_text"])
def test_half_precision_finds_the_same(name):
    exact = loaded_tiny(name)
    site = _reached(exact)[1]
    half = loaded_tiny(name, dtype=torch.float16)
    with planted_expert(exact, site, IDS, loudness=100.0) as plant:
        one = _screen(exact, _search(exact), threshold=_threshold(plant)).found[site, plant.row, plant.col]
        parameters = dict(half.model.named_parameters())
        old = {key: tensor.clone() for key, tensor in parameters.items()}
        for key, tensor in exact.model.named_parameters():
            parameters[key].data.copy_(tensor)
        two = _screen(half, _search(half), threshold=_threshold(plant)).found[site, plant.row, plant.col]
        for key, tensor in old.items():
            parameters[key].data.copy_(tensor)
    assert two.co_spike == pytest.approx(one.co_spike, rel=0.02)
    assert two.attribution.output_value == pytest.approx(one.attribution.output_value, rel=0.02)
    assert two.attribution.output_position == one.attribution.output_position


@pytest.mark.parametrize("name", SHARED)
def test_shared_experts_are_judged_like_dense_layers(name):
    loaded = loaded_tiny(name)
    site = [site for site in loaded.sites if site.kind == "shared_expert"][-1]
    x = float(capture(loaded.model, [site], IDS).sites[site].x.abs().max())
    with planted(loaded, site, IDS) as plant:
        screen = _screen(loaded, _search(loaded, threshold=1.0), threshold=0.99 * x)
    spike = screen.found[site, plant.row, plant.col]
    assert spike.co_spike is None  # the score is of routed experts, whose threshold here rejects everything
    assert spike.gate is None


def test_one_routed_token_is_enough():
    loaded = loaded_tiny("mixtral")
    prompt = IDS[:, :1]
    site = _reached(loaded, prompt)[3]
    with planted_expert(loaded, site, prompt) as plant:
        search = _search(loaded, windows=NO_WINDOWS)
        screen = _screen(loaded, search, threshold=_threshold(plant), prompts=[prompt])
    spike = screen.found[site, plant.row, plant.col]
    assert spike.co_spike > 0.5
    assert spike.attribution.output_position == 0
    (layer,) = [seen for seen in screen.routing if site in seen.layer.experts]
    assert (layer.n_tokens, layer.p_active(site.expert)) == (1, 1.0)
    assert layer.position_entropies == [pytest.approx(torch.tensor(2.0).log().item())]
    assert len(screen.excluded) == 8  # two of four experts in each of four layers


def test_the_score_is_its_formula_over_all_routed_tokens():
    loaded = loaded_tiny("qwen3_moe")
    site = _reached(loaded)[2]
    search = _search(loaded)
    texts = [IDS, *search.window_texts(loaded.device)]
    watched = watch_scalars(loaded, [Address(site, 3, 5)], texts, layers=search.layers)[site, 3, 5]
    seen = [capture(loaded.model, [site], ids).sites.get(site) for ids in texts]
    x = torch.cat([one.x for one in seen if one is not None])
    y = torch.cat([one.y for one in seen if one is not None])
    expected = float((x[:, 5] * y[:, 3]).abs().sum() / (x.norm() * y.norm() + 1e-12))
    assert watched.co_spike == pytest.approx(expected, rel=1e-5)
    assert 0 < watched.co_spike < 0.1  # an ordinary scalar
    assert abs(watched.attribution.input_value) == pytest.approx(float(x[:, 5].abs().max()))
    assert watch_scalars(loaded, [], texts, layers=search.layers) == {}


def test_the_co_spike_threshold_rejects_and_says_so():
    loaded = loaded_tiny("mixtral")
    site = _reached(loaded)[1]
    with planted_expert(loaded, site, IDS) as plant:
        threshold = _threshold(plant)
        low = _screen(loaded, _search(loaded), threshold=threshold)
        score = low.found[site, plant.row, plant.col].co_spike
        just_below = _screen(loaded, _search(loaded, threshold=0.99 * score), threshold=threshold)
        at_it = _screen(loaded, _search(loaded, threshold=score), threshold=threshold)  # strictly above is asked
    address = (site, plant.row, plant.col)
    assert address in just_below.found
    assert address not in at_it.found
    assert at_it.rejected[address] == pytest.approx(score)
    assert len(at_it.rounds) == 1


def test_experts_below_the_floor_are_no_candidates():
    loaded = loaded_tiny("mixtral")
    site = _reached(loaded)[1]
    with planted_expert(loaded, site, IDS) as plant:
        threshold = _threshold(plant)
        (layer,) = [
            seen for seen in _screen(loaded, _search(loaded), threshold=threshold).routing if site in seen.layer.experts
        ]
        share = layer.p_active(site.expert)
        at_it = _screen(loaded, _search(loaded, floor=share), threshold=threshold)
        above = _screen(loaded, _search(loaded, floor=share + 1e-6), threshold=threshold)
    address = (site, plant.row, plant.col)
    assert address in at_it.found
    assert address not in above.found
    assert "below the floor" in above.excluded[site]


def test_spikes_are_sought_on_the_windows_too():
    loaded = loaded_tiny("mixtral")
    prompt = IDS[:, :2]
    on_prompt = set(_reached(loaded, prompt))
    site = next(site for site in _reached(loaded, WINDOWS[3:4]) if site not in on_prompt)
    with planted_expert(loaded, site, WINDOWS[3:4]) as plant:
        threshold = 0.9 * plant.x
        with_windows = _screen(loaded, _search(loaded), threshold=threshold, prompts=[prompt])
        without = _screen(loaded, _search(loaded, windows=NO_WINDOWS), threshold=threshold, prompts=[prompt])
    spike = with_windows.found[site, plant.row, plant.col]
    assert spike.prompts == [4]  # behind the one prompt: the fourth window
    assert without.found == {}
    assert without.excluded[site] == "no token reached it"


def test_dense_sites_are_looked_at_on_the_prompts_alone():
    loaded = loaded_tiny("deepseek_v3")
    screen = _screen(loaded, _search(loaded), threshold=1e9, max_iterations=1)
    texts = {
        kind: {seen.prompt for seen in screen.rounds[0] if seen.site.kind == kind} for kind in ("mlp_out", "expert")
    }
    assert texts["mlp_out"] == {0}
    assert texts["expert"] > {0}


def test_of_the_windows_the_loudest_is_kept():
    loaded = loaded_tiny("mixtral")
    search = _search(loaded)
    screen = _screen(loaded, search, threshold=1e9, max_iterations=1)
    site = experts_of(loaded, 1)[0]
    passes = [capture(loaded.model, [site], ids).sites.get(site) for ids in search.window_texts(loaded.device)]
    largest = [0.0 if one is None else float(one.y.abs().max()) for one in passes]
    kept = [seen for seen in screen.rounds[0] if seen.site == site and seen.prompt > 0]
    assert [seen.prompt for seen in kept] == [1 + largest.index(max(largest))]
    assert abs(kept[0].output_value) == pytest.approx(max(largest))


def test_a_second_scalar_needs_a_second_round_and_its_score_is_taken_without_the_first():
    loaded = loaded_tiny("qwen3_moe")
    site = _reached(loaded)[2]
    with planted_expert(loaded, site, IDS, output=4000.0) as plant:
        weight = site.view(parameter_of(loaded.model, site).data)
        old = weight[plant.row - 1, plant.col].clone()
        weight[plant.row - 1, plant.col] = weight[plant.row, plant.col] / 10
        screen = _screen(loaded, _search(loaded, threshold=0.3), threshold=_threshold(plant), max_iterations=3)
        weight[plant.row - 1, plant.col] = old
    first = screen.found[site, plant.row, plant.col]
    second = screen.found[site, plant.row - 1, plant.col]
    assert (first.iteration, second.iteration) == (1, 2)
    assert second.co_spike > 0.3  # under the first it would be a tenth


def test_experts_in_a_list_of_modules():
    loaded = unfused(loaded_tiny("mixtral"))
    site = _reached(loaded)[1]
    weight = parameter_of(loaded.model, site)
    x = capture(loaded.model, [site], IDS).sites[site].x
    col = int(x.abs().amax(0).argmax())
    weight[5, col] = 400 / x[:, col].abs().max()
    screen = _screen(loaded, _search(loaded, threshold=0.02), threshold=0.99 * float(x.abs().max()))
    spike = screen.found[site, 5, col]
    assert spike.gate is None
    fused = _screen(loaded_tiny("mixtral"), _search(loaded_tiny("mixtral")), threshold=1e9, max_iterations=1)
    for one, other in zip(screen.routing[:1], fused.routing[:1], strict=True):
        assert torch.equal(one.n_routed, other.n_routed)
        assert torch.equal(one.by_position, other.by_position)


def test_without_a_search_experts_are_treated_like_dense_layers():
    loaded = loaded_tiny("mixtral")
    site = _reached(loaded)[1]
    with planted_expert(loaded, site, IDS) as plant:
        screen = _screen(loaded, None, threshold=_threshold(plant))
    assert screen.found[site, plant.row, plant.col].co_spike is None
    assert screen.routing == []
    assert screen.excluded == {}


def test_super_experts_need_all_three_conditions():
    loaded = loaded_tiny("mixtral")
    sites = experts_of(loaded)
    outputs = dict.fromkeys(sites, 1.0)
    loud = sites[5]
    assert super_experts(outputs | {loud: 100.0}, loaded.sites) == {loud}
    late = sites[-1]  # layer 3 of 4
    assert super_experts(outputs | {late: 100.0}, loaded.sites) == set()
    assert super_experts(outputs, loaded.sites) == set()
    assert super_experts({}, loaded.sites) == set()
    many = {dataclasses.replace(loud, expert=number): 1.0 for number in range(1000)}
    above = {dataclasses.replace(loud, expert=number): value for number, value in enumerate((100.0, 50.0, 9.0))}
    found = {site.expert for site in super_experts(many | above, loaded.sites)}
    assert found == {0, 1}  # the third is above the percentile but below a tenth of the largest
