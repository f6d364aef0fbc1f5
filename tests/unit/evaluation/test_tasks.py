"""Loading of tasks: every option counts, and what cannot be had is one sentence."""

from __future__ import annotations

import errno
import random
from types import SimpleNamespace

import numpy as np
import pytest

from swa.errors import UnavailableError, UsageError
from swa.evaluation.harness import loading
from swa.evaluation.harness.items import choose_items
from swa.evaluation.harness.tasks import load_tasks
from tests.unit.evaluation.tiny_data import HashLM, Notes, arc_copy

pytestmark = pytest.mark.usefixtures("no_hub")


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copies")
    arc_copy(folder, train=12, validation=9, test=30)
    return arc_copy(folder, config="ARC-Challenge", train=12, test=5)


@pytest.fixture
def load(copies):
    """Loads with usual values for what a test does not care about."""

    def loaded(*names, n_items=6, seed=0, num_fewshot=None, data_dir=copies, progress=None):
        return load_tasks(
            names, n_items=n_items, seed=seed, num_fewshot=num_fewshot, data_dir=data_dir, progress=progress or Notes()
        )

    return loaded


def _prompts(requested) -> list[tuple]:
    return [instance.args for leaf in requested.leaves for instance in leaf.requests]


class TestItems:
    def test_the_chosen_items_are_asked_in_order(self, load):
        ((leaf,),) = [requested.leaves for requested in load("arc_easy")]
        assert leaf.doc_ids == choose_items(30, n_items=6, seed=0, leaf="arc_easy")
        assert [i.args[0] for i in leaf.requests[::4]] == [
            f"Question: What is number {doc_id} of test?\nAnswer:" for doc_id in leaf.doc_ids
        ]
        assert [i.args[1] for i in leaf.requests[:4]] == [" this", " that", " nothing", f" {leaf.doc_ids[0]}"]

    def test_the_seed_chooses(self, load):
        (first,), (again,), (other,) = load("arc_easy"), load("arc_easy"), load("arc_easy", seed=1)
        assert _prompts(first) == _prompts(again)
        assert first.leaves[0].doc_ids != other.leaves[0].doc_ids

    @pytest.mark.parametrize("n_items", [1, 7, 30])
    def test_as_many_as_asked_for(self, load, n_items):
        (requested,) = load("arc_easy", n_items=n_items)
        assert requested.n_items == len(requested.leaves[0].doc_ids) == n_items

    def test_a_task_with_fewer_gives_all_and_says_so(self, load):
        notes = Notes()
        (requested,) = load("arc_challenge", n_items=100, progress=notes)
        assert requested.leaves[0].doc_ids == tuple(range(5))
        assert notes.said == ["'arc_challenge' has only 5 items, all of which are used."]

    def test_a_tag_is_spread_over_its_tasks(self, load):
        (requested,) = load("ai2_arc", n_items=7)
        assert sorted(len(leaf.doc_ids) for leaf in requested.leaves) == [3, 4]
        assert {leaf.name for leaf in requested.leaves} == {"arc_easy", "arc_challenge"}

    def test_tasks_without_an_item_are_left_out(self, load):
        (requested,) = load("ai2_arc", n_items=1)
        assert [len(leaf.doc_ids) for leaf in requested.leaves] == [1]

    @pytest.mark.parametrize("n_items", [0, -1])
    def test_no_items_are_refused(self, load, n_items):
        with pytest.raises(UsageError, match="--accuracy-samples must be at least 1"):
            load("arc_easy", n_items=n_items)


class TestNames:
    def test_order_is_kept_and_repetition_merged(self, load):
        requested = load("arc_challenge", "arc_easy", "arc_challenge")
        assert [one.name for one in requested] == ["arc_challenge", "arc_easy"]

    def test_alone_and_in_a_group_are_two_tasks(self, load):
        alone, group = load("arc_easy", "ai2_arc", n_items=8)
        (inside,) = [leaf for leaf in group.leaves if leaf.name == "arc_easy"]
        assert alone.leaves[0].task is not inside.task
        assert (len(alone.leaves[0].doc_ids), len(inside.doc_ids)) == (8, 4)

    def test_none_is_nothing(self, load):
        assert load() == []

    def test_unknown_ones_are_refused(self, load):
        with pytest.raises(UsageError, match="no task 'arc_eesy'"):
            load("arc_easy", "arc_eesy")


class TestFewShot:
    def test_the_number_is_used(self, load):
        (two,) = load("arc_easy", num_fewshot=2)
        assert all(prompt.count("Question:") == 3 for prompt, _ in _prompts(two))
        assert all(prompt.count("of train?") == 2 for prompt, _ in _prompts(two))

    def test_without_a_number_the_task_decides(self, load):
        (none,) = load("arc_easy")
        assert all(prompt.count("Question:") == 1 for prompt, _ in _prompts(none))

    def test_examples_have_lm_evals_seed_whatever_ours_is(self, load):
        (first,), (other,) = load("arc_challenge", num_fewshot=3), load("arc_challenge", num_fewshot=3, seed=1)
        assert _prompts(first) == _prompts(other)  # all five items, in order

    def test_what_is_defined_without_stays_without(self, load):
        notes = Notes()
        (plain,), (asked,) = load("builtin", n_items=99), load("builtin", n_items=99, num_fewshot=3, progress=notes)
        assert _prompts(plain) == _prompts(asked)
        assert "'builtin_choices' is defined without examples and stays so." in notes.said

    def test_more_than_there_are_is_refused(self, load):
        (all_of_them,) = load("arc_easy", num_fewshot=12, n_items=1)
        assert _prompts(all_of_them)[0][0].count("of train?") == 12
        with pytest.raises(UsageError, match="'arc_easy' has 12 examples to draw 13 from for --num-fewshot 13"):
            load("arc_easy", num_fewshot=13)

    def test_an_item_is_no_example_of_itself(self):
        task = SimpleNamespace(
            get_config={"num_fewshot": 2}.get,
            sampler=SimpleNamespace(df=["a", "b"]),
            fewshot_cfg=SimpleNamespace(split="test"),
            config=SimpleNamespace(test_split="test"),
        )
        with pytest.raises(UsageError, match="'x' has 2 examples to draw 3 from"):
            loading.build_requests("x", task, (0,))

    def test_a_negative_number_is_refused(self, load):
        with pytest.raises(UsageError, match="--num-fewshot must not be negative"):
            load("arc_easy", num_fewshot=-1)


class TestUnavailable:
    def test_without_copy_and_hub_there_is_a_way_out(self, load):
        with pytest.raises(UnavailableError, match="'allenai/ai2_arc' is not here and the hub cannot") as caught:
            load("arc_easy", data_dir=None)
        assert caught.value.exit_code == 3
        assert "--data-dir" in caught.value.hint
        assert "`--accuracy-tasks builtin`" in caught.value.hint

    @pytest.mark.parametrize(
        ("error", "message"),
        [
            (ConnectionError("no network"), "'Rowan/hellaswag' is not here and the hub cannot be reached"),
            (TimeoutError("slow"), "the hub cannot be reached"),
            (RuntimeError("Dataset scripts are no longer supported"), "cannot be read: Dataset scr"),
            (OSError(errno.ENOSPC, "No space left on device"), "cannot be stored.*No space"),
            (ValueError("BuilderConfig 'x' not found.\nMore."), r"'hellaswag' cannot be read: .* not found\.$"),
            (KeyError("validation"), "data of the task 'hellaswag' cannot be read: 'validation'"),
            (ModuleNotFoundError("No module named 'q'"), "needs a package that is not installed: No module named 'q'"),
        ],
    )
    def test_each_failure_is_one_sentence(self, load, monkeypatch, error, message):
        import datasets

        def failing(*_args, **_kwargs):
            raise error

        monkeypatch.setattr(datasets, "load_dataset", failing)
        with pytest.raises(UnavailableError, match=message) as caught:
            load("hellaswag")
        assert "\n" not in caught.value.message

    def test_the_folder_must_exist(self, load, tmp_path):
        with pytest.raises(UnavailableError, match="does not exist"):
            load("arc_easy", data_dir=tmp_path / "nowhere")

    @pytest.mark.parametrize(("field", "message"), [("UNSAFE_CODE", "runs code"), ("MULTIMODAL", "images or sound")])
    def test_tasks_that_say_it_in_their_code_are_refused_too(self, load, monkeypatch, field, message):
        from lm_eval.api.task import ConfigurableTask

        monkeypatch.setattr(ConfigurableTask, field, True, raising=False)
        with pytest.raises(UsageError, match=message):
            load("arc_easy")


class TestGlobalState:
    def test_random_generators_are_as_before(self, load):
        random.seed(5)
        np.random.seed(5)
        expected = random.random(), np.random.random()
        random.seed(5)
        np.random.seed(5)
        load("arc_easy")
        assert (random.random(), np.random.random()) == expected

    def test_tasks_see_lm_evals_seeds(self):
        random.seed(0)
        np.random.seed(1234)
        expected = random.random(), np.random.random()
        for _ in range(2):
            with loading.lm_eval_seeds():
                assert (random.random(), np.random.random()) == expected

    def test_requests_are_repeated_as_the_task_wants(self, load):
        ((leaf,),) = [requested.leaves for requested in load("arc_easy", n_items=2)]
        for instance in leaf.task.instances:
            instance.repeats = 3
        assert leaf.requests[:3] == [leaf.task.instances[0]] * 3
        assert len(leaf.requests) == len(HashLM().answers(leaf)) == 24
