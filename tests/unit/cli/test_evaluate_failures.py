"""`swa evaluate` when something fails: exit codes, what stays, what other models get."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.evaluating import answers_in
from tests.support.helpful import COORDINATE
from tests.unit.conftest import ROOT

TEXT = ("--dataset", "builtin", "--perplexity-samples", "2", "--super-weights")
TASK = ("--accuracy-tasks", "builtin_choices", "--accuracy-samples", "2")
pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture
def evaluate(swa, helpful):
    def call(*words: str):
        return swa("evaluate", helpful, *TEXT, COORDINATE, *TASK, *words)

    return call


@contextmanager
def full_disk(beginning: str, *, after: int = 0) -> Iterator[None]:
    """No more than some files whose path holds these letters get their names."""
    replace, left = Path.replace, [after]

    def refusing(path: Path, target: Path) -> Path:
        if beginning in str(target):
            if not left[0]:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            left[0] -= 1
        return replace(path, target)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Path, "replace", refusing)
        yield


def test_a_results_folder_that_cannot_be_written(evaluate):
    Path("file").write_text("")
    called = evaluate("--results-dir", "file")
    assert called.code == 2
    assert "cannot be written to 'file'" in called.err


def test_a_locked_folder(evaluate, folder):
    folder.create()
    with folder.locked():
        assert evaluate().code == 2
    assert not folder.run_config.exists()


def test_data_out_of_reach_is_said_before_a_model_is_loaded(swa):
    Path("empty").mkdir()
    words = (*TEXT, COORDINATE, "--accuracy-tasks", "hellaswag", "--data-dir", "nowhere")
    called = swa("evaluate", "./empty", *words)
    assert called.code == 3
    assert "data folder nowhere does not exist" in called.err


@pytest.mark.parametrize(
    ("coordinate", "says"), [("L1.mlp.c_proj[600,0]", "out of range"), ("L9.mlp.c_proj[0,0]", "no down projection")]
)
def test_a_coordinate_that_the_model_lacks(swa, helpful, folder, coordinate, says):
    called = swa("evaluate", helpful, *TEXT, coordinate, "--skip-accuracy")
    assert called.code == 2
    assert says in called.err
    assert not folder.ledger.exists()


def test_one_failure_does_not_stop_the_others(evaluate, helpful):
    called = evaluate("--models", "./nothing", "--json", "--skip-accuracy")
    assert called.code == 7
    assert called.json["status"] == "partial"
    assert [model["model"] for model in called.json["models"]] == [helpful]
    (complete,) = ROOT.glob("complete_analysis_*.json")
    assert json.loads(complete.read_text())["run"]["status"] == "partial"


def test_when_all_fail_the_code_is_the_first_ones(swa):
    for name in "ab":
        Path(name).mkdir()
    called = swa("evaluate", "./a", "./b", *TEXT, COORDINATE, "--skip-accuracy")
    assert called.code == 3
    assert "None of the 2 models could be analysed" in called.err
    assert called.out == ""
    assert not list(ROOT.glob("complete_analysis_*.json"))


@pytest.mark.parametrize("name", ["impact_comparison.png", "data/analysis_", "builtin_choices_sw_0.jsonl"])
def test_what_cannot_be_written_does_not_lose_the_answers(evaluate, folder, name):
    with full_disk(name):
        called = evaluate()
    assert called.code == 7
    assert "is kept in" in called.err
    before = answers_in(folder)
    assert evaluate().code == 0
    assert answers_in(folder) == before
    assert len(folder.analyses()) == 1


def test_a_full_disk_while_it_runs(evaluate, folder):
    with full_disk("ledger"):
        assert evaluate().code == 2
    with full_disk("ledger", after=1):
        called = evaluate()
    assert called.code == 7
    assert f"What was finished is kept in '{folder.ledger}'" in called.err


@pytest.mark.parametrize("name", ["complete_analysis_", "model_comparison"])
def test_a_summary_that_cannot_be_written(evaluate, plain, folder, name):
    words = ("--models", plain, "--skip-accuracy")
    with full_disk(name):
        called = evaluate(*words)
    assert called.code == 7
    assert "own records are written" in called.err
    called = evaluate(*words)
    assert called.code == 0
    assert "finished already" in called.err
    assert (ROOT / "summary_plots/model_comparison.png").exists()
