"""The gradient screen equals plain autograd over the whole model, scalar by scalar."""

from __future__ import annotations

import pytest
import torch

import swa.detection.gradient as module
from swa.detection.gradient import screen_gradients
from swa.models.discovery.sites import parameter_of
from swa.models.unit import Address
from swa.progress import SilentProgress
from tests.support.tiny_loaded import loaded_tiny

WINDOWS = torch.randint(6, 100, (3, 20), generator=torch.Generator().manual_seed(5))


def plain_effects(loaded, windows, n_prefix=0):
    """−w·∂loss/∂w of every scalar and window, from whole-model gradients."""
    effects = {site: [] for site in loaded.sites}
    loaded.model.requires_grad_(True)
    for window in windows:
        loaded.model.zero_grad()
        logits = loaded.model(input_ids=window[None], use_cache=False).logits[0].float()
        first = max(1, n_prefix)
        torch.nn.functional.cross_entropy(logits[first - 1 : -1], window[first:]).backward()
        for site in loaded.sites:
            parameter = parameter_of(loaded.model, site)
            grad = parameter.grad if parameter.grad is not None else torch.zeros_like(parameter)
            effects[site].append(-(site.view(parameter.data) * site.view(grad)).clone())
    loaded.model.zero_grad()
    loaded.model.requires_grad_(False)
    return {site: torch.stack(per_window) for site, per_window in effects.items()}


def _screen(loaded, windows=WINDOWS, **kwargs):
    arguments = {"n_prefix": 0, "keep": 20, "also": [], "progress": SilentProgress(), **kwargs}
    return screen_gradients(loaded, windows, **arguments)


@pytest.mark.parametrize("name", ["llama", "gpt2", "mixtral", "gpt_oss", "dbrx", "zamba", "deepseek_v3", "jetmoe"])
@pytest.mark.parametrize("groups", [1, 2])
def test_scores_means_and_ranks_equal_plain_autograd(name, groups, monkeypatch):
    loaded = loaded_tiny(name)
    effects = plain_effects(loaded, WINDOWS)
    if groups == 2:
        monkeypatch.setattr(module, "_SMALL", 0)
    asked = Address(loaded.sites.sites[0], 3, 4)
    screen = _screen(loaded, also=[asked])
    rms = {site: per_window.square().mean(0).sqrt() for site, per_window in effects.items()}
    everything = torch.cat([score.flatten() for score in rms.values()])
    assert screen.n_scalars == everything.numel()
    best = everything.sort(descending=True).values[:20]
    torch.testing.assert_close(torch.tensor([screen.scores[a].score for a in screen.top]), best, rtol=1e-3, atol=1e-8)
    for site, row, col in [*screen.top, asked]:
        found = screen.scores[site, row, col]
        assert found.score == pytest.approx(float(rms[site][row, col]), rel=1e-3, abs=1e-9)
        assert found.mean == pytest.approx(float(effects[site].mean(0)[row, col]), rel=2e-3, abs=1e-8)
        rank = int((everything > rms[site][row, col]).sum())
        assert found.rank == pytest.approx(rank, abs=max(1, 0.01 * rank))


def test_keep_is_the_number_of_candidates():
    assert len(_screen(loaded_tiny("llama"), keep=7).top) == 7


def test_special_tokens_in_front_are_no_targets():
    loaded = loaded_tiny("llama")
    effects = plain_effects(loaded, WINDOWS, n_prefix=3)
    best = _screen(loaded, n_prefix=3)
    site, row, col = best.top[0]
    assert best.scores[site, row, col].score == pytest.approx(
        float(effects[site].square().mean(0).sqrt()[row, col]), rel=1e-3
    )
    assert best.scores[best.top[0]].score != pytest.approx(
        _screen(loaded).scores[_screen(loaded).top[0]].score, rel=1e-4
    )


def test_half_precision_does_not_underflow():
    exact = _screen(loaded_tiny("llama"), keep=30)
    half = _screen(loaded_tiny("llama", dtype=torch.float16), keep=30)
    assert len(half.top) == 30
    assert len({a[1:] for a in exact.top} & {a[1:] for a in half.top}) >= 24
    assert half.scores[half.top[0]].score == pytest.approx(exact.scores[exact.top[0]].score, rel=0.05)


def test_nothing_is_left_behind():
    loaded = loaded_tiny("llama")
    _screen(loaded)
    assert not any(p.requires_grad or p.grad is not None for p in loaded.model.parameters())
