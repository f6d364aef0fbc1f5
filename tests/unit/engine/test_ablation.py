"""Edits act, and afterwards the weights are what they were to the bit, whatever happens."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from swa.engine.variants.ablation import edited_by_recomputing, edited_in_place
from swa.engine.variants.interventions import ScaleEntries
from swa.models.discovery.discovery import discover_sites
from swa.models.discovery.sites import parameter_of
from tests.support.tiny_models import build

LAYOUTS = ["llama", "gpt2", "opt", "mixtral", "gpt_oss", "dbrx", "deepseek_v3", "llama4_text", "jetmoe"]
IDS = torch.arange(6, 17)[None]


def _logits(model):
    with torch.no_grad():
        return model(input_ids=IDS, use_cache=False).logits


def _bits(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


@pytest.fixture(params=LAYOUTS)
def model(request):
    return build(request.param)


def _active_edit(model, factor=0.0):
    from swa.engine.capture.capture import capture

    sites = discover_sites(model)
    seen = capture(model, sites.sites, IDS).sites
    site = next(site for site in sites if site in seen and bool(seen[site].x.any()))
    col = int(seen[site].x.abs().amax(0).argmax())
    row = int(site.view(parameter_of(model, site).data)[:, col].abs().argmax())
    return ScaleEntries(site, row, col, factor)


def test_removal_changes_one_scalar_and_is_undone(model):
    edit = _active_edit(model)
    before, intact = _bits(model), _logits(model)
    with edited_in_place(model, [edit]):
        during = _bits(model)
        assert not torch.equal(_logits(model), intact)
    changed = {name: int((during[name] != before[name]).sum()) for name in before}
    assert sum(changed.values()) in (1, 2)  # 2 where the state dict lists a shared weight twice
    after = _bits(model)
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert torch.equal(_logits(model), intact)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_weights_come_back_after_errors_and_interrupts(error):
    model = build("llama")
    before = _bits(model)
    site = discover_sites(model).sites[1]
    with (
        pytest.raises(error),
        edited_in_place(
            model, [ScaleEntries(site, 1, 2), ScaleEntries(site, None, 2, 3.0), ScaleEntries(site, 1, None)]
        ),
    ):
        raise error
    after = _bits(model)
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_overlapping_edits_act_in_order_and_are_undone_in_reverse():
    model = build("llama")
    site = discover_sites(model).sites[0]
    weight = site.view(parameter_of(model, site).data)
    old = weight.clone()
    with edited_in_place(model, [ScaleEntries(site, 3, 5, 2.0), ScaleEntries(site, None, 5, 0.5)]):
        assert torch.equal(weight[3, 5], old[3, 5])
        assert torch.equal(weight[4, 5], old[4, 5] * 0.5)
    assert torch.equal(weight, old)


@pytest.mark.parametrize("factor", [0.0, 0.5, 3.0])
def test_recomputing_a_row_equals_editing_the_weight(model, factor):
    edit = _active_edit(model, factor)
    with edited_in_place(model, [edit]):
        expected = _logits(model)
    before = _bits(model)
    with edited_by_recomputing(model, [edit]):
        recomputed = _logits(model)
    scale = expected.abs().max()
    assert (recomputed - expected).abs().max() <= 1e-5 * scale
    assert (recomputed - _logits(model)).abs().max() > 1e-4 * (expected - _logits(model)).abs().max()
    assert all(torch.equal(tensor, before[name]) for name, tensor in _bits(model).items())


def test_recomputing_a_whole_column_equals_editing_it(model):
    scalar = _active_edit(model)
    edit = ScaleEntries(scalar.site, None, scalar.col)
    with edited_in_place(model, [edit]):
        expected = _logits(model)
    with edited_by_recomputing(model, [edit]):
        assert (_logits(model) - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_factor_one_is_exactly_the_baseline_when_rows_are_recomputed(model):
    edit = _active_edit(model, 1.0)
    with edited_by_recomputing(model, [replace(edit, col=None)]):
        baseline = _logits(model)
        with edited_by_recomputing(model, [edit]):
            assert torch.equal(_logits(model), baseline)
        with edited_by_recomputing(model, [replace(edit, factor=0.0)]):
            assert not torch.equal(_logits(model), baseline)
        assert torch.equal(_logits(model), baseline)


def test_an_offloaded_weight_is_refused():
    model = build("llama")
    site = discover_sites(model).sites[0]
    model.get_submodule(site.module).to("meta")
    with pytest.raises(RuntimeError, match="offloaded"), edited_in_place(model, [ScaleEntries(site, 0, 0)]):
        pass
