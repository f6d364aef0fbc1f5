"""Options that act alike in several commands: each hands on the same groups, wherever a value comes from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from swa.data.options import TextOptions
from swa.detection.options import DetectOptions
from swa.models.loading.options import LoadOptions
from swa.options import options_of
from swa.runs.options import VOCAB_DETECTION, WeightOptions

WORDS = {
    "screen": "spike",
    "screen_top": "7",
    "spike_threshold": "auto",
    "max_iterations": "7",
    "prompt": "A",
    "seed": "7",
    "batch_size": "7",
    "router_analysis_samples": "7",
    "p_active_floor": "0.3",
    "co_spike_threshold": "0.4",
    "no_confirm": "true",
    "enable_causal_scoring": "true",
}
"""Every option of the search that the command line has; the last two are flags."""
SEARCH = DetectOptions(
    screens=("spike",),
    screen_top=7,
    spike_threshold=None,
    max_iterations=7,
    prompts=("A",),
    confirm=False,
    seed=7,
    batch_size=7,
    router_analysis_samples=7,
    p_active_floor=0.3,
    co_spike_threshold=0.4,
    enable_causal_scoring=True,
)


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


def test_the_search_on_the_command_line(searched):
    words = [(f"--{name.replace('_', '-')}", *([] if text == "true" else [text])) for name, text in WORDS.items()]
    assert searched(*(word for option in words for word in option)) == SEARCH


def test_the_search_in_a_config(searched):
    Path("c.toml").write_text("".join(f"{n} = {t if t == 'true' else json.dumps(t)}\n" for n, t in WORDS.items()))
    assert searched("--config", "c.toml") == SEARCH


def test_the_search_in_the_environment(searched, monkeypatch):
    for name, text in WORDS.items():
        monkeypatch.setenv(f"SWA_{name.upper()}", text)
    assert searched() == SEARCH


def test_every_option_of_the_search_is_tried():
    assert set(WORDS) == {one.name for one in options_of(DetectOptions)}
