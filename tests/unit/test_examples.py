"""The shell examples run as they are written, on a tiny model."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from swa.schemas.validation import validate_file
from tests.support.experts import experts_of, planted_expert
from tests.support.helpful import COORDINATE, write_helpful_checkpoint
from tests.support.tiny_checkpoint import letter_tokenizer, plant, write_tiny_checkpoint
from tests.support.tiny_loaded import loaded_tiny
from tests.support.tiny_models import build

ROOT = Path(__file__).parents[2]


def run_example(name: str, folder: Path, *words: str, model: str = "model") -> subprocess.CompletedProcess:
    """Run an example on the model in a folder; without one on what it has itself."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "RESULTS": str(folder / "results"),
    }
    return subprocess.run(
        [ROOT / "examples" / name, *([folder / model] if model else []), *words],
        capture_output=True,
        text=True,
        env=environment,
        cwd=folder,
    )


def test_detect_example(tmp_path: Path) -> None:
    write_tiny_checkpoint(tmp_path / "model")
    done = run_example("detect.sh", tmp_path, "--dataset", "builtin", "--screen-top", "3", "--quiet")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "planted" in done.stdout.lower()
    assert "run_config.json: ok, 1 record" in done.stdout


@pytest.mark.skipif(shutil.which("jq") is None, reason="the example pipes records into jq")
def test_vocab_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWA_SCREEN", "spike")
    write_helpful_checkpoint(tmp_path / "model")
    words = ("--dataset", "builtin", "--tokens", "300", "--window-len", "40", "--stride", "20", "--quiet")
    done = run_example("vocab.sh", tmp_path, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    listed = done.stdout.splitlines()[-1].split("\t")
    assert listed[0] == COORDINATE
    assert float(listed[1]) > 1 > 100 * abs(float(listed[2]))
    assert len(json.loads(listed[3])) == 5
    assert "super_weights.jsonl: ok" in done.stdout
    assert "cross_model_summary.json: ok, 1 record" in done.stdout


def test_evaluate_example(tmp_path: Path) -> None:
    model = build("llama")
    layer, row, col = plant(model)
    write_tiny_checkpoint(tmp_path / "model", model=model)
    words = ("--dataset", "builtin", "--perplexity-samples", "5", "--accuracy-tasks", "builtin", "--quiet")
    weights = ("--super-weights", f"L{layer}.mlp.down_proj[{row},{col}]", "--accuracy-samples", "2")
    done = run_example("evaluate.sh", tmp_path, *words, *weights)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "sw_0\tbuiltin\t" in done.stdout
    assert ".json: ok, 1 record" in done.stdout


def test_moe_example(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("SWA_PERPLEXITY_SAMPLES", "3")
    loaded = loaded_tiny("qwen2_moe")
    site = experts_of(loaded, 1)[2]
    prompt = letter_tokenizer()("Apple Inc. is a worldwide tech company.", return_tensors="pt")["input_ids"]
    with planted_expert(loaded, site, prompt, output=3e3) as plant:
        write_tiny_checkpoint(tmp_path / "model", model=loaded.model)
    search = ("--screen", "spike", "--spike-threshold", str(plant.x / 2), "--max-iterations", "1")
    done = run_example("moe.sh", tmp_path, "--dataset", "builtin", *search, "--router-analysis-samples", "2", "--quiet")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"L1.mlp.experts.2.down_proj[{plant.row},{plant.col}]\t" in done.stdout
    assert "layer 1\t4/4 experts used\t" in done.stdout
    assert "run_config.json: ok, 1 record" in done.stdout


@pytest.mark.skipif(shutil.which("jq") is None, reason="the example pipes records into jq")
def test_report_example(tmp_path: Path) -> None:
    done = run_example("report.sh", tmp_path, model="")
    assert done.returncode == 0, done.stdout + done.stderr
    page = (tmp_path / "results/report.html").read_text()
    assert "9 of 20 candidates are super weights" in page
    assert "runs agree on" in done.stdout
    assert "comparison.json: ok, 1 record" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("L")


def test_saved_artifacts_are_valid() -> None:
    paths = sorted((ROOT / "examples/artifacts").rglob("*.json*"))
    assert len(paths) > 5
    assert [problem for path in paths for problem in validate_file(path).problems] == []
