"""From names to single tasks, as lm-eval follows groups, tags and overrides."""

from __future__ import annotations

import pytest
from lm_eval.api.task import ConfigurableTask
from lm_eval.tasks import TaskManager

from swa.errors import UsageError
from swa.evaluation.harness.leaves import leaves_of

TASK = """
task: {name}
dataset_path: org/data
output_type: multiple_choice
test_split: test
doc_to_text: q
doc_to_target: a
doc_to_choice: c
{more}
"""


@pytest.fixture
def index(tmp_path):
    """Builds lm-eval's index of some files, given by name."""

    def build(**contents: str):
        for name, content in contents.items():
            (tmp_path / f"{name}.yaml").write_text(content)
        return TaskManager(include_defaults=False, include_path=[tmp_path])

    return build


def _task(name: str, more: str = "") -> str:
    return TASK.format(name=name, more=more)


def test_a_task_is_its_own_leaf(index):
    (leaf,) = leaves_of("one", index(one=_task("one", "num_fewshot: 3")).task_index)
    assert (leaf.name, leaf.group, dict(leaf.member)) == ("one", "one", {"task": "one"})
    assert leaf.config["num_fewshot"] == 3
    assert leaf.config["dataset_path"] == "org/data"


def test_groups_of_groups_and_overrides_are_followed_as_lm_eval_does(index, monkeypatch):
    manager = index(
        one=_task("one", "num_fewshot: 1"),
        two=_task("two", "tag: [pair]"),
        three=_task("three", "tag: [pair]"),
        inner="group: inner\ntask: [one, pair]\n",
        outer="""
group: outer
fewshot_split: dev
task:
  - group: inner
    num_fewshot: 7
  - task: four
    dataset_path: org/inline
  - group: sub
    task: [{task: five, dataset_path: org/five}]
  - task: six
    description: said twice
""",
        six=_task("six", "description: said once"),
    )
    monkeypatch.setattr(ConfigurableTask, "__init__", lambda self, config: setattr(self, "_config", _Config(config)))
    theirs = {name: task.config.values for name, task in manager.load(["outer"])["tasks"].items()}
    ours = leaves_of("outer", manager.task_index)
    assert [leaf.name for leaf in ours] == list(theirs)
    assert [leaf.name for leaf in ours] == ["one", "three", "two", "outer::four", "outer::sub::five", "six"]
    for leaf in ours:
        loaded = manager.load([{"group": leaf.group, "task": [dict(leaf.member)]}])["tasks"]
        assert list(loaded) == [leaf.name]
        for key in ("num_fewshot", "fewshot_split", "dataset_path", "description"):
            expected = theirs[leaf.name].get(key)
            assert leaf.config.get(key) == expected
            assert loaded[leaf.name].config.values.get(key) == expected
    assert [leaf.config.get("num_fewshot") for leaf in ours] == [7, 7, 7, None, None, None]


class _Config:
    def __init__(self, values):
        self.values = values
        self.task = values["task"]


def test_an_override_by_task_name_does_not_make_one_of_many(index):
    files = {name: _task(name) for name in ("one", "two")}
    manager = index(**files, inner="group: inner\ntask: [one, two]\n", outer="group: outer\ntask: [{task: inner}]\n")
    assert [leaf.name for leaf in leaves_of("outer", manager.task_index)] == ["one", "two"]


def test_a_task_in_two_subgroups_counts_once(index):
    manager = index(one=_task("one"), a="group: a\ntask: [one]\n", b="group: b\ntask: [a, one]\n")
    assert [leaf.name for leaf in leaves_of("b", manager.task_index)] == ["one"]


@pytest.mark.parametrize(
    ("field", "message"),
    [("unsafe_code: true", "runs code"), ("doc_to_image: x", "images"), ("doc_to_audio: x", "images or sound")],
)
def test_what_cannot_be_evaluated_is_refused(index, field, message):
    manager = index(one=_task("one", field), two=_task("two"), g="group: g\ntask: [two, one]\n")
    with pytest.raises(UsageError, match=f"'one' .*{message}"):
        leaves_of("g", manager.task_index)


@pytest.mark.parametrize("members", ["[nowhere]", "[{num_fewshot: 3}]"])
def test_a_broken_group_is_one_sentence(index, members):
    manager = index(g=f"group: g\ntask: {members}\n")
    with pytest.raises(UsageError, match="'g' has a member that is no task"):
        leaves_of("g", manager.task_index)


def test_an_empty_group_is_one_sentence(index):
    with pytest.raises(UsageError, match="no tasks behind 'g'"):
        leaves_of("g", index(g="group: g\ntask: []\n").task_index)
