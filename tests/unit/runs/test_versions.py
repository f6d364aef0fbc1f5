"""Finished work of other versions says what made it; unfinished work of other versions is computed again."""

from __future__ import annotations

import json

import pytest

from swa.data.options import TextOptions
from swa.detection.options import DetectOptions
from swa.runs.steps.detect import detect
from tests.support.said import Said

SOUGHT = DetectOptions(screens=("spike",), confirm=False)


@pytest.fixture
def detected(helpful, tmp_path, undrawn):
    def call() -> Said:
        said = Said()
        detect(helpful, SOUGHT, text=TextOptions(dataset="builtin"), results_dir=tmp_path, progress=said)
        return said

    return call


def change(path, **versions: str) -> None:
    """Let a saved header say other versions."""
    record = json.loads(path.read_text())
    run = record.get("run") or record["detect"]
    run["versions"] |= versions
    path.write_text(json.dumps(record))


def test_finished_work_of_these_versions_says_nothing_of_them(detected):
    detected()
    (sentence,) = [text for text in detected().sayings if "finished already" in text]
    assert "made by" not in sentence


def test_finished_work_of_others_says_what_made_it(detected, tmp_path):
    detected()
    (record,) = tmp_path.glob("*/data/detection_*.json")
    change(record, swa="0.0.1", torch="1.0")
    (sentence,) = [text for text in detected().sayings if "finished already" in text]
    assert "made by swa 0.0.1, torch 1.0" in sentence
    assert "--force" in sentence


def test_unfinished_work_of_others_is_said_once_and_not_taken(detected, tmp_path, monkeypatch):
    detected()
    (record,) = tmp_path.glob("*/data/detection_*.json")
    record.unlink()
    (config,) = tmp_path.glob("*/run_config.json")
    change(config, torch="1.0")
    config.write_text(config.read_text().replace('"status": "complete"', '"status": "started"'))
    before = set(tmp_path.glob("*/ledger/*"))
    monkeypatch.setattr("swa.engine.ledger.number_versions", lambda: {"torch": "other"})
    warnings = [text for text in detected().warnings if "made by torch 1.0" in text]
    assert len(warnings) == 1
    assert set(tmp_path.glob("*/ledger/*")) > before
