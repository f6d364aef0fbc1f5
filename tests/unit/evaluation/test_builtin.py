"""The items that ship with the package: a smoke test that needs no hub, no data folder and no network."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

import pytest
import yaml

from swa.evaluation.harness.catalogue import BUILTIN_FOLDER
from swa.evaluation.harness.scoring import score
from swa.evaluation.harness.tasks import load_tasks
from swa.text.words import BUILTIN, BUILTIN_LEAVES
from tests.unit.evaluation.tiny_data import Notes


@pytest.fixture
def builtin(no_hub):
    (requested,) = load_tasks([BUILTIN], n_items=100, seed=42, num_fewshot=None, data_dir=None, progress=Notes())
    return requested


def test_sixteen_choices_and_eight_answers(builtin):
    assert [(leaf.name, len(leaf.doc_ids)) for leaf in builtin.leaves] == [
        ("builtin_choices", 16),
        ("builtin_answers", 8),
    ]
    assert tuple(leaf.name for leaf in builtin.leaves) == BUILTIN_LEAVES


def test_choices_have_four_endings_and_no_favourite_place(builtin):
    docs = [instance.doc for instance in builtin.leaves[0].task.instances[::4]]
    assert all(len(set(doc["choices"])) == 4 for doc in docs)
    assert len({doc["start"] for doc in docs}) == 16
    assert Counter(doc["answer"] for doc in docs) == {0: 4, 1: 4, 2: 4, 3: 4}


def test_prompts_of_answers_show_the_form_and_give_nothing_away(builtin):
    for instance in builtin.leaves[1].task.instances:
        prompt, options = instance.args
        assert prompt.count(":") == 4
        assert prompt.endswith(f"\n{instance.doc['asked']}:")
        assert instance.doc["answer"].lower() not in prompt.lower()
        assert options["until"] == ["\n"]


def test_answers_are_compared_after_stripping(builtin):
    leaf = builtin.leaves[1]
    right = [instance.doc["answer"] for instance in leaf.task.instances]
    for form in ("{}", "  {} ", "{}.", " {}.\n"):
        assert all(item.correct for item in score(leaf, [form.format(answer) for answer in right]))
    lower = [item.correct for item in score(leaf, [answer.lower() for answer in right])]
    assert lower == [True] * 8
    assert not any(item.correct for item in score(leaf, [f"not {answer}" for answer in right]))
    assert not any(item.correct for item in score(leaf, [""] * 8))


@pytest.mark.parametrize("name", [BUILTIN, *BUILTIN_LEAVES])
def test_the_files_say_that_it_is_no_benchmark(name):
    text = (BUILTIN_FOLDER / f"{name}.yaml").read_text()
    assert "no benchmark" in text
    assert "Smoke test" in yaml.safe_load(text)["metadata"]["description"]


def test_the_package_ships_the_files():
    import tomllib
    from pathlib import Path

    shipped = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    assert "data/builtin/*" in shipped["tool"]["setuptools"]["package-data"]["swa"]
    assert all(path.is_file() for path in BUILTIN_FOLDER.iterdir())


def test_alone_without_network_and_without_a_word_of_the_library(tmp_path):
    code = (
        "from swa.evaluation.harness.tasks import load_tasks\n"
        "from swa.progress import SilentProgress\n"
        "found = load_tasks(['builtin'], n_items=100, seed=1, num_fewshot=None, data_dir=None,"
        " progress=SilentProgress())\n"
        "print(found[0].n_items)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "cache"), "TQDM_DISABLE": "1"},
    )
    assert done.stdout == "24\n"
    assert "fatal" not in done.stderr
    assert "arning" not in done.stderr
