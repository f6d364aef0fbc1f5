"""Names of tasks: unknown ones are refused before anything is loaded, usual ones are found without the whole index."""

from __future__ import annotations

import subprocess
import sys

import pytest

from swa.errors import UsageError
from swa.evaluation.harness import catalogue
from swa.evaluation.harness.catalogue import check_tasks, task_manager, task_names
from swa.evaluation.harness.leaves import leaves_of

USUAL = ["hellaswag", "arc_easy", "arc_challenge", "mmlu", "mmlu_stem", "mmlu_anatomy", "gsm8k", "wikitext", "builtin"]


class TestUsualNames:
    def test_they_need_neither_an_index_nor_the_task_machinery(self):
        code = (
            "import sys; from swa.evaluation.harness.catalogue import check_tasks\n"
            f"check_tasks({USUAL!r})\n"
            "print('lm_eval.tasks' in sys.modules, 'torch' in sys.modules)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert (done.stdout, done.stderr) == ("False False\n", "")

    def test_the_index_stays_unbuilt(self, monkeypatch):
        def whole() -> None:
            raise AssertionError("the whole index was built")

        monkeypatch.setattr(catalogue, "_whole_index", whole)
        check_tasks(USUAL)
        assert {"mmlu", "mmlu_stem", "mmlu_virology", "arc_easy", "builtin_answers"} <= task_manager(
            USUAL
        ).task_index.keys()

    def test_the_small_index_knows_each_as_the_whole_one_does(self):
        mmlu = [leaf.name for leaf in leaves_of("mmlu", task_manager(["mmlu"]).task_index)]
        assert len(mmlu) == 57
        groups = ["mmlu_stem", "mmlu_other", "mmlu_social_sciences", "mmlu_humanities"]
        whole = task_manager(["boolq"]).task_index
        small = {}
        for name in [*USUAL, *groups, *mmlu]:
            folder = catalogue._folder(name)
            assert folder is not None
            if folder not in small:
                small[folder] = task_manager([name]).task_index
            assert leaves_of(name, small[folder]) == leaves_of(name, whole)


class TestUnknownNames:
    def test_close_matches_are_offered(self):
        with pytest.raises(UsageError, match="There is no task 'helaswag'") as caught:
            check_tasks(["arc_easy", "helaswag"])
        assert caught.value.exit_code == 2
        assert "Did you mean hellaswag" in caught.value.hint
        assert "--list-tasks" in caught.value.hint

    def test_all_of_them_are_named_once(self):
        with pytest.raises(UsageError, match=r"no task 'mmlu_anatomi' or 'qqqqqqqqqq'\.$") as caught:
            check_tasks(["mmlu_anatomi", "qqqqqqqqqq", "mmlu_anatomi"])
        assert "mmlu_anatomy" in caught.value.hint

    def test_without_a_match_there_is_no_guess(self):
        with pytest.raises(UsageError) as caught:
            check_tasks(["qqqqqqqqqq"])
        assert caught.value.hint == "`swa evaluate --list-tasks` shows all names."

    @pytest.mark.parametrize("model", ["demo", "org/model"])
    def test_a_model_among_the_tasks_is_recognised(self, model):
        with pytest.raises(UsageError) as caught:
            check_tasks([model])
        assert "Write models before list options" in caught.value.hint

    def test_a_path_among_the_tasks_is_recognised(self, tmp_path, monkeypatch):
        (tmp_path / "checkpoint").mkdir()
        monkeypatch.chdir(tmp_path)
        with pytest.raises(UsageError) as caught:
            check_tasks(["checkpoint"])
        assert "Write models before list options" in caught.value.hint


class TestUnsuitableTasks:
    def test_code_is_not_run(self):
        with pytest.raises(UsageError, match="'humaneval' runs code"):
            check_tasks(["humaneval"])

    def test_pictures_are_not_read(self):
        with pytest.raises(UsageError, match="needs images or sound"):
            check_tasks(["mmmu_val"])

    def test_others_pass(self):
        check_tasks(["boolq", "ai2_arc", "leaderboard_bbh"])


class TestList:
    def test_tasks_groups_tags_and_the_built_in_items(self):
        names = task_names()
        assert names == sorted(set(names))
        assert {"hellaswag", "mmlu", "mmlu_anatomy", "ai2_arc", "builtin"} <= set(names)
        assert len(names) > 10_000
