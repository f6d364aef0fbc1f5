"""Causal scores equal plain loops with and without forced selections."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext

import pytest
import torch

from swa.detection.moe.causal import CausalMeter, CausalScore
from swa.engine.capture.forcing import with_expert
from swa.engine.capture.routing import recorded_routing, tokens_of
from swa.engine.variants.batch import TokenBatch
from swa.models.discovery.sites import parameter_of
from swa.models.routing.layers import find_routed_layers
from swa.models.unit import Address
from swa.progress import SilentProgress
from tests.support.experts import IDS, LAYOUTS, WINDOWS, experts_of, planted_expert
from tests.support.ledgers import finished
from tests.support.tiny_loaded import loaded_tiny
from tests.support.unfused import unfused

pytestmark = pytest.mark.filterwarnings("ignore")
STOPWORDS = torch.tensor([7, 9, 11, 40])


def _measure(loaded, addresses, *, windows=WINDOWS, stopwords=STOPWORDS, factor=0.0, n_rows=2):
    layers = find_routed_layers(loaded.model, loaded.sites.sites, IDS)

    def rounds(ledger):
        meter = CausalMeter(
            loaded=loaded,
            layers=layers,
            batches=TokenBatch.all_scored(windows).split(n_rows),
            stopword_ids=stopwords,
            progress=SilentProgress(),
            ledger=ledger,
            factor=factor,
        )
        return meter.measure([Address(*one) for one in addresses])

    return finished(rounds)


def _plain(loaded, windows):
    """Mean loss, mean mass on the function words, in float64."""
    with torch.no_grad():
        logits = loaded.model(input_ids=windows, use_cache=False).logits[:, :-1].double()
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten())
    return float(loss), float(logits.softmax(-1)[..., STOPWORDS].sum(-1).mean())


@contextmanager
def _removed(loaded, site, row, col):
    weight = site.view(parameter_of(loaded.model, site).data)
    old = weight[row, col].clone()
    weight[row, col] = 0
    yield
    weight[row, col] = old


@pytest.mark.parametrize("name", LAYOUTS)
def test_both_impacts_equal_plain_loops(name):
    loaded = loaded_tiny(name)
    with (
        torch.no_grad(),
        recorded_routing(loaded.model, find_routed_layers(loaded.model, loaded.sites.sites, IDS)) as r,
    ):
        loaded.model(input_ids=WINDOWS, use_cache=False)
    layer = list(r)[1]
    site = max(layer.experts, key=lambda site: len(tokens_of(r[layer], site.expert)))
    with planted_expert(loaded, site, WINDOWS[:1]) as plant:
        address = (site, plant.row, plant.col)
        scores = _measure(loaded, [address])[address]
        intact, mass = _plain(loaded, WINDOWS)
        with _removed(loaded, *address):
            removed, removed_mass = _plain(loaded, WINDOWS)
        handle = layer.point.attach(loaded.model, lambda seen: with_expert(seen, site.expert))
        forced, _ = _plain(loaded, WINDOWS)
        with _removed(loaded, *address):
            forced_removed, _ = _plain(loaded, WINDOWS)
        handle.remove()
    assert scores.impact_natural == pytest.approx(removed - intact, rel=1e-4, abs=2e-6)
    assert scores.impact_interventional == pytest.approx(forced_removed - forced, rel=1e-4, abs=2e-6)
    assert scores.stopword_skew == pytest.approx(removed_mass - mass, rel=1e-3, abs=1e-7)
    assert scores.impact_natural != 0
    assert scores.impact_interventional not in (0, scores.impact_natural)


def test_an_expert_that_no_token_selects_costs_nothing_until_it_is_forced():
    loaded = loaded_tiny("mixtral")
    windows = WINDOWS[:1, :3]
    layers = find_routed_layers(loaded.model, loaded.sites.sites, IDS)
    with torch.no_grad(), recorded_routing(loaded.model, layers) as routing:
        loaded.model(input_ids=windows, use_cache=False)
    site = next(site for layer in layers for site in layer.experts if not len(tokens_of(routing[layer], site.expert)))
    address = (site, 3, 5)
    weight = site.view(parameter_of(loaded.model, site).data)
    old = weight[3, 5].clone()
    weight[3, 5] = 1e4
    scores = _measure(loaded, [address], windows=windows)[address]
    weight[3, 5] = old
    assert scores.impact_natural == 0
    assert scores.impact_interventional != 0
    assert scores.energy_reduction == 0
    assert scores.stopword_skew == 0
    assert scores.agreement(0.0) is None


@pytest.mark.parametrize("name", ["mixtral", "gpt_oss", "deepseek_v3", "llama4_text", "jetmoe", "longcat_flash"])
def test_factor_one_is_exactly_nothing(name):
    loaded = loaded_tiny(name)
    addresses = [(site, 3, 5) for site in experts_of(loaded)[::3]]
    for score in _measure(loaded, addresses, factor=1.0).values():
        assert score == CausalScore(0.0, 0.0, 0.0, 0.0)


def test_energy_is_that_of_the_residual_channel_after_the_layer():
    loaded = loaded_tiny("qwen3_moe")
    site = experts_of(loaded, 2)[1]
    with planted_expert(loaded, site, WINDOWS[:1]) as plant:
        address = (site, plant.row, plant.col)
        score = _measure(loaded, [address])[address]
        energies = []
        for zero in (False, True):
            kept = []
            hook = loaded.model.model.layers[2].register_forward_hook(lambda _m, _a, out, kept=kept: kept.append(out))
            with _removed(loaded, *address) if zero else nullcontext():
                _plain(loaded, WINDOWS)
            hook.remove()
            energies.append(float(kept[0][..., plant.row].double().square().mean()))
    assert score.energy_reduction == pytest.approx(energies[0] - energies[1], rel=1e-4)
    assert score.energy_reduction > 0


def test_candidates_of_one_expert_share_its_forced_baseline_and_do_not_disturb_one_another():
    loaded = loaded_tiny("mixtral")
    one, two = experts_of(loaded, 1)[:2]
    addresses = [(one, 3, 5), (one, 4, 6), (two, 3, 5)]
    together = _measure(loaded, addresses)
    for address in addresses:
        alone = _measure(loaded, [address])[address]
        assert together[address].impact_natural == pytest.approx(alone.impact_natural, abs=1e-9)
        assert together[address].impact_interventional == pytest.approx(alone.impact_interventional, abs=1e-9)


def test_batches_change_nothing():
    loaded = loaded_tiny("deepseek_v3")
    address = (experts_of(loaded, 2)[1], 3, 5)
    one, five = (_measure(loaded, [address], n_rows=n_rows)[address] for n_rows in (1, 5))
    assert one.impact_interventional == pytest.approx(five.impact_interventional, abs=1e-6)
    assert one.energy_reduction == pytest.approx(five.energy_reduction, rel=1e-3, abs=1e-9)


def test_without_ids_of_function_words_there_is_no_skew():
    loaded = loaded_tiny("mixtral")
    address = (experts_of(loaded, 1)[0], 3, 5)
    score = _measure(loaded, [address], stopwords=None)[address]
    assert score.stopword_skew is None
    assert score.energy_reduction is not None


def test_where_routing_cannot_be_read_it_is_not_forced():
    loaded = unfused(loaded_tiny("mixtral"))
    address = (experts_of(loaded, 1)[0], 3, 5)
    score = _measure(loaded, [address])[address]
    assert score.impact_interventional is None
    assert score.agreement(0.5) is None
    assert score.stopword_skew is not None


def test_channels_of_a_latent_space_have_no_energy():
    loaded = loaded_tiny("nemotron_h@latent")
    site = experts_of(loaded)[0]
    score = _measure(loaded, [(site, 3, 5)])[site, 3, 5]
    assert site.d_model == 32
    assert score.energy_reduction is None
    assert score.impact_interventional is not None


@pytest.mark.parametrize(
    ("natural", "forced", "p_active", "expected"),
    [(0.2, 1.9, 0.11, 0.2 / (0.11 * 1.9)), (0.0, 1.9, 0.0, None), (1e-8, 1e-6, 0.5, None), (-0.1, -0.2, 0.5, 1.0)],
)
def test_agreement(natural, forced, p_active, expected):
    found = CausalScore(natural, forced, None, None).agreement(p_active)
    assert found == (None if expected is None else pytest.approx(expected))


def test_weights_come_back():
    loaded = loaded_tiny("gpt_oss")
    before = {key: tensor.clone() for key, tensor in loaded.model.state_dict().items()}
    _measure(loaded, [(site, 3, 5) for site in experts_of(loaded, 1)])
    assert all(torch.equal(tensor, before[key]) for key, tensor in loaded.model.state_dict().items())
    assert not any(module._forward_pre_hooks for module in loaded.model.modules())
