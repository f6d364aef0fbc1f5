"""Every number of a super-weight card against a plain transformers loop on edited copies."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from swa.data.options import WindowOptions
from swa.data.tokens import unlisted_ids
from swa.models.discovery.sites import parameter_of
from swa.stats import N_RESAMPLES
from swa.vocabulary.options import InterventionOptions
from tests.support.at_once import super_weight_cards
from tests.support.evaluating import edited_copy, reading_model, super_weight
from tests.support.tiny_loaded import text_of
from tests.support.window_loop import metrics_of, plain_sums, windows_by_hand

TEXT = text_of(700)
WINDOWS = WindowOptions(tokens=300, window_len=40, stride=20)


def zeroed_column(loaded, weight):
    network = edited_copy(loaded, [])
    site = loaded.sites.find(weight.coordinate)
    matrix = site.view(getattr(network.get_submodule(site.module), site.parameter).data)
    with torch.no_grad():
        matrix[:, weight.col] = 0
    return network


@pytest.fixture
def loud():
    """Makes scalars of a tiny model loud for the time of a test."""
    changed = []

    def make(loaded, *weights, value=25.0):
        with torch.no_grad():
            for weight in weights:
                site = loaded.sites.find(weight.coordinate)
                view = site.view(parameter_of(loaded.model, site).data)
                changed.append((view, weight, view[weight.row, weight.col].clone()))
                view[weight.row, weight.col] = value

    yield make
    with torch.no_grad():
        for view, weight, old in reversed(changed):
            view[weight.row, weight.col] = old


FAMILIES = ["llama", "gpt2", "gemma2", "mixtral", "cohere", "bloom", "opt", "gpt_neox", "qwen2_moe", "olmo2"]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_card_equals_plain_forwards_of_edited_copies(name, loud):
    loaded = reading_model(name, context_length=64)
    weights = [super_weight(loaded, 0, 3, 5), super_weight(loaded, len(loaded.sites) - 1, 2, 1)]
    loud(loaded, *weights)
    options = InterventionOptions(bootstrap=200, top_tokens=5)
    cards = super_weight_cards(loaded, weights, TEXT, windows=WINDOWS, options=options)
    ids = torch.tensor(loaded.tokenizer(TEXT.text, add_special_tokens=False)["input_ids"])
    windows = windows_by_hand(ids, tokens=300, length=40, stride=20)
    base, n, p, logp = plain_sums(loaded.model, loaded, windows)
    total = n.sum()
    assert total == 300
    unlisted = set(unlisted_ids(loaded.tokenizer, 128))
    for card, weight in zip(cards, weights, strict=True):
        removed, _, q, logq = plain_sums(edited_copy(loaded, [weight]), loaded, windows)
        change = (removed - base).sum(0) / total
        np.testing.assert_allclose(metrics_of(card.baselines), base.sum(0) / total, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(metrics_of(card.deltas), change, rtol=1e-3, atol=2e-6)
        neuron, *_ = plain_sums(zeroed_column(loaded, weight), loaded, windows)
        np.testing.assert_allclose(
            metrics_of(card.controls.neuron_zero_delta), (neuron - base).sum(0) / total, rtol=1e-3, atol=2e-6
        )
        controls = []
        for row, col in card.controls.random_coords:
            assert row not in {w.row for w in weights if w.module == weight.module}
            assert col not in {w.col for w in weights if w.module == weight.module}
            number = loaded.sites.sites.index(loaded.sites.find(weight.coordinate))
            edited, *_ = plain_sums(edited_copy(loaded, [super_weight(loaded, number, row, col)]), loaded, windows)
            controls.append((edited - base).sum(0) / total)
        controls = np.array(controls)
        assert len(controls) == 3
        np.testing.assert_allclose(metrics_of(card.controls.random_coord_delta), controls.mean(0), rtol=1e-3, atol=2e-6)
        np.testing.assert_allclose(
            metrics_of(card.controls.random_coord_std), controls.std(0, ddof=1), rtol=2e-2, atol=2e-6
        )
        largest = controls[np.abs(controls).argmax(0), np.arange(5)]
        np.testing.assert_allclose(metrics_of(card.controls.random_coord_max), largest, rtol=1e-3, atol=2e-6)
        shifts = card.token_shifts
        delta = (q - p) / total
        assert shifts.total_variation == pytest.approx(np.abs(delta).sum() / 2, rel=1e-3)
        expected_up = [i for i in np.argsort(-delta) if i not in unlisted and delta[i] > 0][:5]
        np.testing.assert_allclose([s.delta_p for s in shifts.up], delta[expected_up], rtol=1e-2, atol=1e-7)
        for shift in [*shifts.up, *shifts.down]:
            assert shift.id not in unlisted
            assert shift.p_baseline == pytest.approx(p[shift.id] / total, rel=1e-3)
            assert shift.p_modified == pytest.approx(q[shift.id] / total, rel=1e-3)
            assert shift.delta_logp == pytest.approx((logq - logp)[shift.id] / total, rel=1e-2, abs=1e-5)
        assert shifts.down[0].delta_p == pytest.approx(
            delta[[i for i in range(128) if i not in unlisted]].min(), rel=1e-3
        )
        draws = card.bootstrap.loss
        assert draws.n_windows == len(windows)
        assert draws.ci_low <= draws.mean <= draws.ci_high
        assert draws.mean == card.deltas.loss
        generator = np.random.default_rng(0)
        picks = generator.integers(len(windows), size=(N_RESAMPLES, len(windows)))
        ratios = (removed - base)[picks, 0].sum(1) / n[picks].sum(1)
        low, high = np.percentile(ratios, [2.5, 97.5])
        spread = high - low
        assert abs(draws.ci_low - low) < 0.3 * spread + 1e-6
        assert abs(draws.ci_high - high) < 0.3 * spread + 1e-6


def test_every_option_acts(loud):
    loaded = reading_model("llama", context_length=64)
    weights = [super_weight(loaded, 0, 3, 5)]
    loud(loaded, *weights)

    def card(windows=WINDOWS, **choices):
        return super_weight_cards(loaded, weights, TEXT, windows=windows, options=InterventionOptions(**choices))[0]

    plain = card()
    assert plain == card()  # the same seed, the same numbers
    assert plain.deltas == card(seed=7).deltas
    assert plain.controls.random_coords != card(seed=7).controls.random_coords
    assert plain.controls.random_coords[:2] == card(seed=7).controls.random_coords[:2]  # the nearest in size
    assert len(card(control_samples=5).controls.random_coords) == 5
    assert "random_coord_std" not in card(control_samples=1).controls.model_dump()
    assert "bootstrap" not in plain.model_dump()
    assert "cascade" not in plain.model_dump()
    assert card(bootstrap=50, seed=1).bootstrap != card(bootstrap=50, seed=2).bootstrap
    assert len(card(top_tokens=3).token_shifts.up) == 3
    batched = card(batch_size=2)
    assert batched.deltas.loss == pytest.approx(plain.deltas.loss, rel=1e-5)
    ids = torch.tensor(loaded.tokenizer(TEXT.text, add_special_tokens=False)["input_ids"])
    dropped = card(WindowOptions(tokens=300, window_len=40, stride=20, drop_first_token=True))
    by_hand = windows_by_hand(ids, tokens=300, length=40, stride=20)
    base, n, *_ = plain_sums(loaded.model, loaded, by_hand, drop_first=True)
    assert n.sum() == 300 - len(by_hand)
    assert dropped.baselines.loss == pytest.approx(base[:, 0].sum() / n.sum(), rel=1e-5)


def test_the_cascade_of_a_card_ends_with_its_own_deltas(loud):
    loaded = reading_model("gpt2", context_length=64)
    weights = [super_weight(loaded, 2, 3, 5)]
    loud(loaded, *weights)
    card = super_weight_cards(loaded, weights, TEXT, windows=WINDOWS, options=InterventionOptions(cascade=True))[0]
    assert card.cascade.layers == [0, 1, 2, 3]
    assert card.cascade.delta_entropy[:2] == [0.0, 0.0]
    assert card.cascade.delta_entropy[-1] == pytest.approx(card.deltas.entropy, rel=1e-4)
    assert card.cascade.delta_margin[-1] == pytest.approx(card.deltas.topk_margin, rel=1e-4)


def test_a_removal_without_effect_says_why():
    loaded = reading_model("llama", context_length=64)
    weight = super_weight(loaded, 1, 4, 4)
    site = loaded.sites.find(weight.coordinate)
    view = site.view(parameter_of(loaded.model, site).data)
    old = view[4, 4].clone()
    with torch.no_grad():
        view[4, 4] = 0
    card = super_weight_cards(loaded, [weight], TEXT, windows=WINDOWS)[0]
    with torch.no_grad():
        view[4, 4] = old
    assert card.edit_inactive == "the weight is 0"
    assert card.deltas.loss == 0
