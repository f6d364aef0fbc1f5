"""A detection is taken again only when it is finished and fits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from swa.schemas.run import RunHeader
from swa.store.detections import find_complete_detection
from swa.store.tree import ModelFolder
from tests.support.records import detection


@pytest.fixture
def folder(tmp_path: Path) -> ModelFolder:
    folder = ModelFolder(tmp_path, "demo")
    folder.create()
    return folder


def save(folder: ModelFolder, stamp: str, **changes) -> Path:
    values = {
        "command": "detect",
        "command_line": ["swa", "detect"],
        "options": {},
        "seed": 0,
        "model": "demo",
        "revision": None,
        "weights_fingerprint": "weights",
        "dtype": "float32",
        "device": "cpu",
        "versions": {},
        "dataset_fingerprint": "text",
        "started": "2026-01-01T00:00:00Z",
        "ended": "2026-01-01T00:01:00Z",
        "status": "complete",
    }
    header = RunHeader.model_validate_json(json.dumps(values | changes))
    folder.detection(stamp).write_text(detection(run=header).model_dump_json())
    return folder.detection(stamp)


def find(folder: ModelFolder):
    return find_complete_detection(folder, lambda run, _: run.weights_fingerprint == "weights")


def test_the_newest_that_fits_is_found(folder):
    save(folder, "20260101_000000")
    newest = save(folder, "20260102_000000")
    save(folder, "20260103_000000", weights_fingerprint="others")
    search = find(folder)
    assert search.found.path == newest
    assert search.found.result.run.weights_fingerprint == "weights"
    assert search.unreadable == ()


@pytest.mark.parametrize("status", ["started", "partial", "failed", "interrupted"])
def test_an_unfinished_one_is_not_found(folder, status):
    save(folder, "20260101_000000", status=status)
    assert find(folder).found is None


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000, b'{"record": "DetectionResult"}'])
def test_a_broken_record_is_named_and_the_next_one_taken(folder, content):
    fits = save(folder, "20260101_000000")
    folder.detection("20260102_000000").write_bytes(content)
    search = find(folder)
    assert search.found.path == fits
    assert search.unreadable == (folder.detection("20260102_000000"),)


def test_a_record_of_a_newer_program_is_left_aside(folder):
    path = save(folder, "20260101_000000")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": 2}))
    assert find(folder) == (None, (path,))


def test_a_record_of_the_python_interface_has_no_run_and_is_not_found(folder):
    folder.detection("20260101_000000").write_text(detection().model_dump_json())
    assert find(folder) == (None, ())
