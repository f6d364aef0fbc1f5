"""`swa evaluate` interrupted: it goes on where it stopped; with --force it begins anew."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from swa.store.results import ResultsFolder
from swa.store.tree import ModelFolder
from tests.support.evaluating import answers_in, interrupted_after
from tests.support.helpful import COORDINATE
from tests.unit.conftest import ROOT

TEXT = ("--dataset", "builtin", "--perplexity-samples", "4")
WORDS = (*TEXT, "--accuracy-tasks", "builtin_choices", "--accuracy-samples", "2", "--super-weights", COORDINATE)
N_ITEMS = 6
"""Of texts and of the task: their layout, the intact model, the super weight, which is all of them together too."""
pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture
def evaluate(swa, helpful):
    def call(*words: str):
        called = swa("evaluate", helpful, *(words or WORDS))
        assert called.code == 0, called.err
        return called

    return call


@pytest.fixture
def interrupted(swa, helpful):
    def call(*words: str, after: int = 1) -> None:
        with interrupted_after(lambda ledger: ledger.n_kept == after):
            assert swa("evaluate", helpful, *WORDS, *words).code == 130

    return call


def stamp_of(path: Path) -> str:
    return path.stem.split("analysis_")[1]


def block_of(folder: ModelFolder) -> dict:
    return json.loads(folder.run_config.read_text())["evaluate"]


class TestInterrupted:
    def test_it_goes_on_where_it_stopped_under_the_same_name(self, evaluate, interrupted, folder):
        interrupted(after=3)
        block, begun = block_of(folder), answers_in(folder)
        assert block["status"] == "interrupted"
        assert len(begun) == 3
        assert folder.analyses() == ResultsFolder(ROOT).complete_analyses() == []
        evaluate()
        assert begun.items() <= answers_in(folder).items()
        assert len(answers_in(folder)) == N_ITEMS
        (record,) = folder.analyses()
        assert stamp_of(record) == block["stamp"]
        assert [path.name for path in folder.logs.iterdir()] == [f"analysis_{block['stamp']}.log"]

    def test_so_it_does_after_a_kill(self, evaluate, interrupted, folder):
        interrupted()
        config = json.loads(folder.run_config.read_text())
        config["evaluate"] |= {"status": "started", "ended": None, "stamp": "20200101_000000"}
        folder.run_config.write_text(json.dumps(config))
        evaluate()
        assert [path.name for path in folder.analyses()] == ["analysis_20200101_000000.json"]

    def test_another_question_has_its_own_name(self, evaluate, interrupted, folder):
        interrupted()
        stamp = block_of(folder)["stamp"]
        evaluate(*WORDS, "--scales", "0.5")
        assert stamp_of(folder.analyses()[0]) != stamp

    def test_a_run_config_that_is_broken_is_written_anew(self, evaluate, interrupted, folder):
        interrupted()
        begun = answers_in(folder)
        folder.run_config.write_text("{")
        assert "is not valid and is written anew" in evaluate().err
        assert begun.items() <= answers_in(folder).items()

    def test_an_answer_that_cannot_be_read_is_said_and_computed_again(self, evaluate, interrupted, folder):
        interrupted(after=2)
        path, *_ = (path for path in folder.ledger.iterdir() if '"answers"' in path.read_text())
        whole = json.loads(path.read_text())
        path.write_bytes(path.read_bytes()[:-10])
        assert f"'{path}' cannot be read; its part is computed again" in evaluate().err
        assert json.loads(path.read_text())["values"] == whole["values"]
        assert len(answers_in(folder)) == N_ITEMS

    def test_answers_of_other_versions_are_computed_again(self, evaluate, interrupted, folder, monkeypatch):
        interrupted(after=3)
        monkeypatch.setattr("swa.engine.ledger.number_versions", lambda: {"torch": "another"})
        evaluate()
        assert len(answers_in(folder)) == 3 + N_ITEMS

    def test_a_detection_that_was_finished_is_not_made_again(self, swa, helpful, evaluate, folder):
        words = (*TEXT, "--skip-accuracy", "--screen", "spike", "--no-confirm")
        with interrupted_after(lambda _ledger: folder.detections()):
            assert swa("evaluate", helpful, *words).code == 130
        evaluate(*words)
        evaluate(*words, "--force")
        assert len(folder.detections()) == 1
        assert len(folder.analyses()) == 2
        assert folder.detections()[0].stem.removeprefix("detection_") == min(map(stamp_of, folder.analyses()))


class TestForce:
    def test_everything_is_computed_again_under_a_new_name(self, evaluate, folder):
        evaluate()
        before = answers_in(folder)
        evaluate(*WORDS, "--force")
        after = answers_in(folder)
        assert after.keys() == before.keys()
        assert not after.items() & before.items()
        assert len(folder.analyses()) == 2
        assert len(ResultsFolder(ROOT).complete_analyses()) == 2

    def test_an_interrupted_run_is_not_gone_on_with(self, evaluate, interrupted, folder):
        interrupted(after=2)
        stamp, begun = block_of(folder)["stamp"], answers_in(folder)
        evaluate(*WORDS, "--force")
        assert not begun.items() & answers_in(folder).items()
        assert stamp_of(folder.analyses()[0]) != stamp

    def test_an_interrupted_one_leaves_the_finished_one(self, evaluate, interrupted, folder):
        evaluate()
        interrupted("--force")
        assert "finished already" in evaluate().err
        assert len(folder.analyses()) == 1
