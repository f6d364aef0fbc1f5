"""The lens against the model's own final norm and head, written out per family; planted effects by layer."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
import torch

from swa.cascades.analysis import cascade
from swa.cascades.options import CascadeOptions
from swa.engine.measures.layer_choice import LayerChoice
from swa.engine.measures.lens import LensReader, LensTarget
from swa.engine.measures.window_metrics import WindowReducer
from swa.engine.variants.batch import TokenBatch
from swa.engine.variants.interventions import ScaleEntries, Variant
from swa.engine.variants.plan import ForwardPlan
from swa.errors import UnsupportedModelError, UsageError
from swa.models.discovery.sites import parameter_of
from tests.support.evaluating import Heard, edited_copy, reading_model, super_weight
from tests.support.tiny_loaded import loaded_tiny, text_of

IDS = torch.randint(6, 100, (3, 20), generator=torch.Generator().manual_seed(5))


def heads(name, network):
    """From a residual stream to logits, by the modules' names: what the lens must find without them."""
    if name in ("gpt2", "bloom"):
        return lambda h: network.lm_head(network.transformer.ln_f(h))
    if name == "gpt_neox":
        return lambda h: network.lm_head(network.gpt_neox.final_layer_norm(h))
    if name == "opt":
        return lambda h: network.lm_head(network.model.decoder.final_layer_norm(h))
    if name == "cohere":
        return lambda h: network.lm_head(network.model.norm(h)) * network.logit_scale
    if name == "gemma2":
        cap = network.config.final_logit_softcapping
        return lambda h: torch.tanh(network.lm_head(network.model.norm(h)) / cap) * cap
    return lambda h: network.lm_head(network.model.norm(h))


def stack_of(loaded):
    return loaded.sites.sites[0].stack


def residuals(network, stack, ids):
    """Outputs of every layer by plain hooks."""
    found = []
    hooks = [
        layer.register_forward_hook(lambda _m, _a, out: found.append(out if torch.is_tensor(out) else out[0]))
        for layer in network.get_submodule(stack)
    ]
    with torch.no_grad():
        network(input_ids=ids, use_cache=False)
    for hook in hooks:
        hook.remove()
    return found


FAMILIES = ["llama", "gpt2", "gemma2", "mixtral", "cohere", "bloom", "gpt_neox", "olmo2", "qwen3", "phi"]


@pytest.mark.parametrize("name", FAMILIES)
def test_every_reading_equals_its_definition(name, monkeypatch):
    monkeypatch.setattr("swa.engine.variants.readout.CHUNK_ON_CPU", 128 * 7)
    loaded = loaded_tiny(name)
    dense = [site for site in loaded.sites if site.layer == 1]
    weight = super_weight(loaded, loaded.sites.sites.index(dense[0]), 3, 5)
    variant = Variant("removed", (ScaleEntries(dense[0], 3, 5, 60.0),))
    target = LensTarget(stack_of(loaded), (0, 1, 2, 3), 1, 3)
    intact, edited = ForwardPlan(loaded, [variant]).measure(
        TokenBatch.all_scored(IDS), WindowReducer(()), reader=LensReader(loaded, {variant: target})
    )
    sums = edited.seen
    network = edited_copy(loaded, [weight], 60.0)
    before, after = (residuals(model, stack_of(loaded), IDS) for model in (loaded.model, network))
    head = heads(name if name != "phi" else "phi", loaded.model)
    if name == "phi":
        head = lambda h: loaded.model.lm_head(loaded.model.model.final_layernorm(h))  # noqa: E731
    assert sums.n_positions == 3 * 19
    spike = before[1][..., 3].abs().argmax(dim=1)
    for layer in range(4):
        with torch.no_grad():
            one, other = (head(h[layer])[:, :-1].double().numpy() for h in (before, after))
        logp, logq = scipy.special.log_softmax(one, -1), scipy.special.log_softmax(other, -1)
        p, q = np.exp(logp), np.exp(logq)
        entropy = (-(q * logq).sum(-1) + (p * logp).sum(-1)).sum()
        top_p, top_q = np.sort(p, -1), np.sort(q, -1)
        margin = ((top_q[..., -1] - top_q[..., -2]) - (top_p[..., -1] - top_p[..., -2])).sum()
        kl = (p * (logp - logq)).sum()
        h, g = (x[layer][:, :-1].double() for x in (before, after))
        cosine = torch.nn.functional.cosine_similarity(h, g, dim=-1).sum()
        ratio = (g.norm(dim=-1) / h.norm(dim=-1)).sum()
        got = sums.readings[layer]
        np.testing.assert_allclose([got[0], got[1], got[3]], [entropy, margin, kl], rtol=1e-3, atol=2e-4)
        np.testing.assert_allclose([got[4], got[5]], [cosine, ratio], rtol=1e-5)
        rows = [float(x[layer][range(3), spike, 3].abs().sum()) for x in (before, after)]
        np.testing.assert_allclose(sums.h_row[layer], rows, rtol=1e-4)
        if layer == 0:
            assert got.tolist() == [0.0, 0.0, 0.0, 0.0, 57.0, 57.0]
        else:
            assert got[3] > 0
    change = (edited.result.metrics - intact.result.metrics).sum(dim=0)
    np.testing.assert_allclose(
        [sums.readings[3, 0], sums.readings[3, 1], sums.readings[3, 2]], change[[1, 2, 4]], rtol=1e-4, atol=1e-4
    )


def measured_last(name):
    loaded = loaded_tiny(name)
    site = loaded.sites.sites[0]
    variant = Variant("removed", (ScaleEntries(site, 3, None, 20.0),))
    target = LensTarget(site.stack, (site.layer, loaded.sites.stacks[site.stack] - 1), site.layer, 3)
    return ForwardPlan(loaded, [variant]).measure(
        TokenBatch.all_scored(IDS), WindowReducer(()), reader=LensReader(loaded, {variant: target})
    )


@pytest.mark.parametrize("name", ["deepseek_v4", "hy_v4", "qwen4_exp", "zamba2", "nemotron_h"])
def test_unusual_streams_agree_at_the_last_layer(name):
    intact, edited = measured_last(name)
    change = (edited.result.metrics - intact.result.metrics).sum(dim=0)
    np.testing.assert_allclose(edited.seen.readings[-1, [0, 1]], change[[1, 2]], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["gemma3n_text", "xlnet"])
def test_models_without_one_residual_stream_are_refused(name):
    with pytest.raises(UnsupportedModelError, match="residual stream"):
        measured_last(name)


def test_cascade_records_the_means_and_restores_the_weights():
    loaded = reading_model("llama", context_length=64)
    weights = [super_weight(loaded, 2, 3, 5), super_weight(loaded, 0, 1, 2)]
    before = {name: p.clone() for name, p in loaded.model.named_parameters()}
    options = CascadeOptions(tokens=200, window_len=40, stride=20, layers=LayerChoice(every=1))
    heard = Heard()
    first, second = cascade(loaded, weights, text_of(400), options=options, progress=heard)
    assert heard.tasks == ["Cascade"]
    assert [first.coordinate, second.coordinate] == [weight.coordinate for weight in weights]
    assert first.cascade.layers == [0, 1, 2, 3]
    assert first.cascade.kl[:2] == [0.0, 0.0]
    assert first.cascade.delta_entropy[:2] == [0.0, 0.0]
    assert all(value > 0 for value in first.cascade.kl[2:])
    assert all(value > 0 for value in second.cascade.kl)
    assert first.residual_cosine[:2] == [1.0, 1.0]
    for name, parameter in loaded.model.named_parameters():
        assert torch.equal(parameter, before[name])
    assert parameter_of(loaded.model, loaded.sites.sites[2]) is not None


def test_the_choice_of_layers():
    assert LayerChoice().of(11, 30) == (0, 4, 10, 11, 17, 21, 25, 29)
    assert LayerChoice().of(0, 4) == (0, 1, 2, 3)
    assert LayerChoice(every=10).of(11, 30) == (0, 10, 20, 29)
    assert LayerChoice(layers=(5, 2, 5)).of(11, 30) == (2, 5)
    with pytest.raises(UsageError, match="0 to 29"):
        LayerChoice(layers=(30,)).of(11, 30)
