"""Weights on disk: the same numbers as in memory, and one reading of a layer for the intact model and all variants."""

from __future__ import annotations

from collections import Counter
from functools import partial

import pytest
import torch
from accelerate.utils import OffloadedWeightsLoader

from swa.cascades.analysis import cascade
from swa.cascades.options import CascadeOptions
from swa.detection.suppression import spike_suppression
from swa.engine.measures.layer_choice import LayerChoice
from swa.engine.measures.reducers import LossReducer
from swa.engine.variants.batch import TokenBatch
from swa.engine.variants.interventions import ScaleEntries, Variant
from swa.engine.variants.plan import ForwardPlan
from swa.errors import UnsupportedModelError
from swa.models.loading.load import load_model
from swa.models.unit import Address
from tests.support.evaluating import super_weight
from tests.support.ledgers import finished
from tests.support.tiny_checkpoint import write_tiny_checkpoint
from tests.support.tiny_loaded import text_of
from tests.support.tiny_models import build

IDS = torch.randint(6, 100, (3, 24), generator=torch.Generator().manual_seed(1))

TOGETHER = ["llama", "gpt2", "gemma2", "mixtral", "gpt_oss", "nemotron_h", "jamba", "opt", "rwkv", "deepseek_v3"]
WHOLE = ["jetmoe", "dbrx", "longcat_flash"]
"""Types whose layers take weights of modules that they do not call."""
APART = ["gemma3n_text", "xlm", "hrm_text"]
"""Types whose layers see more of the past than the residual stream; xlm has no layers."""


@pytest.fixture
def both(tmp_path):
    """A tiny model in memory, and again with all its weights on disk."""

    def load(name, *, max_memory=0, change=None):
        network = build(name)
        if change is not None:
            change(network)
        write_tiny_checkpoint(tmp_path / name, model=network)
        on_disk = load_model(str(tmp_path / name), max_memory=max_memory, cache_dir=tmp_path / "cache")
        assert on_disk.offloaded
        return load_model(str(tmp_path / name)), on_disk

    return load


@pytest.fixture
def readings(monkeypatch):
    """How often each weight was read from disk."""
    counts = Counter()
    read = OffloadedWeightsLoader.__getitem__

    def counted(self, key):
        counts[key] += 1
        return read(self, key)

    monkeypatch.setattr(OffloadedWeightsLoader, "__getitem__", counted)
    return counts


def variants_of(loaded):
    sites = loaded.sites.sites
    first, middle, last = sites[0], sites[len(sites) // 2], sites[-1]
    return [
        Variant("late", (ScaleEntries(last, 1, 4, 30.0),)),
        Variant("neuron", (ScaleEntries(middle, None, 2),)),
        Variant("early", (ScaleEntries(first, 3, 5, 60.0),)),
        Variant("all", (ScaleEntries(last, 3, 5, 9.0), ScaleEntries(first, 1, 1))),
        Variant("nothing", (ScaleEntries(middle, 0, 0, 1.0),)),
    ]


def measured(plan):
    return torch.stack([one.result.nll for one in plan.measure(TokenBatch.all_scored(IDS), LossReducer())])


@pytest.mark.parametrize("name", [*TOGETHER, *WHOLE])
def test_one_reading_serves_all_variants(both, readings, name):
    resident, on_disk = both(name)
    assert on_disk.sites == resident.sites
    plan = ForwardPlan(on_disk, variants_of(on_disk))
    losses = measured(plan)
    torch.testing.assert_close(losses, measured(ForwardPlan(resident, variants_of(resident))), rtol=1e-6, atol=1e-5)
    assert len(set(losses.sum(dim=1).tolist())) == 5  # what changes nothing is exactly the intact model
    assert plan.fallbacks == []
    readings.clear()
    assert torch.equal(measured(plan), losses)
    stacks = tuple(f"{path}." for path in on_disk.sites.stacks)
    assert {n for key, n in readings.items() if key.startswith(stacks)} == {1}
    heads = {key: n for key, n in readings.items() if "embed_tokens" in key or "lm_head" in key}
    assert set(heads.values()) <= {1, 2}  # tied ones are read as the embedding and as the head


@pytest.mark.parametrize("name", APART)
def test_where_that_is_not_exact_each_removal_reads_for_itself(both, name):
    resident, on_disk = both(name)
    plan = ForwardPlan(on_disk, variants_of(on_disk))
    expected = measured(ForwardPlan(resident, variants_of(resident)))
    torch.testing.assert_close(measured(plan), expected, rtol=1e-6, atol=1e-5)
    assert plan.fallbacks[0] == f"Layers are read from disk for each removal in this {type(on_disk.model).__name__}."


def test_layers_before_an_edit_run_once_for_all(both):
    _, on_disk = both("llama")  # 4 layers
    plan = ForwardPlan(on_disk, [Variant(str(i), (ScaleEntries(on_disk.sites.sites[-1], i, 4),)) for i in range(3)])
    measured(plan)
    assert plan.n_layer_calls == 4 + 3


@pytest.mark.parametrize("name", ["llama", "mixtral", "gemma2"])
def test_the_lens_reads_the_same(both, name):
    options = CascadeOptions(tokens=40, window_len=20, stride=20, layers=LayerChoice(every=1))
    first, second = (
        cascade(loaded, [super_weight(loaded, 1, 3, 5)], text_of(400), options=options)[0].model_dump()
        for loaded in both(name)
    )
    assert any(first["cascade"]["kl"])
    for key in ("delta_logit_margin", "residual_cosine", "residual_norm_ratio", "h_row_baseline", "h_row_removed"):
        assert second[key] == pytest.approx(first[key], rel=1e-3, abs=2e-6), key
    for key in ("delta_entropy", "delta_margin", "kl"):
        assert second["cascade"][key] == pytest.approx(first["cascade"][key], rel=1e-3, abs=2e-6), key


def _largest_residual(model, layer):
    kept = []
    hook = model.model.layers[layer].register_forward_hook(lambda _m, _a, out: kept.append(float(out.abs().max())))
    with torch.no_grad():
        model(input_ids=IDS[:1], use_cache=False)
    hook.remove()
    return kept[0]


def test_suppression_is_the_ratio_of_the_largest_residuals_after_the_layer(both, readings):
    def loud(model):
        for layer, row, col in ((1, 3, 5), (1, 7, 2), (3, 3, 5)):
            model.model.layers[layer].mlp.down_proj.weight.data[row, col] = 900.0

    resident, on_disk = both("llama", change=loud)
    expected = {}
    for number, row, col in ((1, 3, 5), (1, 7, 2), (3, 3, 5), (2, 0, 0)):
        intact = _largest_residual(resident.model, number)
        weight = resident.model.model.layers[number].mlp.down_proj.weight.data
        old = weight[row, col].clone()
        weight[row, col] = 0.0
        expected[Address(resident.sites.sites[number], row, col)] = _largest_residual(resident.model, number) / intact
        weight[row, col] = old
    assert min(expected.values()) < 0.9
    for loaded in (resident, on_disk):
        readings.clear()
        shown_by = dict.fromkeys(expected, 0)
        found = finished(partial(spike_suppression, loaded, shown_by, [IDS[:1]]))
        assert found == pytest.approx(expected, rel=1e-5)
    in_layers = {n for key, n in readings.items() if key.startswith("model.layers")}
    assert in_layers == {5}  # four for the checks, then one for all


@pytest.mark.parametrize(
    ("name", "says"),
    [("zamba2", "is shared by several layers"), ("llama4_text", "uses weights of modules that it does not call")],
)
def test_what_cannot_stay_on_disk_is_said(both, name, says):
    with pytest.raises(UnsupportedModelError, match=says) as error:
        both(name)
    assert "--max-memory" in error.value.hint


def test_embeddings_in_memory_suffice_where_code_looks_at_them(both):
    resident, on_disk = both("llama4_text", max_memory=700_000)
    plan = ForwardPlan(on_disk, variants_of(on_disk))
    expected = measured(ForwardPlan(resident, variants_of(resident)))
    torch.testing.assert_close(measured(plan), expected, rtol=1e-6, atol=1e-5)
