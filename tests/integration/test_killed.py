"""A run that is killed after any of its files is completed by the same call: the whole tree, and nothing twice."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support import warm
from tests.support.golden_trees import differences, read_tree
from tests.support.helpful import COORDINATE, write_helpful_checkpoint
from tests.support.killing import killed_after, n_files

TEXT = ["../model", "--dataset", "builtin", "--batch-size", "4", "--quiet"]
NAMED = ["--super-weights", COORDINATE]
VOCAB = ["--tokens", "200", "--window-len", "40", "--stride", "20"]
WORDS = {
    "detect": ["detect", *TEXT, "--screen-top", "6", "--max-iterations", "2"],
    "evaluate": [
        "evaluate", *TEXT, *NAMED, "--accuracy-tasks", "builtin", "--accuracy-samples", "2", "--perplexity-samples", "5"
    ],
    "vocab": ["vocab", *TEXT, *NAMED, *VOCAB, "--all-neurons", "--enable-cascade"],
    "cascade": ["cascade", *TEXT, *NAMED, *VOCAB],
    "run": ["run", *TEXT, *NAMED, *VOCAB, "--skip-accuracy", "--perplexity-samples", "5"],
}  # fmt: skip
STATE = (".std*", "*.log", "*/run_config.json")
"""What is printed and logs tell both runs; the header of a completed run is its own (compared by its status)."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("killed")
    write_helpful_checkpoint(folder / "model")
    return folder


def moments(n: int) -> list[int]:
    """After which files a run is killed: the last four, the first, and one in the middle."""
    return sorted({1, n // 2, *range(max(1, n - 4), n)})


@pytest.mark.parametrize("command", WORDS)
def test_the_same_call_completes_a_killed_run(command, folder):
    whole = folder / f"{command}-whole"
    whole.mkdir()
    n = n_files(WORDS[command], whole)
    expected = read_tree(whole, left_aside=STATE)
    ledger = sorted(path.name for path in whole.rglob("ledger/*"))
    for moment in moments(n):
        place = folder / f"{command}-{moment}"
        place.mkdir()
        killed_after(moment, WORDS[command], place)
        kept = {path: path.stat().st_mtime_ns for path in place.rglob("ledger/*")}
        done = warm.run(*WORDS[command], folder=place)
        assert done.returncode == 0, (moment, done.stderr)
        assert differences(expected, read_tree(place, left_aside=STATE)) == {}, moment
        assert sorted(path.name for path in place.rglob("ledger/*")) == ledger, moment
        assert {path: path.stat().st_mtime_ns for path in kept} == kept, f"an item was computed again after {moment}"
        assert not list(place.rglob(".*.????????????????")), "temporary files stay"
        configs = [path.read_text() for path in place.rglob("run_config.json")]
        assert configs
        assert all('"status": "started"' not in text for text in configs), moment
        shutil.rmtree(place)
