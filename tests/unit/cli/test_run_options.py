"""Every option acts in `swa run` as in each command of its steps: the steps that the two make ask the same."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import typer

from swa.cli.declare.kinds import option_kinds
from swa.cli.main import app
from swa.runs.driver.keys import values_of
from swa.runs.driver.models import Outcomes
from swa.runs.steps import detect, evaluate, vocab, whole

COMMANDS = typer.main.get_command(app).commands
STEPS = {"detect": detect, "evaluate": evaluate, "vocab": vocab}
COORDINATE = "L1.mlp.c_proj[5,9]"

VALUES = {
    "accuracy_tasks": "builtin",
    "cache_dir": "cache",
    "data_dir": "data",
    "dataset": "text.txt",
    "device": "cpu",
    "dtype": "bfloat16",
    "max_memory": "1GiB",
    "neurons": "11:3",
    "prompt": "Hello.",
    "protocol": "windows",
    "revision": "main",
    "scales": "0.5",
    "screen": "spike",
    "spike_threshold": "auto",
    "super_weights": COORDINATE,
    "window_len": "700",
}
"""Values other than the default, where a number will not do."""
ABOUT_THE_CALL = {"models", "results_dir", "force", "json", "verbose", "quiet", "confirmed_only", "allow_mismatch"}
ONLY_ALONE = {"jsonl", "list_tasks"}
"""Options of the steps that show something else than a whole way has to show."""
OPTIONS = {kind.name: kind for kind in option_kinds(COMMANDS["run"]) if kind.name not in ABOUT_THE_CALL}


def words_for(name: str) -> list[str]:
    if name == "enable_cascade":
        return ["--no-cascade"]
    option = f"--{name.replace('_', '-')}"
    if OPTIONS[name].form == "flag":
        return [option]
    is_share = name in ("p_active_floor", "co_spike_threshold")
    return [option, VALUES.get(name, "0.5" if is_share else "70")]


@pytest.fixture
def planned(swa, monkeypatch):
    """Gives the steps that a command makes, and how it loads models; nothing is done."""
    Path("text.txt").write_text("A text.\n")
    seen: dict[str, object] = {}

    def nothing(_models, work, *, options, progress, on_outcome):
        work(SimpleNamespace(name="a/x"))
        seen["load"] = options
        return Outcomes([])

    for module in (*STEPS.values(), whole):
        monkeypatch.setattr(module, "each_model", nothing)
        monkeypatch.setattr(module, "execute", lambda _run, step: seen.setdefault(step.command, step))
    for step in (detect.DetectStep, evaluate.EvaluateStep, vocab.VocabStep):
        monkeypatch.setattr(step, "check", lambda *_: None)

    def of_whole(steps, *_):
        seen.update({one.command: one for one in (steps.detection, steps.evaluation, steps.vocab) if one})

    monkeypatch.setattr(whole.Whole, "run", of_whole)

    def call(*words: str):
        seen.clear()
        called = swa(*words)
        assert called.code == 0, called.err
        return dict(seen)

    return call


def test_every_option_of_the_steps_can_be_given():
    of_steps = {kind.name for step in STEPS for kind in option_kinds(COMMANDS[step])}
    assert {kind.name for kind in option_kinds(COMMANDS["run"])} == of_steps - ONLY_ALONE | {"allow_mismatch"}


@pytest.mark.parametrize("name", [None, *OPTIONS])
def test_every_option_acts_as_in_the_single_commands(name, planned):
    usual = () if name == "dataset" else ("--dataset", "builtin")
    words = [] if name is None else words_for(name)
    together = planned("run", "a/x", *usual, *words)
    default = planned("run", "a/x", "--dataset", "builtin")
    assert (asked(together) == asked(default)) is (name is None)
    for command in STEPS if name != "super_weights" else ("evaluate", "vocab"):
        known = {spelling for option in COMMANDS[command].params for spelling in option.opts}
        more = [*words] if words and words[0] in known else []
        if command == "vocab" and name != "enable_cascade":
            more.append("--enable-cascade")
        if command == "vocab" and name in ("neurons", "all_neurons"):  # alone they take the place of super weights
            more += ["--super-weights", COORDINATE]
        alone = planned(command, "a/x", *usual, *more)
        assert alone["load"] == together["load"]
        if command == "vocab" and name in ("neurons", "all_neurons"):
            assert alone["vocab"].choices.cards == together["vocab"].choices.cards
        else:
            assert asked({command: alone[command]}) == asked({command: together[command]})


def asked(steps) -> dict:
    """What steps depend on: the value of every option, and the text."""
    return {command: (options_of(step), text_of(step)) for command, step in steps.items() if command != "load"}


def options_of(step) -> dict:
    values = values_of(step.call.options)
    apart = {"results_dir", "router_analysis_samples"} if step.command == "vocab" else {"results_dir"}
    return {name: value for name, value in values.items() if name not in apart}  # alone, `vocab` watches fewer windows


def text_of(step) -> str | None:
    text = step.text() if callable(step.text) else step.text
    return text and text.fingerprint
