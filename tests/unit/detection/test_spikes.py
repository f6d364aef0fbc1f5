"""The spike screen: planted scalars are found, one after the other, and everything is put back."""

from __future__ import annotations

import pytest
import torch

from swa.detection.extremes import find_extremes
from swa.detection.spikes import screen_spikes
from swa.engine.capture.capture import capture
from swa.models.discovery.sites import parameter_of
from swa.progress import SilentProgress
from tests.support.planting import planted
from tests.support.tiny_loaded import loaded_tiny

IDS = torch.randint(6, 100, (1, 11), generator=torch.Generator().manual_seed(3))
OTHER = torch.randint(6, 100, (1, 7), generator=torch.Generator().manual_seed(4))


def _screen(loaded, prompts=(IDS,), *, threshold=0.5, max_iterations=10):
    return screen_spikes(
        loaded, list(prompts), threshold=threshold, max_iterations=max_iterations, progress=SilentProgress()
    )


def _quiet_threshold(loaded, *prompts):
    """Above every extreme of the untouched model."""
    rounds = _screen(loaded, prompts, threshold=1e9, max_iterations=1).rounds[0]
    return 1.05 * max(min(abs(seen.input_value), abs(seen.output_value)) for seen in rounds)


@pytest.mark.parametrize(
    "name", ["llama", "gpt2", "opt", "gemma2", "mixtral", "gpt_oss", "deepseek_v3", "dbrx", "jamba"]
)
def test_a_planted_scalar_is_the_first_candidate(name):
    loaded = loaded_tiny(name)
    seen = capture(loaded.model, loaded.sites.sites, IDS).sites
    site = [site for site in loaded.sites if site in seen][len(seen) // 2]
    x_max = float(seen[site].x.abs().max())
    before = parameter_of(loaded.model, site).clone()
    with planted(loaded, site, IDS) as plant:
        screen = _screen(loaded, threshold=0.99 * x_max)
    spike = next(iter(screen.found.values()))
    found = {(s.site, s.attribution.row, s.attribution.col) for s in screen.found.values() if s.iteration == 1}
    assert (plant.site, plant.row, plant.col) in found
    spike = screen.found[plant.site, plant.row, plant.col]
    assert spike.attribution.output_value == pytest.approx(400, rel=0.05)
    assert spike.attribution.share == pytest.approx(1, abs=0.05)
    assert spike.attribution.input_position == spike.attribution.output_position
    assert torch.equal(parameter_of(loaded.model, site), before)


def test_the_token_of_a_routed_spike_is_the_token_of_the_text():
    loaded = loaded_tiny("mixtral")
    layer = loaded.model.model.layers[2]
    hidden = {}
    hook = layer.mlp.experts.register_forward_pre_hook(lambda _m, args: hidden.update(index=args[1]))
    with torch.no_grad():
        loaded.model(input_ids=IDS, use_cache=False)
    hook.remove()
    seen = capture(loaded.model, loaded.sites.sites, IDS).sites
    for site in loaded.sites:
        if site.layer == 2:
            routed = (hidden["index"] == site.expert).any(dim=1).nonzero().flatten().tolist()
            assert (sorted(seen[site].tokens.tolist()) if site in seen else []) == routed


@pytest.mark.parametrize("name", ["llama", "opt", "gpt2", "mixtral"])
def test_shares_of_all_columns_add_up_to_one(name):
    loaded = loaded_tiny(name)
    activations = capture(loaded.model, loaded.sites.sites, IDS)
    for site, seen in activations.sites.items():
        weight = site.view(parameter_of(loaded.model, site).data)
        spike = find_extremes(site, activations, weight, prompt=0).spike
        row_index = seen.tokens.tolist().index(spike.output_position)
        bias = 0.0 if seen.bias is None else float(seen.bias[spike.row])
        terms = weight[spike.row] * seen.x[row_index]
        assert float(terms.sum()) == pytest.approx(spike.output_value - bias, rel=1e-4, abs=1e-6)
        assert spike.share == pytest.approx(float(terms[spike.col] / terms.sum()), rel=1e-3)


def test_what_is_added_to_the_residual_is_measured_behind_the_post_norm():
    loaded = loaded_tiny("gemma2")
    site = loaded.sites.sites[1]
    added = {}
    norm = loaded.model.model.layers[1].post_feedforward_layernorm
    hook = norm.register_forward_hook(lambda _m, _a, output: added.update(value=output[0]))
    activations = capture(loaded.model, loaded.sites.sites, IDS)
    hook.remove()
    assert torch.equal(activations.sites[site].added, added["value"])
    assert not torch.equal(activations.sites[site].added, activations.sites[site].y)


def test_residual_multipliers_count():
    loaded = loaded_tiny("granite@mult")
    site = loaded.sites.sites[0]
    seen = capture(loaded.model, loaded.sites.sites, IDS).sites[site]
    torch.testing.assert_close(seen.added, seen.y * loaded.model.config.residual_multiplier)


def test_a_second_scalar_behind_the_first_needs_a_second_iteration():
    loaded = loaded_tiny("llama")
    site = loaded.sites.sites[1]
    threshold = _quiet_threshold(loaded, IDS)
    with planted(loaded, site, IDS, output=4000.0) as loud, planted(loaded, site, IDS, output=0.0) as _:
        pass
    seen = capture(loaded.model, [site], IDS).sites[site]
    weight = site.view(parameter_of(loaded.model, site).data)
    token, col = divmod(int(seen.x.abs().argmax()), site.d_ff)
    old = weight[[3, 5], col].clone()
    with torch.no_grad():
        weight[3, col], weight[5, col] = 4000 / seen.x[token, col], 400 / seen.x[token, col]
    low = 0.9 * float(seen.x[token, col].abs())
    both = _screen(loaded, threshold=min(threshold, low), max_iterations=3)
    once = _screen(loaded, threshold=min(threshold, low), max_iterations=1)
    with torch.no_grad():
        weight[[3, 5], col] = old
    assert both.found[site, 3, col].iteration == 1
    assert both.found[site, 5, col].iteration == 2
    assert (site, 5, col) not in once.found
    assert len(once.rounds) == 1
    assert loud.col == col


def test_it_stops_when_nothing_new_shows():
    loaded = loaded_tiny("llama")
    screen = _screen(loaded, threshold=1e6)
    assert len(screen.rounds) == 1
    assert not screen.found


def test_prompts_that_show_a_spike_are_listed():
    loaded = loaded_tiny("llama")
    site = loaded.sites.sites[1]
    with planted(loaded, site, IDS) as plant:
        x = {}
        for index, ids in enumerate((IDS, OTHER)):
            x[index] = float(capture(loaded.model, [site], ids).sites[site].x.abs().max())
        screen = _screen(loaded, (OTHER, IDS, IDS), threshold=0.95 * x[0], max_iterations=1)
    expected = [1, 2] if x[1] <= 0.95 * x[0] else [0, 1, 2]
    assert screen.found[site, plant.row, plant.col].prompts == expected


def test_auto_ignores_the_input_and_uses_the_residual_stream():
    loaded = loaded_tiny("llama")
    site = loaded.sites.sites[1]
    assert not _screen(loaded, threshold=None, max_iterations=2).found
    with planted(loaded, site, IDS, output=1e5) as plant:
        screen = _screen(loaded, threshold=None, max_iterations=2)
        absolute = _screen(loaded, threshold=1e4, max_iterations=1)
    assert (site, plant.row, plant.col) in screen.found
    assert not absolute.found  # the input is small
    assert (site, plant.row, plant.col) in absolute.auto  # … which says what auto would find


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_weights_come_back_when_the_screen_breaks(error, monkeypatch):
    import swa.detection.activations as module

    loaded = loaded_tiny("llama")
    before = {name: tensor.clone() for name, tensor in loaded.model.state_dict().items()}
    original, calls = module.capture, []

    def breaks_in_the_second_round(*args):
        calls.append(1)
        if len(calls) > 1:
            raise error
        return original(*args)

    monkeypatch.setattr(module, "capture", breaks_in_the_second_round)
    with pytest.raises(error):
        _screen(loaded, threshold=1e-6)
    assert all(torch.equal(tensor, before[name]) for name, tensor in loaded.model.state_dict().items())
