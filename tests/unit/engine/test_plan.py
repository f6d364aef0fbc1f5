"""The forward plan gives what plain forwards give, and shares what it promises to share."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

import swa.engine.variants.readout as readout_module
from swa.engine.measures.reducers import LossReducer
from swa.engine.variants.batch import TokenBatch
from swa.engine.variants.interventions import ScaleEntries, Variant
from swa.engine.variants.plan import ForwardPlan
from swa.errors import OutOfMemoryError
from swa.models.discovery.sites import parameter_of
from tests.support.tiny_loaded import loaded_tiny

IDS = torch.randint(6, 100, (4, 24), generator=torch.Generator().manual_seed(1))


def naive_losses(loaded, variant, ids):
    """Plain forwards of an edited model, cross-entropy by torch."""
    old = []
    with torch.no_grad():
        for edit in variant.interventions:
            weight = edit.site.view(parameter_of(loaded.model, edit.site).data)
            old.append((weight, edit.index, weight[edit.index].clone()))
            weight[edit.index] = weight[edit.index] * edit.factor
        logits = loaded.model(input_ids=ids, use_cache=False).logits.double()
        for weight, index, values in reversed(old):
            weight[index] = values
    losses = torch.nn.functional.cross_entropy(logits[:, :-1].transpose(1, 2), ids[:, 1:], reduction="none")
    return losses.sum(dim=1)


def variants_of(loaded):
    first, middle, last = loaded.sites.sites[0], loaded.sites.sites[len(loaded.sites) // 2], loaded.sites.sites[-1]
    return [
        Variant("row", (ScaleEntries(first, 3, None),)),
        Variant("neuron", (ScaleEntries(middle, None, 2),)),
        Variant("scaled", (ScaleEntries(last, 1, 4, 30.0),)),
        Variant("all", (ScaleEntries(last, 3, 5), ScaleEntries(middle, 1, None), ScaleEntries(first, 1, 1))),
    ]


@pytest.mark.parametrize("name", ["llama", "gpt2", "mixtral", "gemma3_text", "jamba", "rwkv", "bloom", "xlm", "zamba2"])
def test_losses_equal_plain_forwards(name):
    loaded = loaded_tiny(name)
    measured = ForwardPlan(loaded, variants_of(loaded)).measure(TokenBatch.all_scored(IDS), LossReducer())
    assert [m.variant.name for m in measured] == ["baseline", "row", "neuron", "scaled", "all"]
    for m in measured:
        assert m.result.nll == pytest.approx(naive_losses(loaded, m.variant, IDS), rel=2e-6)
        assert m.result.n_targets.tolist() == [23] * 4
    assert len({float(m.result.nll.sum()) for m in measured}) == 5


def test_layers_before_the_edit_do_not_run_again():
    loaded = loaded_tiny("llama")  # 4 layers
    last = Variant("last", (ScaleEntries(loaded.sites.sites[-1], 1, None),))
    plan = ForwardPlan(loaded, [last, last])
    plan.measure(TokenBatch.all_scored(IDS), LossReducer())
    assert plan.n_layer_calls == 4 + 1 + 1
    first = Variant("first", (ScaleEntries(loaded.sites.sites[0], 1, None),))
    plan = ForwardPlan(loaded, [first])
    plan.measure(TokenBatch.all_scored(IDS), LossReducer())
    assert plan.n_layer_calls == 8


def test_a_model_whose_layers_cannot_be_shared_falls_back_and_says_so():
    loaded = loaded_tiny("gemma4_text@double_wide")  # later layers use the keys and values of earlier ones
    variants = variants_of(loaded)
    plan = ForwardPlan(loaded, variants)
    measured = plan.measure(TokenBatch.all_scored(IDS), LossReducer())
    assert plan.fallbacks
    for m in measured:
        assert m.result.nll == pytest.approx(naive_losses(loaded, m.variant, IDS), rel=2e-6)


def test_what_cannot_be_shared_is_a_fallback_of_every_plan_and_told_once():
    loaded = loaded_tiny("gemma4_text@double_wide")
    told = []
    progress = SimpleNamespace(warn=told.append)
    first = ForwardPlan(loaded, variants_of(loaded), progress=progress)
    first.measure(TokenBatch.all_scored(IDS), LossReducer())
    second = ForwardPlan(loaded, variants_of(loaded), progress=progress, known=first.checked)
    second.measure(TokenBatch.all_scored(IDS), LossReducer())
    assert first.fallbacks == second.fallbacks == told


@pytest.mark.parametrize("name", ["llama", "gpt2", "gemma2", "cohere", "xlstm"])
def test_reading_logits_in_chunks_changes_nothing(name, monkeypatch):
    loaded = loaded_tiny(name)
    batch = TokenBatch.all_scored(IDS)
    whole = ForwardPlan(loaded, variants_of(loaded)).measure(batch, LossReducer())
    monkeypatch.setattr(readout_module, "CHUNK_ON_CPU", 128 * 5)
    shapes = []

    class Spy(LossReducer):
        def reduce(self, chunks, batch):
            def seen():
                for chunk in chunks:
                    shapes.append(chunk.logits.shape[0])
                    yield chunk

            return super().reduce(seen(), batch)

    chunked = ForwardPlan(loaded, variants_of(loaded)).measure(batch, Spy())
    for one, other in zip(whole, chunked, strict=True):
        assert one.result.nll == pytest.approx(other.result.nll, rel=2e-6)
    assert max(shapes) == 5


def test_out_of_memory_halves_the_batch_and_keeps_the_rows(monkeypatch):
    loaded = loaded_tiny("llama")
    variants = variants_of(loaded)
    batch = TokenBatch.all_scored(IDS)
    expected = ForwardPlan(loaded, variants).measure(batch, LossReducer())
    original = loaded.model.forward

    def small_memory(*args, **kwargs):
        if kwargs["input_ids"].shape[0] > 1:
            raise torch.OutOfMemoryError("out of memory")
        return original(*args, **kwargs)

    monkeypatch.setattr(loaded.model, "forward", small_memory)
    plan = ForwardPlan(loaded, variants)
    measured = plan.measure(batch, LossReducer())
    for one, other in zip(expected, measured, strict=True):
        assert one.result.nll == pytest.approx(other.result.nll, rel=1e-6)
    assert plan.fallbacks[0].startswith("Out of memory with 4 rows at once")


def test_a_single_row_that_does_not_fit_is_a_known_error(monkeypatch):
    loaded = loaded_tiny("llama")

    def no_memory(*args, **kwargs):
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(loaded.model, "forward", no_memory)
    with pytest.raises(OutOfMemoryError, match="one row"):
        ForwardPlan(loaded, []).measure(TokenBatch.all_scored(IDS), LossReducer())
    monkeypatch.undo()


def test_other_errors_are_not_taken_for_memory(monkeypatch):
    loaded = loaded_tiny("llama")

    def broken(*args, **kwargs):
        raise RuntimeError("shape mismatch")

    monkeypatch.setattr(loaded.model, "forward", broken)
    with pytest.raises(RuntimeError, match="shape mismatch"):
        ForwardPlan(loaded, []).measure(TokenBatch.all_scored(IDS), LossReducer())
