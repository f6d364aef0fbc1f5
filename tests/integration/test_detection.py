"""Whole detections of tiny models with a planted scalar: found, measured right, reproducible, nothing left behind."""

from __future__ import annotations

import json

import pytest
import torch

from swa.data.sources import TextSource
from swa.data.windows import detection_windows
from swa.detection.analysis import detect, prompt_ids
from swa.detection.options import DetectOptions
from swa.errors import UsageError
from swa.models.discovery.sites import parameter_of
from tests.support.planting import planted
from tests.support.tiny_loaded import loaded_tiny, text_of

PROMPT = "Apple Inc. is"
FAMILIES = ["llama", "gpt2", "gemma3_text", "mixtral", "deepseek_v3", "jamba", "falcon", "gpt_oss"]
TEXT = TextSource("letters", tuple(text_of(64 * 24).documents))


def _options(**changes):
    return DetectOptions(
        **{"screen_top": 4, "max_iterations": 2, "prompts": (PROMPT,), "spike_threshold": 1e-4, **changes}
    )


def _comparable(result):
    data = json.loads(result.model_dump_json())
    data.pop("timings")
    return data


def _plain_delta(loaded, plant):
    windows = detection_windows(loaded.tokenizer, TEXT, context_length=64).confirmation
    weight = plant.site.view(parameter_of(loaded.model, plant.site).data)
    losses = []
    for value in (weight[plant.row, plant.col].clone(), torch.tensor(0.0)):
        with torch.no_grad():
            old = weight[plant.row, plant.col].clone()
            weight[plant.row, plant.col] = value
            logits = loaded.model(input_ids=windows, use_cache=False).logits.double()
            weight[plant.row, plant.col] = old
        losses.append(
            torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), windows[:, 1:].flatten(), reduction="none")
        )
    return losses, float((losses[1] - losses[0]).mean())


@pytest.mark.parametrize("name", FAMILIES)
def test_a_planted_scalar_is_found_and_measured(name):
    loaded = loaded_tiny(name)
    before = {key: tensor.clone() for key, tensor in loaded.model.state_dict().items()}
    ids = prompt_ids(loaded, PROMPT)
    from swa.engine.capture.capture import capture

    reached = list(capture(loaded.model, loaded.sites.sites, ids).sites)
    with planted(loaded, reached[len(reached) // 3], ids, output=3e3) as plant:
        # in a tiny random expert no input is loud, so the score is small; test_moe plants loud ones
        result = detect(loaded, TEXT, options=_options(co_spike_threshold=0.0))
        _, delta = _plain_delta(loaded, plant)
    found = {weight.coordinate: weight for weight in result.super_weights}
    weight = found[loaded.sites.text(plant.site, plant.row, plant.col)]
    assert "spike" in weight.found_by
    if weight.confirmation.n_windows == 16:
        assert weight.confirmation.delta_loss == pytest.approx(delta, rel=2e-4, abs=2e-6)
    else:
        assert abs(delta) < 0.05
    assert all(torch.equal(tensor, before[key]) for key, tensor in loaded.model.state_dict().items())


def test_the_same_seed_gives_the_same_record():
    loaded = loaded_tiny("llama")
    one, two = (_comparable(detect(loaded, TEXT, options=_options())) for _ in range(2))
    assert one == two


def test_batch_size_changes_nothing_beyond_rounding():
    loaded = loaded_tiny("llama")
    runs = [detect(loaded, TEXT, options=_options(batch_size=size)) for size in (1, 7)]
    assert [run.config["batch_size"] for run in runs] == [1, 7]
    for one, two in zip(*(run.super_weights for run in runs), strict=True):
        assert one.coordinate == two.coordinate
        assert one.confirmation.delta_loss == pytest.approx(two.confirmation.delta_loss, abs=1e-5)


class TestOptionsAct:
    loaded = staticmethod(lambda: loaded_tiny("llama"))

    def found_by(self, **changes):
        return {tuple(w.found_by) for w in detect(self.loaded(), TEXT, options=_options(**changes)).super_weights}

    def test_screens(self):
        assert self.found_by(screens=("spike",)) == {("spike",)}
        assert self.found_by(screens=("gradient",)) == {("gradient",)}
        assert len(self.found_by()) >= 2

    def test_screen_top(self):
        result = detect(self.loaded(), TEXT, options=_options(screens=("gradient",), screen_top=3))
        assert sorted(weight.gradient_rank for weight in result.super_weights) == [0, 1, 2]

    def test_no_confirm(self):
        result = detect(self.loaded(), None, options=_options(confirm=False, screens=("spike",)))
        assert result.super_weights
        assert not any("confirmation" in w.model_dump() for w in result.super_weights)
        assert "dataset" not in result.model_dump()

    def test_a_text_is_needed_where_it_is_used(self):
        with pytest.raises(UsageError, match="need a text"):
            detect(self.loaded(), None, options=_options())

    def test_max_iterations(self):
        assert len(detect(self.loaded(), TEXT, options=_options(max_iterations=1, confirm=False)).iterations) == 1
        assert len(detect(self.loaded(), TEXT, options=_options(max_iterations=3, confirm=False)).iterations) == 3

    def test_threshold(self):
        result = detect(self.loaded(), TEXT, options=_options(spike_threshold=1e6, screens=("spike",)))
        assert result.super_weights == []
        assert 0 < result.threshold.largest_activation < 1e6
        auto = detect(self.loaded(), TEXT, options=_options(spike_threshold=None, screens=("spike",)))
        assert auto.threshold.rule == "auto"

    def test_near_misses_come_from_half_the_threshold_on(self):
        largest = detect(self.loaded(), TEXT, options=_options(confirm=False)).threshold.largest_activation
        result = detect(self.loaded(), TEXT, options=_options(spike_threshold=1.5 * largest, screens=("spike",)))
        assert result.near_misses
        far = detect(self.loaded(), TEXT, options=_options(spike_threshold=2.1 * largest, screens=("spike",)))
        assert far.near_misses == []

    def test_prompts(self):
        result = detect(self.loaded(), TEXT, options=_options(prompts=("Apple", "pear tree"), confirm=False))
        assert result.prompts == ["Apple", "pear tree"]
        assert {prompt for w in result.super_weights for prompt in w.prompts} == {"Apple", "pear tree"}

    @pytest.mark.parametrize("prompt", ["", "x" * 65])
    def test_prompts_that_do_not_fit(self, prompt):
        with pytest.raises(UsageError, match="--prompt"):
            detect(self.loaded(), TEXT, options=_options(prompts=(prompt,)))


def test_experts_that_no_token_reached_are_listed():
    loaded = loaded_tiny("mixtral")
    result = detect(loaded, None, options=_options(prompts=("a",), confirm=False, screens=("spike",)))
    coverage = result.coverage
    assert coverage.n_experts == 16
    assert coverage.n_experts_examined == 8  # one token, two experts in each of four layers
    assert len(coverage.not_examined) == 8
    assert coverage.text == "examined 8/16 experts"
