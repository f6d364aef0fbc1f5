"""Confirmation: damage is measured as a plain loop measures it, and harmless scalars are not confirmed."""

from __future__ import annotations

import math

import pytest
import torch

from swa.detection.confirm import confirm
from swa.engine.measures.losses import LossMeter
from swa.models.discovery.sites import parameter_of
from swa.models.unit import Address
from swa.progress import SilentProgress
from tests.support.ledgers import finished
from tests.support.tiny_loaded import loaded_tiny

WINDOWS = torch.randint(6, 100, (6, 20), generator=torch.Generator().manual_seed(5))


def plain_loss(loaded, windows):
    with torch.no_grad():
        logits = loaded.model(input_ids=windows, use_cache=False).logits.double()
    losses = torch.nn.functional.cross_entropy(logits[:, :-1].transpose(1, 2), windows[:, 1:], reduction="none")
    return float(losses.mean())


def _confirm(loaded, candidates, windows=WINDOWS, *, batch_size=4, seed=42):
    def rounds(ledger):
        meter = LossMeter(loaded, batch_size=batch_size, n_prefix=0, progress=SilentProgress(), ledger=ledger)
        return confirm(loaded, [Address(*one) for one in candidates], windows, meter=meter, suppression={}, seed=seed)

    return finished(rounds)


def test_delta_is_that_of_a_plain_loop_on_all_windows():
    sharp = loaded_tiny("llama", seed=7)
    site = sharp.sites.sites[0]
    weight = site.view(parameter_of(sharp.model, site).data)
    row, col = divmod(int(weight.abs().argmax()), site.d_ff)
    old = weight[row, col].clone()
    with torch.no_grad():
        weight[row, col] = 300.0
    result = _confirm(sharp, [(site, row, col)])
    seen = result.confirmations[site, row, col]
    windows = WINDOWS[: seen.n_windows]
    intact = plain_loss(sharp, windows)
    first = plain_loss(sharp, WINDOWS[:4])
    everything = plain_loss(sharp, WINDOWS)
    with torch.no_grad():
        weight[row, col] = 0.0
    removed = plain_loss(sharp, windows)
    removed_first = plain_loss(sharp, WINDOWS[:4])
    with torch.no_grad():
        weight[row, col] = old
    assert seen.delta_loss == pytest.approx(removed - intact, rel=1e-4, abs=1e-6)
    assert seen.perplexity_ratio == pytest.approx(math.exp(removed - intact), rel=1e-4)
    assert result.baseline_loss == pytest.approx(everything, rel=1e-6)
    assert seen.n_windows == (6 if abs(removed_first - first) >= 0.01 else 4)


def test_a_harmless_scalar_is_measured_on_four_windows_and_not_confirmed():
    loaded = loaded_tiny("llama")
    site = loaded.sites.sites[2]
    result = _confirm(loaded, [(site, 1, 1)])
    seen = result.confirmations[site, 1, 1]
    assert seen.n_windows == 4
    assert not seen.confirmed
    assert result.combined_delta is None


def test_batch_size_changes_nothing():
    loaded = loaded_tiny("llama")
    candidates = [(site, 2, 3) for site in loaded.sites]
    one = _confirm(loaded, candidates, batch_size=1)
    all_at_once = _confirm(loaded, candidates, batch_size=6)
    for address in candidates:
        assert one.confirmations[address].delta_loss == pytest.approx(
            all_at_once.confirmations[address].delta_loss, abs=1e-5
        )


def test_the_seed_moves_the_interval_and_nothing_else(monkeypatch):
    monkeypatch.setattr("swa.detection.confirm.WORTH_A_SECOND_LOOK", 0.0)
    loaded = loaded_tiny("llama")
    address = (loaded.sites.sites[0], 2, 3)
    windows = torch.randint(6, 100, (16, 20), generator=torch.Generator().manual_seed(6))
    one, again, other = (_confirm(loaded, [address], windows, seed=seed).confirmations[address] for seed in (1, 1, 2))
    assert one.n_windows == 16
    assert one == again
    assert one.delta_loss == other.delta_loss
    assert (one.ci_low, one.ci_high) != (other.ci_low, other.ci_high)


def test_a_zero_weight_is_reported_as_inactive():
    loaded = loaded_tiny("llama")
    site = loaded.sites.sites[1]
    weight = site.view(parameter_of(loaded.model, site).data)
    old = weight[4, 4].clone()
    with torch.no_grad():
        weight[4, 4] = 0
    seen = _confirm(loaded, [(site, 4, 4)]).confirmations[site, 4, 4]
    with torch.no_grad():
        weight[4, 4] = old
    assert seen.edit_inactive == "the weight is 0"
    assert seen.delta_loss == 0


def test_a_model_that_computes_from_a_copy_is_refused(monkeypatch):
    from swa.errors import UnsupportedModelError

    loaded = loaded_tiny("llama")
    site = loaded.sites.sites[1]
    module = loaded.model.get_submodule(site.module)
    frozen = module.weight.detach().clone()
    monkeypatch.setattr(module, "forward", lambda x: torch.nn.functional.linear(x, frozen))
    with pytest.raises(UnsupportedModelError, match="copy of its weights"):
        _confirm(loaded, [(site, 4, 4)])
