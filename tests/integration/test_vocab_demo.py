"""The card of the demo model's worst super weight, every number against plain forwards of the edited model."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pytest
import torch

from swa.data.options import WindowOptions
from swa.data.sources import load_text
from swa.data.tokens import unlisted_ids
from swa.vocabulary.options import InterventionOptions
from tests.support.at_once import super_weight_cards
from tests.support.evaluating import super_weight
from tests.support.window_loop import metrics_of, plain_sums, windows_by_hand

pytestmark = pytest.mark.real_model
LAYER, ROW, COL = 11, 507, 1229


@contextmanager
def zeroed(weight: torch.Tensor, place):
    old = weight[place].clone()
    try:
        with torch.no_grad():
            weight[place] = 0.0
        yield
    finally:
        with torch.no_grad():
            weight[place] = old


def test_every_number_of_the_card(demo):
    text = load_text("builtin")
    weight = demo.model.model.layers[LAYER].mlp.down_proj.weight.data
    before = weight.clone()
    (card,) = super_weight_cards(
        demo,
        [super_weight(demo, LAYER, ROW, COL)],
        text,
        windows=WindowOptions(tokens=90, window_len=64, stride=32),
        options=InterventionOptions(cascade=True, bootstrap=500, top_tokens=10),
    )
    assert torch.equal(weight, before)

    ids = torch.tensor(demo.tokenizer("\n\n".join(text.documents), add_special_tokens=False)["input_ids"][:200])
    windows = windows_by_hand(ids, tokens=90, length=64, stride=32)
    intact, n, p, logp = plain_sums(demo.model, demo, windows)
    total = n.sum()
    assert (total, len(windows)) == (90, 2)

    def change(place):
        with zeroed(weight, place):
            edited, _, q, logq = plain_sums(demo.model, demo, windows)
        return edited - intact, (q - p) / total, (logq - logp) / total

    removed, delta_p, delta_logp = change((ROW, COL))
    np.testing.assert_allclose(metrics_of(card.baselines), intact.sum(0) / total, rtol=1e-5)
    np.testing.assert_allclose(metrics_of(card.deltas), removed.sum(0) / total, rtol=1e-4, atol=1e-5)
    assert card.deltas.loss > 1
    neuron, *_ = change((slice(None), COL))
    np.testing.assert_allclose(metrics_of(card.controls.neuron_zero_delta), neuron.sum(0) / total, rtol=1e-3, atol=1e-5)
    assert (507, 1487) not in card.controls.random_coords  # nearest in size, and a super weight's row
    controls = np.array([change(place)[0].sum(0) / total for place in card.controls.random_coords])
    np.testing.assert_allclose(metrics_of(card.controls.random_coord_delta), controls.mean(0), rtol=1e-2, atol=1e-5)
    assert np.abs(controls[:, 0]).max() < 0.01

    listed = np.ones(len(delta_p), dtype=bool)
    listed[unlisted_ids(demo.tokenizer, len(delta_p))] = False
    order = [number for number in np.argsort(-delta_p) if listed[number]]
    for shifts, expected in ((card.token_shifts.up, order[:10]), (card.token_shifts.down, order[:-11:-1])):
        assert [shift.id for shift in shifts] == expected
        np.testing.assert_allclose([shift.delta_p for shift in shifts], delta_p[expected], rtol=1e-3)
        np.testing.assert_allclose([shift.delta_logp for shift in shifts], delta_logp[expected], rtol=1e-3)
    assert card.token_shifts.total_variation == pytest.approx(np.abs(delta_p).sum() / 2, rel=1e-3)

    interval = card.bootstrap.loss
    of_windows = np.sort(removed[:, 0] / n)  # two windows: of the four draws two are one window alone
    assert (interval.ci_low, interval.ci_high) == pytest.approx(tuple(of_windows), rel=1e-4)
    assert card.cascade.layers[-1] == 29
    assert card.cascade.kl[: card.cascade.layers.index(LAYER)] == [0.0] * card.cascade.layers.index(LAYER)
    assert card.cascade.delta_entropy[-1] == pytest.approx(card.deltas.entropy, rel=1e-4)
