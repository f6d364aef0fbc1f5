"""Metrics of predictions against scipy and a plain transformers loop."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch

from swa.engine.measures.window_metrics import METRICS, WindowReducer, token_metrics
from swa.engine.variants.batch import TokenBatch
from swa.engine.variants.interventions import ScaleEntries, Variant
from swa.engine.variants.plan import ForwardPlan
from tests.support.tiny_loaded import loaded_tiny

IDS = torch.randint(6, 100, (3, 24), generator=torch.Generator().manual_seed(2))
STOP = [7, 9, 30, 31, 77]


def plain(loaded, ids, first):
    """The definitions, in float64, one window at a time."""
    rows, p_sum, logp_sum = [], np.zeros(128), np.zeros(128)
    for window in ids:
        with torch.no_grad():
            logits = loaded.model(input_ids=window[None], use_cache=False).logits[0, first - 1 : -1].double().numpy()
        logp = scipy.special.log_softmax(logits, axis=-1)
        p = np.exp(logp)
        best, second = np.sort(p, axis=-1)[:, -1], np.sort(p, axis=-1)[:, -2]
        ordered = np.sort(logits, axis=-1)
        rows.append(
            [
                -logp[np.arange(len(logp)), window[first:]].sum(),
                scipy.stats.entropy(p, axis=-1).sum(),
                (best - second).sum(),
                p[:, STOP].sum(),
                (ordered[:, -1] - ordered[:, -2]).sum(),
            ]
        )
        p_sum, logp_sum = p_sum + p.sum(axis=0), logp_sum + logp.sum(axis=0)
    return np.array(rows), p_sum, logp_sum


@pytest.mark.parametrize("name", ["llama", "gpt2", "gemma2", "mixtral", "cohere", "bloom", "opt", "rwkv", "xlstm"])
@pytest.mark.parametrize("n_prefix", [0, 2])
def test_every_sum_equals_its_definition(name, n_prefix, monkeypatch):
    monkeypatch.setattr("swa.engine.variants.readout.CHUNK_ON_CPU", 128 * 7)
    loaded = loaded_tiny(name)
    edit = ScaleEntries(loaded.sites.sites[1], 3, None, 5.0)
    plan = ForwardPlan(loaded, [Variant("edited", (edit,)), Variant("same", (ScaleEntries(edit.site, 3, 4, 1.0),))])
    intact, edited, same = plan.measure(TokenBatch.all_scored(IDS, n_prefix=n_prefix), WindowReducer(STOP))
    first = max(1, n_prefix)
    expected, p, logp = plain(loaded, IDS, first)
    np.testing.assert_allclose(intact.result.metrics.numpy(), expected, rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(intact.result.p.numpy(), p, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(intact.result.logp.numpy(), logp, rtol=1e-5)
    assert intact.result.n_targets.tolist() == [24 - first] * 3
    assert not torch.equal(edited.result.metrics, intact.result.metrics)
    for one, other in zip(same.result, intact.result, strict=True):
        assert torch.equal(one, other)  # a factor of 1 gives exactly 0


def test_parts_join_to_the_whole():
    loaded = loaded_tiny("llama")
    reducer = WindowReducer(STOP)
    batch = TokenBatch.all_scored(IDS)
    whole = ForwardPlan(loaded, []).measure(batch, reducer)[0].result
    parts = reducer.join([ForwardPlan(loaded, []).measure(part, reducer)[0].result for part in batch.split(1)])
    for one, other in zip(whole, parts, strict=True):
        assert torch.allclose(one.double(), other.double(), rtol=1e-5)
    assert len(METRICS) == whole.metrics.shape[1]


def test_nothing_cancels_in_a_large_vocabulary():
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(9, 50_000, generator=generator) + torch.tensor([-300.0, 0.0, 15.0] * 3)[:, None]
    logits[3:, :5] += 20.0  # from flat to certain
    logits[6:, 3] += 1e-3 * logits[6:, :5].amax(dim=1)
    targets = torch.arange(9)
    logp = scipy.special.log_softmax(logits.double().numpy(), axis=-1)
    p = np.exp(logp)
    ordered = np.sort(logits.double().numpy(), axis=-1)
    margin = np.sort(p, axis=-1)
    found = token_metrics(logits.clone(), targets, torch.arange(0, 50_000, 3)).metrics
    np.testing.assert_allclose(found.loss, -logp[np.arange(9), targets], rtol=1e-6)
    np.testing.assert_allclose(found.entropy, scipy.stats.entropy(p, axis=-1), rtol=2e-6)
    np.testing.assert_allclose(found.topk_margin, margin[:, -1] - margin[:, -2], rtol=1e-5)
    np.testing.assert_allclose(found.logit_margin, ordered[:, -1] - ordered[:, -2], rtol=1e-6)
    np.testing.assert_allclose(found.stopword_mass, p[:, ::3].sum(axis=-1), rtol=2e-6)
