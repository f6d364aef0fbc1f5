"""`swa evaluate` as a process on a tiny model: killed while it works, and run again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from swa.schemas.validation import validate_file
from tests.conftest import run_swa
from tests.support.tiny_checkpoint import plant, write_tiny_checkpoint
from tests.support.tiny_models import build

WORDS = ["evaluate", "model", "--dataset", "builtin", "--accuracy-tasks", "builtin", "--perplexity-samples", "20"]
WORDS += ["--accuracy-samples", "6", "--batch-size", "2", "--super-weights", "L1.mlp.down_proj[5,7]", "--scales", "0"]
WORDS += ["3", "--super-weights"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("evaluate")
    model = build("llama")
    layer, row, col = plant(model)
    write_tiny_checkpoint(folder / "model", model=model)
    (folder / "weights.txt").write_text(f"L{layer}.mlp.down_proj[{row},{col}]\n")
    return folder


def evaluate(folder: Path, results: str, *more: str) -> subprocess.CompletedProcess:
    return run_swa(*WORDS, "weights.txt", "--results-dir", results, *more, cwd=folder)


def analysis_in(results: Path) -> dict:
    (path,) = results.glob("*/data/analysis_*.json")
    return {key: value for key, value in json.loads(path.read_text()).items() if key != "run"}


def test_a_killed_run_ends_with_the_same_records(folder):
    program = subprocess.Popen(
        [sys.executable, "-m", "swa", *WORDS, "weights.txt", "--results-dir", "killed", "-q"],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith("SWA_")},
        stdout=subprocess.DEVNULL,
    )
    units = folder / "killed"
    while len(list(units.glob("*/data/units/*.json"))) < 5 and program.poll() is None:
        time.sleep(0.05)
    program.kill()
    program.wait()
    assert not list(units.glob("*/data/analysis_*.json"))
    begun = {path: path.read_bytes() for path in units.glob("*/data/units/*.json")}
    assert begun

    again = evaluate(folder, "killed", "--json")
    assert again.returncode == 0, again.stderr
    whole = evaluate(folder, "whole", "--json")
    assert whole.returncode == 0, whole.stderr
    assert analysis_in(folder / "killed") == analysis_in(folder / "whole")
    assert {path: path.read_bytes() for path in begun} == begun
    for items in (folder / "whole").glob("*/data/items/*.jsonl"):
        assert items.read_text() == (folder / "killed" / items.relative_to(folder / "whole")).read_text()
    assert len(list(units.glob("*/logs/*.log"))) == 1

    records = [path for path in (folder / "whole").rglob("*.json*") if path.parent.name != "units"]
    for path in records:
        assert validate_file(path).problems == (), path
    (model,) = json.loads(whole.stdout)["models"]
    assert all((folder / path).exists() for path in model["files"].values())
    ratios = {one["variant"]: one["perplexity"]["ratio"] for one in analysis_in(folder / "whole")["individual"]}
    assert ratios.keys() == {"sw_0", "sw_0_x3", "sw_1", "sw_1_x3"}
    assert abs(ratios["sw_1"] - 1) > 10 * abs(ratios["sw_0"] - 1)  # the planted one

    table = evaluate(folder, "whole")
    assert table.returncode == 0
    assert "finished already" in table.stderr
    assert "smoke test, no benchmark" in table.stdout
