"""`swa X` and `swa.runs.x` write the same bytes, but for times, command lines and where an option was set."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from swa import runs
from swa.cascades.options import CascadeOptions
from swa.cli.main import run
from swa.data.options import TextOptions, WindowOptions
from swa.detection.options import DetectOptions
from swa.evaluation.options import EvaluateOptions, TaskOptions
from swa.runs.options import WHOLE_INTERVENTIONS
from swa.vocabulary.options import InterventionOptions
from tests.support.golden_trees import differences, read_tree
from tests.support.helpful import write_helpful_checkpoint

TEXT = ["--dataset", "builtin", "--batch-size", "4", "--quiet"]
SEARCH = ["--screen", "spike", "--max-iterations", "2"]
EVALUATE = ["--accuracy-tasks", "builtin", "--accuracy-samples", "2", "--perplexity-samples", "5"]
VOCAB = ["--tokens", "200", "--window-len", "40", "--stride", "20"]

BUILTIN = TextOptions(dataset="builtin")
SOUGHT = DetectOptions(screens=("spike",), max_iterations=2, batch_size=4)
EVALUATED = EvaluateOptions(perplexity_samples=5, batch_size=4)
TASKS = TaskOptions(accuracy_tasks=("builtin",), accuracy_samples=2)
CUT = WindowOptions(tokens=200, window_len=40, stride=20)
FOLLOWED = CascadeOptions(tokens=200, window_len=40, stride=20, batch_size=4)
WORDS = {
    "detect": ["detect", "../model", *TEXT, *SEARCH],
    "evaluate": ["evaluate", "../model", *TEXT, *SEARCH, *EVALUATE],
    "vocab": ["vocab", "../model", *TEXT, *SEARCH, *VOCAB, "--bootstrap", "20"],
    "cascade": ["cascade", "../model", *TEXT, *SEARCH, *VOCAB],
    "run": ["run", "../model", *TEXT, *SEARCH, *EVALUATE, *VOCAB],
    "report": ["report", "results", "--output", "page"],
    "compare": ["compare", "results", "--output", "compared"],
}
CALLS: dict[str, Callable[[], object]] = {
    "detect": lambda: runs.detect("../model", SOUGHT, text=BUILTIN),
    "evaluate": lambda: runs.evaluate("../model", EVALUATED, tasks=TASKS, search=SOUGHT, text=BUILTIN),
    "vocab": lambda: runs.vocab(
        "../model",
        InterventionOptions(bootstrap=20, batch_size=4),
        windows=CUT,
        search=DetectOptions(screens=("spike",), max_iterations=2, batch_size=4, router_analysis_samples=5),
        text=BUILTIN,
    ),
    "cascade": lambda: runs.cascade("../model", FOLLOWED, search=SOUGHT, text=BUILTIN),
    "run": lambda: runs.run(
        "../model",
        SOUGHT,
        evaluation=EvaluateOptions(perplexity_samples=5, batch_size=4, tokens=200, window_len=40, stride=20),
        tasks=TASKS,
        interventions=replace(WHOLE_INTERVENTIONS, batch_size=4),
        windows=CUT,
        text=BUILTIN,
    ),
    "report": lambda: runs.report("results", "page"),
    "compare": lambda: runs.compare(["results"], "compared"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("parity")
    write_helpful_checkpoint(folder / "model")
    return folder


def tree(folder: Path, name: str, work: Callable[[], object], monkeypatch) -> dict[str, str | bytes]:
    """What a call wrote in a folder of its own."""
    monkeypatch.delenv("SWA_DATA_DIR", raising=False)
    place = folder / name
    place.mkdir(exist_ok=True)
    monkeypatch.chdir(place)
    work()
    return {
        path: re.sub(r"\b(python|command line)\b|swa run .*", "SET", text) if isinstance(text, str) else text
        for path, text in read_tree(place).items()
    }


@pytest.mark.parametrize("command", ["detect", "evaluate", "vocab", "cascade", "run", "report", "compare"])
def test_command_and_function_write_the_same_bytes(command, folder, monkeypatch):
    # report and compare read what `run` wrote in the folders before
    base = "run" if command in ("report", "compare") else command
    of_command = tree(folder, f"{base}-command", lambda: run(WORDS[command]), monkeypatch)
    of_function = tree(folder, f"{base}-function", CALLS[command], monkeypatch)
    assert of_command
    assert differences(of_command, of_function) == {}


def test_the_command_line_of_a_function_does_the_same(folder, monkeypatch):
    place = folder / "written-out"
    place.mkdir()
    monkeypatch.chdir(place)
    monkeypatch.delenv("SWA_DATA_DIR", raising=False)  # the environment is the command line's alone
    (made,) = runs.evaluate("../model", EVALUATED, tasks=TASKS, search=SOUGHT, text=BUILTIN).models
    words = made.header.command_line
    assert words[:2] == ["swa", "evaluate"]
    assert run([*words[1:], "--quiet"]) == 0  # finished already: nothing is computed
    assert len(list(place.glob("results/*/model-*/data/analysis_*.json"))) == 1
