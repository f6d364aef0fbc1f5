"""A mixture of experts made of the demo model's real weights: what is planted is found, and nothing else is changed."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from swa.data.sources import TextSource, load_text
from swa.detection.analysis import detect, prompt_ids
from swa.detection.options import DEFAULT_PROMPT, DetectOptions
from tests.support.moe_from_dense import kept_in_one_expert, mixture_from

pytestmark = pytest.mark.real_model

WINDOW = 32
EXPERT = 2
"""An expert of layer 11 that the first token is sent to, whatever it is: super weights act through it."""
THRESHOLD = 2985.0
"""Above the inputs of the late layers, whose spikes are known to do nothing: fewer candidates to remove."""
OTHER = (507, 1487)
"""The second super weight of the layer: every expert has it, and without the first it is what spikes there."""


@pytest.fixture(scope="module")
def mixture(demo):
    """Small windows: the super weight acts in the first token of each."""
    return dataclasses.replace(mixture_from(demo), context_length=WINDOW)


@pytest.fixture(scope="module")
def text(demo):
    """As much as makes 4 + 2 windows."""
    whole = load_text("builtin", data_dir=None).text
    ids = demo.tokenizer(whole, add_special_tokens=False, verbose=False)["input_ids"]
    return TextSource("short", (demo.tokenizer.decode(ids[: 6 * WINDOW + 8]),))


def test_with_equal_experts_it_computes_what_the_dense_model_computes(demo, mixture):
    ids = prompt_ids(demo, "Super weights act through the first token; a router must not change that.")
    with torch.no_grad():
        dense, routed = (loaded.model(input_ids=ids).logits for loaded in (demo, mixture))
    assert (dense - routed).abs().max() < 1e-5 * dense.abs().max()


def test_the_super_weight_is_found_and_confirmed_in_its_expert(demo, mixture, text):
    options = DetectOptions(
        screens=("spike",), max_iterations=1, spike_threshold=THRESHOLD, router_analysis_samples=2, batch_size=4
    )
    chosen = []
    hook = mixture.model.model.layers[11].mlp.gate.register_forward_hook(
        lambda _m, _a, output: chosen.append(output[2])
    )
    with kept_in_one_expert(mixture, EXPERT) as coordinate:
        windows = torch.tensor(demo.tokenizer(text.text)["input_ids"][4 * WINDOW : 6 * WINDOW]).view(2, WINDOW)
        with torch.no_grad():
            for window in windows:
                mixture.model(input_ids=window[None], use_cache=False)
        hook.remove()
        result = detect(mixture, text, options=options)
    selected = torch.cat(chosen)
    found = {weight.coordinate: weight for weight in result.super_weights}
    weight = found[coordinate]
    assert result.super_weights[0] is weight
    assert weight.confirmation.confirmed
    assert weight.prompts[:2] == [DEFAULT_PROMPT, "window 4"]
    assert weight.output_position == 0
    assert {(other.layer, other.row, other.col) for other in result.super_weights[1:]} <= {(11, *OTHER)}
    assert weight.moe.co_spike_score > 0.9
    assert weight.moe.p_active == float((selected == EXPERT).any(dim=1).double().mean())
    assert weight.moe.n_routed_tokens == int((selected == EXPERT).any(dim=1).sum())
    assert 0 in weight.moe.positions
    assert weight.moe.super_expert
    (layer,) = [layer for layer in result.routing if layer.layer == 11]
    assert layer.p_active == [float((selected == expert).any(dim=1).double().mean()) for expert in range(4)]
    assert result.coverage.text == "examined 120/120 experts"
