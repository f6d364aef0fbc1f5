"""Whole detections of mixtures of experts: complete and right records, options that act, dense models as ever."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
import torch

from swa.data.sources import TextSource
from swa.data.windows import detection_windows, routing_windows
from swa.detection.analysis import detect, prompt_ids
from swa.detection.options import DetectOptions
from swa.engine.capture.capture import capture
from swa.errors import UsageError
from swa.schemas.detection import DetectionResult
from tests.support.experts import EVERY, direct_selections, experts_of, planted_expert
from tests.support.tiny_loaded import loaded_tiny, text_of
from tests.support.unfused import unfused

pytestmark = pytest.mark.filterwarnings("ignore")
PROMPT = "Apple Inc. is"
TEXT = TextSource("letters", tuple(text_of(64 * 30).documents))


def _options(**changes):
    values = {
        "screen_top": 4,
        "max_iterations": 2,
        "prompts": (PROMPT,),
        "spike_threshold": 20.0,
        "router_analysis_samples": 3,
        "enable_causal_scoring": True,
    }
    return DetectOptions(**(values | changes))


def _reached(loaded):
    seen = capture(loaded.model, loaded.sites.sites, prompt_ids(loaded, PROMPT)).sites
    return [site for site in experts_of(loaded) if site in seen and seen[site].x.any()]


@pytest.mark.parametrize("name", EVERY)
def test_a_planted_scalar_is_found_measured_and_described(name):
    loaded = loaded_tiny(name)
    before = {key: tensor.clone() for key, tensor in loaded.model.state_dict().items()}
    reached = _reached(loaded)
    site = reached[len(reached) // 3]
    with planted_expert(loaded, site, prompt_ids(loaded, PROMPT), output=3e3) as plant:
        result = detect(loaded, TEXT, options=_options(spike_threshold=plant.x / 2))
    assert all(torch.equal(tensor, before[key]) for key, tensor in loaded.model.state_dict().items())
    found = {weight.coordinate: weight for weight in result.super_weights}
    weight = found[loaded.sites.text(site, plant.row, plant.col)]
    assert "spike" in weight.found_by
    assert (weight.site, weight.expert, weight.layer) == ("expert", site.expert, site.layer)
    assert PROMPT in weight.prompts
    block = weight.moe
    (layer,) = [layer for layer in result.routing if layer.layer == site.layer]
    assert block.p_active == layer.p_active[site.expert]
    assert block.n_routed_tokens == round(block.p_active * layer.n_tokens) == layer.n_routed_tokens[site.expert]
    assert block.positions == sorted(set(block.positions))
    assert 0.5 < block.co_spike_score <= 1
    assert block.share == weight.share
    assert 1 <= block.expert_rank <= layer.n_selected
    assert math.isfinite(block.gate_weight)
    assert block.position_entropy == layer.position_entropy[weight.output_position]
    assert block.super_expert is (site.expert in layer.super_experts)
    if weight.confirmation.n_windows == 4:
        assert block.impact_natural == pytest.approx(weight.confirmation.delta_loss, abs=1e-7)
    expected = block.impact_natural / (block.p_active * block.impact_interventional)
    assert block.causal_agreement == pytest.approx(expected)
    for name_of_field in type(block).model_fields:
        assert name_of_field in block.model_dump(), name_of_field
    assert DetectionResult.model_validate_json(result.model_dump_json()) == result


@pytest.mark.parametrize("name", ["mixtral", "deepseek_v3", "longcat_flash", "llama4_text", "jetmoe", "dbrx"])
def test_shares_equal_a_direct_count_on_the_windows(name):
    loaded = loaded_tiny(name)
    result = detect(loaded, TEXT, options=_options(confirm=False, screens=("spike",), enable_causal_scoring=False))
    windows = routing_windows(loaded.tokenizer, TEXT, context_length=64, n_windows=3).ids
    assert result.routing[0].n_samples == 3
    counts = [direct_selections(loaded.model, window[None]) for window in windows]
    for layer in result.routing:
        chosen = torch.cat([selected[layer.layer] for selected in counts])
        assert layer.n_tokens == len(chosen) == 3 * 64
        for expert in range(layer.n_experts):
            assert layer.n_routed_tokens[expert] == int((chosen == expert).any(dim=1).sum())
        first = torch.cat([selected[layer.layer][:1] for selected in counts]).flatten()
        p = torch.bincount(first)[torch.bincount(first) > 0] / len(first)
        assert layer.position_entropy[0] == pytest.approx(float(-(p * p.log()).sum()), abs=1e-6)
        assert len(layer.position_entropy) == 64


def test_gradient_only_candidates_have_the_whole_block_too():
    loaded = loaded_tiny("qwen3_moe")
    result = detect(loaded, TEXT, options=_options(spike_threshold=1e9))
    assert result.super_weights
    for weight in result.super_weights:
        assert weight.found_by == ["gradient"]
        fields = weight.moe.model_dump()
        missing = set(type(weight.moe).model_fields) - set(fields)
        assert missing <= {"causal_agreement"}  # absent where it would be 0/0
        seen = torch.tensor(0.0)
        site = loaded.sites.find(weight.coordinate)
        windows = routing_windows(loaded.tokenizer, TEXT, context_length=64, n_windows=3).ids
        for ids in [prompt_ids(loaded, PROMPT), *windows.split(1)]:
            activation = capture(loaded.model, [site], ids).sites.get(site)
            if activation is not None:
                seen = torch.maximum(seen, activation.x[:, weight.col].abs().max())
        assert abs(weight.input_value) == pytest.approx(float(seen), rel=1e-5)


def test_dense_layers_and_shared_experts_have_no_block():
    loaded = loaded_tiny("deepseek_v3")
    result = detect(loaded, TEXT, options=_options(screen_top=40, spike_threshold=1e9, confirm=False))
    kinds = {weight.site: "moe" in weight.model_dump() for weight in result.super_weights}
    assert kinds["expert"] is True
    assert not any(with_block for site, with_block in kinds.items() if site != "expert")
    assert [layer.layer for layer in result.routing] == [1, 2, 3]
    assert result.coverage.text == "examined 4/4 MLP sites and 12/12 experts"


def test_the_same_seed_gives_the_same_record():
    loaded = loaded_tiny("mixtral")
    one, two = (json.loads(detect(loaded, TEXT, options=_options()).model_dump_json()) for _ in range(2))
    assert one.pop("timings").keys() == two.pop("timings").keys()
    assert one == two


class TestDenseModelsAreAsEver:
    def test_the_options_change_nothing(self):
        loaded = loaded_tiny("llama")
        plain = DetectOptions(screen_top=3, max_iterations=1, prompts=(PROMPT,))
        changed = dataclasses.replace(
            plain, router_analysis_samples=2, p_active_floor=0.5, co_spike_threshold=0.9, enable_causal_scoring=True
        )
        records = []
        for options in (plain, changed):
            record = json.loads(detect(loaded, TEXT, options=options).model_dump_json())
            record.pop("timings")
            records.append(record)
        assert records[0] == records[1]
        assert "routing" not in records[0]
        assert not any("moe" in weight for weight in records[0]["super_weights"])
        assert "p_active_floor" not in records[0]["config"]

    def test_they_cost_no_further_pass(self):
        loaded = loaded_tiny("llama")
        calls = []
        hook = loaded.model.register_forward_pre_hook(lambda _m, _args: calls.append(1))
        options = DetectOptions(screens=("spike",), max_iterations=1, prompts=(PROMPT,), confirm=False)
        detect(loaded, None, options=options)
        hook.remove()
        assert len(calls) == 1


class TestOptionsAct:
    def run(self, text=TEXT, **changes):
        values = {"confirm": False, "enable_causal_scoring": False, **changes}
        return detect(loaded_tiny("mixtral"), text, options=_options(**values))

    def test_router_analysis_samples(self):
        one, two = (self.run(screens=("spike",), router_analysis_samples=n) for n in (1, 4))
        assert [layer.n_samples for layer in one.routing] == [1] * 4
        assert [layer.n_tokens for layer in two.routing] == [4 * 64] * 4
        assert two.routing[0].position_entropy_bound == pytest.approx(math.log(4))
        assert one.routing[0].position_entropy_bound == pytest.approx(math.log(2))

    def test_more_samples_than_the_text_has(self):
        result = self.run(screens=("spike",), router_analysis_samples=50)
        assert result.routing[0].n_samples == 6
        assert result.notes == ["The text 'letters' is short: 6 instead of 50 windows."]

    def test_p_active_floor(self):
        everything = self.run(p_active_floor=0.0, screen_top=60, spike_threshold=1e9)
        shares = [share for layer in everything.routing for share in layer.p_active]
        floor = sorted(shares)[8]
        result = self.run(p_active_floor=floor, screen_top=60, spike_threshold=1e9)
        assert everything.coverage.not_examined == []
        assert len(result.coverage.not_examined) == sum(share < floor for share in shares) == 8
        assert all(f"is below the floor {floor:g}" in reason for reason in result.coverage.not_examined)
        assert result.coverage.n_experts_examined == 8
        low = {
            (layer.layer, expert)
            for layer in result.routing
            for expert, share in enumerate(layer.p_active)
            if share < floor
        }
        assert {(weight.layer, weight.expert) for weight in everything.super_weights} & low
        assert not {(weight.layer, weight.expert) for weight in result.super_weights} & low

    def test_co_spike_threshold(self):
        loaded = loaded_tiny("mixtral")
        site = _reached(loaded)[1]
        coordinates = []
        with planted_expert(loaded, site, prompt_ids(loaded, PROMPT), output=3e3) as plant:
            for threshold in (0.12, 0.9999):
                result = self.run(co_spike_threshold=threshold, screens=("spike",), spike_threshold=plant.x / 2)
                coordinates.append([weight.coordinate for weight in result.super_weights])
        text = loaded.sites.text(site, plant.row, plant.col)
        assert text in coordinates[0]
        assert text not in coordinates[1]
        assert any(text in note and "co-spike" in note for note in result.notes)

    def test_enable_causal_scoring(self):
        without, with_scores = (
            self.run(enable_causal_scoring=wanted, screens=("gradient",)) for wanted in (False, True)
        )
        assert all("impact_natural" not in weight.moe.model_dump() for weight in without.super_weights)
        assert all("impact_interventional" in weight.moe.model_dump() for weight in with_scores.super_weights)
        assert any(weight.moe.stopword_skew != 0 for weight in with_scores.super_weights)
        assert "causal_scoring" in with_scores.timings

    def test_causal_scores_are_of_the_first_four_windows_of_the_confirmation(self):
        loaded = loaded_tiny("mixtral")
        (weight, *_) = self.run(enable_causal_scoring=True, screens=("gradient",)).super_weights
        windows = detection_windows(loaded.tokenizer, TEXT, context_length=64).confirmation[:4]
        site = loaded.sites.find(weight.coordinate)
        matrix = site.view(getattr(loaded.model.get_submodule(site.module), site.parameter).data)
        old = matrix[weight.row, weight.col].clone()
        losses = []
        for value in (old, torch.tensor(0.0)):
            matrix[weight.row, weight.col] = value
            with torch.no_grad():
                logits = loaded.model(input_ids=windows, use_cache=False).logits.double()
            losses.append(torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), windows[:, 1:].flatten()))
        matrix[weight.row, weight.col] = old
        assert weight.moe.impact_natural == pytest.approx(float(losses[1] - losses[0]), rel=1e-3, abs=1e-8)

    def test_causal_scoring_needs_a_text(self):
        with pytest.raises(UsageError, match="causal"):
            self.run(None, enable_causal_scoring=True, screens=("spike",))

    def test_they_are_recorded(self):
        config = self.run(screens=("spike",), p_active_floor=0.02).config
        assert config["p_active_floor"] == 0.02
        assert config["router_analysis_samples"] == 3
        assert config["co_spike_threshold"] == 0.12
        assert config["enable_causal_scoring"] is False


def test_without_a_text_the_prompts_have_to_do():
    loaded = loaded_tiny("mixtral")
    options = _options(confirm=False, screens=("spike",), enable_causal_scoring=False)
    result = detect(loaded, None, options=options)
    assert result.notes == ["Without a text, experts were watched on the prompts alone."]
    assert result.routing[0].n_samples == 1
    assert result.routing[0].n_tokens == len(PROMPT)
    assert "dataset" not in result.model_dump()


def test_experts_whose_routing_cannot_be_read_are_examined_all_the_same():
    loaded = unfused(loaded_tiny("mixtral"))
    result = detect(loaded, TEXT, options=_options(spike_threshold=1e9))
    fused = detect(loaded_tiny("mixtral"), TEXT, options=_options(spike_threshold=1e9))
    assert "could not be read" in result.notes[0]
    for one, other in zip(result.routing, fused.routing, strict=True):
        assert one.model_dump(exclude={"module", "largest_output"}) == other.model_dump(
            exclude={"module", "largest_output"}
        )
    for weight in result.super_weights:
        fields = weight.moe.model_dump()
        assert not {"gate_weight", "expert_rank", "impact_interventional", "causal_agreement"} & set(fields)
        assert {"co_spike_score", "impact_natural", "energy_reduction", "position_entropy"} <= set(fields)
