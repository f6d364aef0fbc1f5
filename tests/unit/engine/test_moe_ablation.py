"""One scalar of one expert, in every layout: removed alone, shared layers included, and put back to the bit."""

from __future__ import annotations

import pytest
import torch

from swa.engine.capture.capture import capture
from swa.engine.measures.reducers import LossReducer
from swa.engine.variants.ablation import edited_by_recomputing, edited_in_place
from swa.engine.variants.batch import TokenBatch
from swa.engine.variants.interventions import ScaleEntries, Variant
from swa.engine.variants.plan import ForwardPlan
from tests.support.experts import IDS, LAYOUTS, WINDOWS, experts_of
from tests.support.tiny_loaded import loaded_tiny

pytestmark = pytest.mark.filterwarnings("ignore")


def _edits(loaded):
    """A scalar that acts, of a reached expert in the first and in the last layer that has any, and of a shared one."""
    seen = capture(loaded.model, loaded.sites.sites, IDS).sites
    reached = [site for site in experts_of(loaded) if site in seen and seen[site].x.any()]
    chosen = [reached[0], reached[-1], *[site for site in loaded.sites if site.kind == "shared_expert"][-1:]]
    edits = []
    for site in chosen:
        col = int(seen[site].x.abs().amax(0).argmax())
        edits.append(ScaleEntries(site, 3, col, 1e3))
    return edits


def _logits(loaded):
    with torch.no_grad():
        return loaded.model(input_ids=IDS, use_cache=False).logits


@pytest.mark.parametrize("name", LAYOUTS)
def test_one_scalar_changes_and_comes_back(name):
    loaded = loaded_tiny(name)
    before = {key: tensor.clone() for key, tensor in loaded.model.state_dict().items()}
    intact = _logits(loaded)
    for edit in _edits(loaded):
        with edited_in_place(loaded.model, [edit]):
            during = loaded.model.state_dict()
            changed = sum(int((during[key] != old).sum()) for key, old in before.items())
            assert changed == 1
            assert not torch.equal(_logits(loaded), intact)
        assert all(torch.equal(tensor, before[key]) for key, tensor in loaded.model.state_dict().items())
        assert torch.equal(_logits(loaded), intact)


@pytest.mark.parametrize("name", LAYOUTS)
def test_sharing_layers_equals_whole_forwards(name):
    loaded = loaded_tiny(name)
    edits = _edits(loaded)
    batch = TokenBatch.all_scored(WINDOWS)
    plan = ForwardPlan(loaded, [Variant(str(i), (edit,)) for i, edit in enumerate(edits)])
    intact, *measured = plan.measure(batch, LossReducer())
    assert plan.fallbacks == []
    for edit, one in zip(edits, measured, strict=True):
        with edited_in_place(loaded.model, [edit]):
            (alone,) = ForwardPlan(loaded, []).measure(batch, LossReducer())
        assert torch.equal(one.result.nll, alone.result.nll)
        assert not torch.equal(one.result.nll, intact.result.nll)


@pytest.mark.parametrize("name", LAYOUTS)
def test_recomputed_rows_of_experts_equal_edited_weights(name):
    loaded = loaded_tiny(name)
    for edit in _edits(loaded):
        with edited_in_place(loaded.model, [edit]):
            expected = _logits(loaded)
        with edited_by_recomputing(loaded.model, [edit]):
            recomputed = _logits(loaded)
        assert (recomputed - expected).abs().max() <= 1e-4 * expected.abs().max()
