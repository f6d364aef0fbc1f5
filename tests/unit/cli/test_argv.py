"""List options in three spellings."""

from __future__ import annotations

import pytest

from swa.cli.declare.argv import Syntax, rewrite
from swa.errors import UsageError

SYNTAX = Syntax(
    takes_models=True,
    valued=frozenset({"--seed", "--prompt", "--screen"}),
    choices={"--screen": ("spike", "gradient")},
)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--models A B", "A B"),
        ("--models A --models B", "A B"),
        ("--models=A B --seed 1", "A B --seed 1"),
        ("A --models B --seed 1 C", "A B --seed 1 C"),
        ("--screen spike gradient", "--screen spike --screen gradient"),
        ("--screen spike,gradient -v", "--screen spike --screen gradient -v"),
        ("--screen spike -- A --models", "--screen spike -- A --models"),
        ("--prompt --models A", "--prompt --models A"),
        ("--models A -v B", "A -v B"),
        ("--seed -1 A", "--seed -1 A"),
    ],
)
def test_words(words, expected):
    assert rewrite(words.split(), SYNTAX) == expected.split()


def test_a_negative_number_is_a_value():
    syntax = Syntax(takes_models=False, valued=frozenset({"--screen"}), choices={"--screen": ()})
    assert rewrite(["--screen", "-0.5", "-.5", "-v"], syntax) == ["--screen", "-0.5", "--screen", "-.5", "-v"]


FREE = Syntax(takes_models=True, valued=frozenset(), choices={"--accuracy-tasks": (), "--scales": ()})


def test_lists_of_free_values(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hellaswag").mkdir()  # a data set in the folder; whether it is a task is known elsewhere
    (tmp_path / "0").write_text("")
    words = ["m", "--accuracy-tasks", "hellaswag", "a,b", "--scales", "0", "-0.5", "--", "n"]
    assert rewrite(words, FREE) == [
        "m",
        *("--accuracy-tasks", "hellaswag", "--accuracy-tasks", "a", "--accuracy-tasks", "b"),
        *("--scales", "0", "--scales", "-0.5"),
        "--",
        "n",
    ]


@pytest.mark.parametrize("option", ["--accuracy-tasks", "--scales"])
@pytest.mark.parametrize("model", ["demo", "org/name", "./folder"])
def test_a_model_after_a_list_of_free_values_gets_a_hint(option, model):
    with pytest.raises(UsageError, match=model) as caught:
        rewrite([option, "0", model], FREE)
    assert "before" in caught.value.hint


def test_commands_without_models_keep_the_word():
    syntax = Syntax(takes_models=False, valued=frozenset(), choices={})
    assert rewrite(["--models", "A"], syntax) == ["--models", "A"]


@pytest.mark.parametrize("words", ["--models", "--models --seed 1", "--screen", "--screen= -v", "--models="])
def test_an_empty_list_is_refused(words):
    with pytest.raises(UsageError, match="at least one value"):
        rewrite(words.split(), SYNTAX)


@pytest.mark.parametrize("model", ["demo", "org/name", "folder"])
def test_a_model_after_a_list_option_gets_a_hint(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match=model) as caught:
        rewrite(["--screen", "spike", model], SYNTAX)
    assert "before" in caught.value.hint


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--layers every 4", "every:4"),
        ("--layers every:4", "every:4"),
        ("--layers=every 4", "every:4"),
        ("--layers every,4", "every:4"),
        ("--layers every", "every"),
        ("--layers every 4 7", "every:4 7"),
        ("--layers 3 5 7", "3 5 7"),
        ("--layers all -v", "all"),
    ],
)
def test_layers(words, expected):
    syntax = Syntax(takes_models=True, valued=frozenset(), choices={"--layers": (), "--neurons": ()})
    found = rewrite(words.split(), syntax)
    assert [word for word in found if word not in ("--layers", "-v")] == expected.split()


def test_neurons():
    syntax = Syntax(takes_models=True, valued=frozenset(), choices={"--neurons": ()})
    assert rewrite("m --neurons 3:7 3:e1:7,4:2 -v".split(), syntax) == [
        "m",
        *("--neurons", "3:7", "--neurons", "3:e1:7", "--neurons", "4:2"),
        "-v",
    ]
