"""Options that act alike in several commands: each hands on the same groups, wherever a value comes from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from swa.data.options import TextOptions
from swa.detection.options import DetectOptions
from swa.models.loading.options import LoadOptions
from swa.runs.options import VOCAB_DETECTION, WeightOptions

CHOICES = {
    "screen": ("spike", {"screens": ("spike",)}),
    "screen_top": ("7", {"screen_top": 7}),
    "spike_threshold": ("auto", {"spike_threshold": None}),
    "max_iterations": ("7", {"max_iterations": 7}),
    "prompt": ("A", {"prompts": ("A",)}),
    "no_confirm": ("1", {"confirm": False}),
    "seed": ("7", {"seed": 7}),
    "batch_size": ("7", {"batch_size": 7}),
    "router_analysis_samples": ("7", {"router_analysis_samples": 7}),
    "p_active_floor": ("0.3", {"p_active_floor": 0.3}),
    "co_spike_threshold": ("0.4", {"co_spike_threshold": 0.4}),
    "enable_causal_scoring": ("1", {"enable_causal_scoring": True}),
}
FLAGS = {"no_confirm", "enable_causal_scoring"}
"""Options for the search, as they are given, and what becomes of them."""


@pytest.fixture(params=["detect", "evaluate", "vocab", "cascade"])
def command(request) -> str:
    return request.param


@pytest.fixture
def call(swa, command, handed):
    """Call the command; what it handed on."""

    def called(*words: str):
        done = swa(command, "a/x", *words)
        assert done.code == 0, done.err
        return handed[-1]

    return called


@pytest.fixture
def searched(call, command):
    """Call the command; how it would search for super weights."""

    def called(*words: str) -> DetectOptions:
        found = call(*words)
        return found.options if command == "detect" else found.search

    return called


def test_how_the_model_is_loaded(call):
    words = ("--dtype", "bfloat16", "--device", "cpu", "--max-memory", "4GiB", "--trust-remote-code")
    assert call(*words, "--cache-dir", "cache", "--revision", "abc").load == LoadOptions(
        dtype="bfloat16",
        device="cpu",
        max_memory=4 << 30,
        trust_remote_code=True,
        cache_dir=Path("cache"),
        revision="abc",
    )


def test_the_text(call):
    assert call("--dataset", "builtin", "--data-dir", "data").text == TextOptions("builtin", Path("data"))


def test_which_super_weights(call, command):
    if command != "detect":
        words = ("--super-weights", "a.jsonl", "--super-weights", "-", "--all-candidates")
        assert call(*words).weights == WeightOptions(("a.jsonl", "-"), all_candidates=True)


def test_super_weights_in_the_environment_are_split_at_newlines(call, command, monkeypatch):
    if command != "detect":
        monkeypatch.setenv("SWA_SUPER_WEIGHTS", "L1.mlp.down_proj[1,2]\na.jsonl\n")
        assert call().weights.super_weights == ("L1.mlp.down_proj[1,2]", "a.jsonl")


def test_defaults_of_the_search(searched, command):
    assert searched() == (VOCAB_DETECTION if command == "vocab" else DetectOptions())


@pytest.mark.parametrize("name", CHOICES)
def test_the_search_from_everywhere(searched, name, monkeypatch):
    text, changed = CHOICES[name]
    expected = replace(searched(), **changed)
    option = f"--{name.replace('_', '-')}"
    assert searched(option, *([] if name in FLAGS else [text])) == expected
    value = True if name in FLAGS else text
    Path("c.toml").write_text(f"{name} = {json.dumps(value)}")
    assert searched("--config", "c.toml") == expected
    monkeypatch.setenv(f"SWA_{name.upper()}", text)
    assert searched() == expected
