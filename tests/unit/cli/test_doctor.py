"""`swa doctor` with the examination replaced."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from swa.detection.doctor import Examination, PlantTest
from swa.models.readout.head import Head
from swa.schemas.registry import parse_record

PLANT = PlantTest("L1.mlp.down_proj[2,3]", "L1.mlp.down_proj[2,3]", changes_logits=True, restored=True)
FOUND = Examination(
    architecture="mixtral (dense and mixture of experts, 2 layers)",
    n_layers={"model.layers": 2},
    n_sites={"mlp_out": 1, "expert": 8},
    shapes={"mlp_out": "64 × 128", "expert": "64 × 32"},
    paths={"mlp_out": "L0.mlp.down_proj[0,0]", "expert": "L1.mlp.experts.0.down_proj[0,0]"},
    head=Head(final_norm="model.norm", unembedding="lm_head", tied=True, vocabulary=100),
    plant=PLANT,
    n_bytes=1 << 30,
)


@pytest.fixture
def examined(monkeypatch, machinery):
    found = {"is": FOUND}
    monkeypatch.setattr("swa.detection.doctor.examine", lambda loaded: found["is"])
    monkeypatch.setattr(
        "swa.models.loading.load.load_model", lambda *_, **__: SimpleNamespace(device=torch.device("cpu"))
    )
    return found


def test_it_shows_what_was_found(swa, examined):
    called = swa("doctor", "a/x")
    assert called.code == 0, called.err
    for part in ("2 in model.layers", "8 down projections of 64 × 32", "model.norm", "lm_head", "1.00 GiB", "passed"):
        assert part in called.out


def test_json(swa, examined):
    called = swa("doctor", "a/x", "--json")
    parse_record(called.out, "CommandResult")
    assert called.json["models"][0]["headline"]["n_experts"] == 8


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"found": "L0.mlp.down_proj[0,0]"}, "found at L0"),
        ({"changes_logits": False}, "changes no logit"),
        ({"restored": False}, "put back"),
    ],
)
def test_a_failed_self_test_is_exit_4(swa, examined, change, reason):
    examined["is"] = replace(FOUND, plant=replace(PLANT, **change))
    called = swa("doctor", "a/x")
    assert called.code == 4
    assert reason in called.err


def test_a_model_must_be_named(swa):
    assert swa("doctor").code == 2
