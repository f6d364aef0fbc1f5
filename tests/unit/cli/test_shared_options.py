"""Options that act alike in `evaluate`, `vocab` and `cascade`: how a model is loaded, its text, its super weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.evaluate_fakes import EvaluateMachinery
from tests.unit.cli.fakes import confirmation, detection, super_weight

COMMANDS = {"evaluate": "evaluation", "vocab": "vocabulary", "cascade": "vocabulary"}
GIVEN, OTHER = "L11.mlp.down_proj[507,1229]", "L11.mlp.down_proj[50,60]"


@pytest.fixture(params=COMMANDS)
def command(request) -> str:
    return request.param


@pytest.fixture
def replaced(request, command) -> EvaluateMachinery:
    return request.getfixturevalue(COMMANDS[command])


@pytest.fixture
def call(swa, command, replaced):
    """Call the command; tasks are none of these tests' business."""
    more = ("--skip-accuracy",) if command == "evaluate" else ()

    def called(*words: str) -> None:
        done = swa(command, "a/x", *more, *words)
        assert done.code == 0, done.err

    return called


def worked_on(replaced, command) -> list[list[str]]:
    """Coordinates of the super weights of each analysis."""
    if command == "evaluate":
        return [[weight.coordinate for weight in one.weights] for one in replaced.evaluated]
    return [one.weights for one in (replaced.passes if command == "vocab" else replaced.cascades)]


def test_how_the_model_is_loaded(call, replaced):
    words = ("--dtype", "bfloat16", "--device", "cpu", "--max-memory", "4GiB", "--trust-remote-code")
    call("--super-weights", GIVEN, *words, "--cache-dir", "cache")
    (details,) = replaced.loaded
    assert details.pop("progress") is not None
    assert details == {
        "dtype": "bfloat16",
        "device": "cpu",
        "max_memory": 4 << 30,
        "trust_remote_code": True,
        "cache_dir": Path("cache"),
    }


def test_the_revision(call, replaced, monkeypatch):
    asked = []
    fetch = replaced.fetch
    monkeypatch.setattr(
        "swa.models.loading.load.fetch", lambda reference, **_: asked.append(reference.revision) or fetch(reference)
    )
    call("--super-weights", GIVEN, "--revision", "abc")
    assert set(asked) == {"abc"}


def test_the_text(call, replaced):
    call("--super-weights", GIVEN, "--dataset", "builtin", "--data-dir", "data")
    assert replaced.read_texts == [("builtin", Path("data"))]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--screen", "spike"], {"screens": ("spike",)}),
        (["--screen-top", "7"], {"screen_top": 7}),
        (["--spike-threshold", "auto"], {"spike_threshold": None}),
        (["--max-iterations", "7"], {"max_iterations": 7}),
        (["--prompt", "A", "--prompt", "B"], {"prompts": ("A", "B")}),
        (["--no-confirm"], {"confirm": False}),
        (["--seed", "7"], {"seed": 7}),
        (["--batch-size", "7"], {"batch_size": 7}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_detection_options_act_when_it_detects(call, replaced, words, expected):
    call(*words)
    assert {name: getattr(replaced.options, name) for name in expected} == expected


def test_all_candidates(call, replaced, command):
    refused = super_weight(50, 60, confirmation=confirmation(0.001, confirmed=False))
    replaced.results["a/x"] = detection([super_weight(), refused], model="a/x")
    call()
    call("--all-candidates")
    added = [GIVEN, OTHER] if command == "evaluate" else [OTHER]  # the others have the first already
    assert worked_on(replaced, command) == [[GIVEN], added]
