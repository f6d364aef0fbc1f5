"""`swa evaluate` when something fails: exit codes, what stays, what other models get."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from swa.errors import OutOfMemoryError, UnavailableError, UnsupportedModelError
from swa.store.atomic import WriteError
from swa.store.tree import ModelFolder

ROOT = Path("results/comprehensive_super_weight_analysis")
TWO = ("--super-weights", "L11.mlp.down_proj[507,1229]", "--super-weights", "L11.mlp.down_proj[1,2]")
SMALL = (*TWO, "--accuracy-tasks", "hellaswag")


def test_a_results_folder_that_cannot_be_written(swa, evaluation):
    Path("file").write_text("")
    assert swa("evaluate", "a/x", *SMALL, "--results-dir", "file").code == 2
    assert "tasks" not in evaluation.order


def test_data_out_of_reach_is_said_before_a_model_is_loaded(swa, evaluation, monkeypatch):
    def refuse(*_, **__):
        raise UnavailableError("The data set 'mmlu' is not here.", hint="Give --data-dir.")

    monkeypatch.setattr("swa.evaluation.harness.tasks.load_tasks", refuse)
    called = swa("evaluate", "a/x", *SMALL)
    assert called.code == 3
    assert called.err.endswith("Hint: Give --data-dir.\n")
    assert evaluation.loaded == []


def test_a_coordinate_that_the_model_lacks(swa, evaluation):
    called = swa("evaluate", "a/x", "--super-weights", "L11.mlp.down_proj[600,0]", "--skip-accuracy")
    assert called.code == 2
    assert "out of range" in called.err
    called = swa("evaluate", "a/x", "--super-weights", "L3.mlp.down_proj[0,0]", "--skip-accuracy")
    assert called.code == 2
    assert "no down projection" in called.err
    assert evaluation.evaluated == []


def test_one_failure_does_not_stop_the_others(swa, evaluation):
    evaluation.failing["a/x"] = UnsupportedModelError("It has no MLP.")
    called = swa("evaluate", "a/x", "b/y", *SMALL, "--json")
    assert called.code == 7
    assert called.json["status"] == "partial"
    assert [model["model"] for model in called.json["models"]] == ["b/y"]
    (complete,) = ROOT.glob("complete_analysis_*.json")
    assert json.loads(complete.read_text())["run"]["status"] == "partial"


def test_when_all_fail_the_code_is_the_first_ones(swa, evaluation):
    evaluation.failing = {"a/x": UnsupportedModelError("No."), "b/y": OutOfMemoryError("No.")}
    called = swa("evaluate", "a/x", "b/y", *SMALL)
    assert called.code == 4
    assert called.out == ""
    assert not list(ROOT.glob("complete_analysis_*.json"))


@pytest.mark.parametrize(
    ("failure", "code"),
    [(UnsupportedModelError("No."), 4), (OutOfMemoryError("No."), 5), (MemoryError(), 5), (KeyboardInterrupt(), 130)],
    ids=repr,
)
def test_exit_codes(swa, evaluation, failure, code):
    evaluation.failing["a/x"] = failure
    called = swa("evaluate", "a/x", *SMALL)
    assert called.code == code
    assert called.out == ""
    assert not list(ROOT.glob("complete_analysis_*.json"))


def test_a_locked_folder(swa, evaluation):
    folder = ModelFolder(ROOT, "a--x")
    folder.create()
    with folder.locked():
        called = swa("evaluate", "a/x", *SMALL)
    assert called.code == 2
    assert evaluation.loaded == []


@pytest.mark.parametrize("name", ["impact_comparison.png", "analysis_", "hellaswag_sw_0.jsonl"])
def test_what_cannot_be_written_does_not_lose_the_answers(swa, evaluation, monkeypatch, name):
    from swa.store.atomic import write_bytes

    def full(path, content):
        if name in path.name:
            raise WriteError(f"'{path}' could not be written: No space left on device.")
        write_bytes(path, content)

    with monkeypatch.context() as patched:
        patched.setattr("swa.cli.evaluate_files.write_bytes", full)
        called = swa("evaluate", "a/x", *SMALL)
    assert called.code == 7
    assert "is kept in" in called.err
    assert len(evaluation.computed) == 2
    assert swa("evaluate", "a/x", *SMALL).code == 0
    assert len(evaluation.computed) == 2
    assert len(ModelFolder(ROOT, "a--x").analyses()) == 1


def test_a_full_disk_while_it_runs(swa, evaluation, monkeypatch):
    from swa.store.atomic import write_bytes

    def failing_from(number):
        left = [number]

        def write(path, content):
            if not left[0]:
                raise WriteError(f"'{path}' could not be written: No space left on device.")
            left[0] -= 1
            write_bytes(path, content)

        return write

    monkeypatch.setattr("swa.store.ledger.write_bytes", failing_from(0))
    assert swa("evaluate", "a/x", *SMALL).code == 2
    monkeypatch.setattr("swa.store.ledger.write_bytes", failing_from(1))
    called = swa("evaluate", "a/x", *SMALL)
    assert called.code == 7
    assert "is kept in" in called.err


def test_a_summary_that_cannot_be_written(swa, evaluation, monkeypatch):
    def full(path, content):
        raise WriteError(f"'{path}' could not be written: No space left on device.")

    monkeypatch.setattr("swa.cli.evaluate_summary.write_text", full)
    called = swa("evaluate", "a/x", *SMALL)
    assert called.code == 7
    assert "own records are written" in called.err
