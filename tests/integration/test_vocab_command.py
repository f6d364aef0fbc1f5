"""`swa vocab` and `swa cascade` as processes on tiny models: killed while they work, and run again."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pyarrow.parquet as pq
import pytest

from swa.schemas.registry import json_schema
from swa.schemas.validation import validate_file
from tests.conftest import run_swa
from tests.support.tiny_checkpoint import plant, write_tiny_checkpoint
from tests.support.tiny_models import build

WINDOWS = ["--dataset", "builtin", "--tokens", "1500", "--window-len", "40", "--stride", "20", "--batch-size", "2"]
WEIGHTS = ["--super-weights", "weights.txt", "--super-weights", "L2.mlp.down_proj[6,9]"]
VOCAB = ["vocab", "model", *WINDOWS, *WEIGHTS, "--neurons", "0:3", "1:4", "--all-neurons", "--bootstrap", "50"]
VOCAB += ["--enable-cascade", "--enable-cosine", "--enable-enrichment", "--top-tokens", "5"]
CASCADE = ["cascade", "model", *WINDOWS, *WEIGHTS, "--layers", "all"]
TIMED = ("run_config.json", "cross_model_summary.json", "analysis.log", ".lock")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("vocab")
    model = build("llama")
    layer, row, col = plant(model)
    write_tiny_checkpoint(folder / "model", model=model)
    (folder / "weights.txt").write_text(f"L{layer}.mlp.down_proj[{row},{col}]\n")
    return folder


@pytest.fixture(scope="module")
def whole(folder) -> Path:
    """The results of runs that nobody interrupted."""
    for words in (VOCAB, CASCADE):
        done = run_swa(*words, "--output-dir", "whole", cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder / "whole"


def killed(folder: Path, words: list[str], results: str, there: Callable[[Path], bool]) -> None:
    """Kill the program as soon as something is there."""
    program = subprocess.Popen(
        [sys.executable, "-m", "swa", *words, "--output-dir", results, "-q"], cwd=folder, stdout=subprocess.DEVNULL
    )
    while not there(folder / results) and program.poll() is None:
        time.sleep(0.005)
    program.kill()
    assert program.wait() == -9, "it was over before it could be killed"


def contents(results: Path) -> dict[str, bytes]:
    files = (path for path in results.rglob("*") if path.is_file() and path.name not in TIMED)
    return {str(path.relative_to(results)): path.read_bytes() for path in files}


def without_times(results: Path, name: str) -> object:
    """A block of every run_config, but for when and with which words it ran."""
    blocks = [json.loads(path.read_text())[name] for path in sorted(results.rglob("run_config.json"))]
    timed = ("started", "ended", "command_line", "options", "notes")
    return [{key: value for key, value in block.items() if key not in timed} for block in blocks]


def lines(results: Path, pattern: str) -> list[dict]:
    (path,) = results.glob(pattern)
    return [json.loads(line) for line in path.read_text().splitlines()]


def without_run(records: list[dict]) -> list[dict]:
    return [{key: value for key, value in record.items() if key != "run"} for record in records]


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("neurons", "*/metrics/neurons/neurons.jsonl"),
        ("pass", "*/metrics/super_weights/pass.npz"),
        ("cards", "*/metrics/super_weights/super_weights.jsonl"),
        ("census", "*/metrics/neurons/census_*.parts/*.parquet"),
        ("figures", "*/plots/super_weights/*.png"),
    ],
)
def test_a_killed_vocab_ends_with_the_same_files(folder, whole, name, pattern):
    killed(folder, VOCAB, name, lambda results: any(results.glob(pattern)))
    again = run_swa(*VOCAB, "--output-dir", name, cwd=folder)
    assert again.returncode == 0, again.stderr
    expected = {path: content for path, content in contents(whole).items() if "cascade" not in path.split("/")[-1]}
    found = contents(folder / name)
    cascades = {path for path in found if path.endswith("-cascade.png")}
    assert len(cascades) == 2
    assert {path: content for path, content in found.items() if path not in cascades} | {
        "README.md": expected["README.md"]
    } == expected
    assert without_times(folder / name, "vocab") == without_times(whole, "vocab")
    assert not list((folder / name).glob("*/metrics/*/pass.npz"))


def test_a_killed_cascade_ends_with_the_same_records(folder, whole):
    killed(folder, CASCADE, "cascade", lambda results: any(results.glob("*/metrics/cascade/pass.npz")))
    assert not list((folder / "cascade").glob("*/metrics/cascade/cascade.jsonl"))
    again = run_swa(*CASCADE, "--output-dir", "cascade", cwd=folder)
    assert again.returncode == 0, again.stderr
    pattern = "*/metrics/cascade/cascade.jsonl"
    assert without_run(lines(folder / "cascade", pattern)) == without_run(lines(whole, pattern))
    figures = {path: content for path, content in contents(folder / "cascade").items() if path.endswith(".png")}
    assert figures == {path: content for path, content in contents(whole).items() if path.endswith("-cascade.png")}


def test_every_file_is_valid_here_and_for_a_foreign_validator(whole):
    checked = 0
    for path in whole.rglob("*.json*"):
        assert validate_file(path).problems == (), path
        texts = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
        for text in texts:
            record = json.loads(text)
            jsonschema.validate(record, json_schema(record["record"]))
            checked += 1
    assert checked >= 2 + 4 + 2 + 3
    done = run_swa("validate", *map(str, whole.rglob("*.json*")))
    assert done.returncode == 0, done.stdout


def test_the_planted_one_stands_out(whole):
    planted, other = lines(whole, "*/metrics/super_weights/super_weights.jsonl")
    assert abs(planted["deltas"]["loss"]) > 100 * abs(other["deltas"]["loss"])
    assert planted["bootstrap"]["loss"]["mean"] == planted["deltas"]["loss"]
    assert len(planted["controls"]["random_coords"]) == 3
    assert planted["cascade"]["delta_entropy"][-1] == pytest.approx(planted["deltas"]["entropy"], rel=1e-4)
    assert len(planted["token_shifts"]["up"]) <= 5
    followed, _ = lines(whole, "*/metrics/cascade/cascade.jsonl")
    assert followed["cascade"]["layers"] == [0, 1, 2, 3]
    assert followed["cascade"]["delta_entropy"][0] == 0.0
    assert followed["cascade"]["delta_entropy"][-1] == pytest.approx(planted["deltas"]["entropy"], rel=1e-4)
    assert followed["h_row_removed"][1] < 0.1 * followed["h_row_baseline"][1]


def test_tables_and_census(whole):
    (path,) = whole.glob("*/summaries/super_weights.csv")
    rows = list(csv.DictReader(io.StringIO(path.read_text())))
    cards = lines(whole, "*/metrics/super_weights/super_weights.jsonl")
    assert [float(row["delta_loss"]) for row in rows] == [card["deltas"]["loss"] for card in cards]
    neurons = lines(whole, "*/metrics/neurons/neurons.jsonl")
    assert [(card["layer"], card["neuron"]) for card in neurons][1:] == [(2, 9), (0, 3), (1, 4)]
    assert all({"moments_cos", "enrichment"} <= card.keys() for card in neurons)
    (census,) = whole.glob("*/metrics/neurons/census.parquet")
    table = pq.read_table(census).to_pylist()
    by_place = {(row["layer"], row["neuron"]): row for row in table}
    assert len(by_place) == len(table)
    for card in neurons:
        row = by_place[card["layer"], card["neuron"]]
        assert row["label"] == card["label"]
        assert [row["var"], row["kurt_cos"]] == pytest.approx(
            [card["moments"]["var"], card["moments_cos"]["kurt"]], rel=1e-9
        )


def test_the_same_command_again_computes_nothing(folder, whole):
    before = {path: path.stat().st_mtime_ns for path in whole.rglob("*") if path.is_file()}
    for words in (VOCAB, CASCADE):
        done = run_swa(*words, "--output-dir", "whole", cwd=folder)
        assert done.returncode == 0
        assert "finished already" in done.stderr
    assert {path: path.stat().st_mtime_ns for path in whole.rglob("*") if path.is_file()} == before


def test_window_clamped_and_said(folder):
    words = [
        "cascade",
        "model",
        *WEIGHTS,
        "--dataset",
        "builtin",
        "--tokens",
        "200",
        "--output-dir",
        "clamped",
        "--json",
    ]
    done = run_swa(*words, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "The window was clamped from 1024 to" in done.stderr
    (model,) = json.loads(done.stdout)["models"]
    windows = json.loads((folder / model["files"]["run_config"]).read_text())["cascade"]["windows"]
    assert windows["window_len"] < 1024
    assert windows["tokens"] == windows["tokens_scored"] == 200
