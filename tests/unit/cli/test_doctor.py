"""`swa doctor`: what it shows of a model, and how a failed self-test ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from swa.detection.doctor import PlantTest
from swa.schemas.registry import parse_record
from tests.support.tiny_checkpoint import write_tiny_checkpoint

PASSED = PlantTest("L1.mlp.down_proj[2,3]", "L1.mlp.down_proj[2,3]", changes_logits=True, restored=True)


def test_it_shows_what_was_found(swa):
    write_tiny_checkpoint("./mixture", "qwen2_moe")
    called = swa("doctor", "./mixture")
    assert called.code == 0, called.err
    for part in (
        "./mixture: qwen2_moe (",
        "layers           4 in model.layers",
        "sites (shared_expert) 4 down projections of 64 × 40, e.g. L0.mlp.shared_expert.down_proj[0,0]",
        "experts          16 down projections of 64 × 48, e.g. L0.mlp.experts.0.down_proj[0,0]",
        "final norm       model.norm",
        "unembedding      lm_head, 128 tokens",
        "passed: planted at L",
    ):
        assert part in called.out
    (result,) = parse_record(swa("doctor", "./mixture", "--json").out, "CommandResult").models
    assert (result.headline["n_experts"], result.headline["self_test_passed"]) == (16, 1)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"found": "L0.mlp.down_proj[0,0]"}, "found at L0"),
        ({"changes_logits": False}, "changes no logit"),
        ({"restored": False}, "put back"),
    ],
)
def test_a_failed_self_test_is_exit_4(swa, helpful, monkeypatch, change, reason):
    monkeypatch.setattr("swa.detection.doctor.plant_and_find", lambda *_: replace(PASSED, **change))
    called = swa("doctor", helpful)
    assert called.code == 4
    assert reason in called.err


def test_a_model_must_be_named(swa):
    assert swa("doctor").code == 2
