"""`swa vocab` and `swa cascade` as processes on tiny models: killed while they work, and run again."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import time
import weakref
from pathlib import Path

import jsonschema
import pyarrow.parquet as pq
import pytest

import swa.models.loading.load
from swa.cli import main
from swa.schemas.registry import json_schema
from swa.schemas.validation import validate_file
from tests.support.helpful import COORDINATE, write_helpful_checkpoint
from tests.support.warm import run, start

WINDOWS = ["--dataset", "builtin", "--tokens", "600", "--window-len", "40", "--stride", "20", "--batch-size", "2"]
WEIGHTS = ["--super-weights", "weights.txt", "--super-weights", "L2.mlp.c_proj[6,9]"]
SHORT = ["--dataset", "builtin", "--tokens", "60", "--window-len", "30", "--stride", "30"]
VOCAB = ["vocab", "model", *WINDOWS, *WEIGHTS, "--neurons", "0:3", "1:4", "--all-neurons", "--bootstrap", "50"]
VOCAB += ["--enable-cascade", "--enable-cosine", "--enable-enrichment", "--top-tokens", "5"]
CASCADE = ["cascade", "model", *WINDOWS, *WEIGHTS, "--layers", "all"]
TIMED = ("run_config.json", "cross_model_summary.json", "analysis.log", ".lock", "ledger")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("vocab")
    write_helpful_checkpoint(folder / "model")
    (folder / "weights.txt").write_text(f"{COORDINATE}\n")
    return folder


@pytest.fixture(scope="module")
def whole(folder) -> Path:
    """The results of a vocabulary analysis that nobody interrupted."""
    return finished(VOCAB, folder, "whole")


@pytest.fixture(scope="module")
def followed(folder) -> Path:
    """The results of a cascade that nobody interrupted."""
    return finished(CASCADE, folder, "followed")


def finished(words: list[str], folder: Path, results: str) -> Path:
    done = run(*words, "--output-dir", results, folder=folder)
    assert done.returncode == 0, done.stderr
    return folder / results


def kill(folder: Path, words: list[str], results: str, pattern: str) -> None:
    """Kill the program as soon as something is there."""
    program = start(*words, "--output-dir", results, "-q", folder=folder, streams=(Path(os.devnull),) * 2)
    while not any((folder / results).glob(pattern)) and program.is_alive():
        time.sleep(0.002)
    program.kill()
    program.join()
    assert program.exitcode == -9, f"it was over before it could be killed at {pattern}"


def contents(results: Path) -> dict[str, bytes]:
    files = (path for path in results.rglob("*") if path.is_file() and not {*TIMED} & {*path.parts})
    return {str(path.relative_to(results)): path.read_bytes() for path in files}


def without_times(results: Path, name: str) -> object:
    """A block of every run_config, but for when and with which words it ran."""
    blocks = [json.loads(path.read_text())[name] for path in sorted(results.rglob("run_config.json"))]
    timed = ("started", "ended", "command_line", "options", "notes")
    return [{key: value for key, value in block.items() if key not in timed} for block in blocks]


def times(*folders: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for folder in folders for path in folder.rglob("*") if path.is_file()}


def lines(results: Path, pattern: str) -> list[dict]:
    (path,) = results.glob(pattern)
    return [json.loads(line) for line in path.read_text().splitlines()]


def without_run(records: list[dict]) -> list[dict]:
    return [{key: value for key, value in record.items() if key != "run"} for record in records]


MOMENTS = (
    "*/ledger/*.json",
    "*/metrics/neurons/neurons.jsonl",
    "*/ledger/*.npz",
    "*/metrics/super_weights/super_weights.jsonl",
    "*/metrics/neurons/census.parquet",
    "*/plots/super_weights/*.png",
)


def test_a_vocab_that_is_killed_again_and_again_ends_with_the_same_files(folder, whole):
    for pattern in MOMENTS:
        kill(folder, VOCAB, "killed", pattern)
    again = run(*VOCAB, "--output-dir", "killed", folder=folder)
    assert again.returncode == 0, again.stderr
    assert contents(folder / "killed") == contents(whole)
    assert without_times(folder / "killed", "vocab") == without_times(whole, "vocab")


def test_a_killed_cascade_ends_with_the_same_records(folder, followed):
    kill(folder, CASCADE, "cascade", "*/ledger/*.npz")
    assert not list((folder / "cascade").glob("*/metrics/cascade/cascade.jsonl"))
    again = run(*CASCADE, "--output-dir", "cascade", folder=folder)
    assert again.returncode == 0, again.stderr
    pattern = "*/metrics/cascade/cascade.jsonl"
    assert without_run(lines(folder / "cascade", pattern)) == without_run(lines(followed, pattern))
    figures = {path: content for path, content in contents(folder / "cascade").items() if path.endswith(".png")}
    assert len(figures) == 2
    assert figures == {path: contents(followed)[path] for path in figures}


def test_every_file_is_valid_here_and_for_a_foreign_validator(whole, followed):
    checked = 0
    paths = [path for path in [*whole.rglob("*.json*"), *followed.rglob("*.json*")] if "ledger" not in path.parts]
    for path in paths:
        assert validate_file(path).problems == (), path
        texts = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
        for text in texts:
            record = json.loads(text)
            jsonschema.validate(record, json_schema(record["record"]))
            checked += 1
    assert checked >= 2 + 4 + 2 + 3
    done = run("validate", *map(str, paths), folder=whole)
    assert done.returncode == 0, done.stdout


def test_the_planted_one_stands_out(whole, followed):
    planted, other = lines(whole, "*/metrics/super_weights/super_weights.jsonl")
    assert abs(planted["deltas"]["loss"]) > 100 * abs(other["deltas"]["loss"])
    assert planted["bootstrap"]["loss"]["mean"] == planted["deltas"]["loss"]
    assert len(planted["controls"]["random_coords"]) == 3
    assert planted["cascade"]["delta_entropy"][-1] == pytest.approx(planted["deltas"]["entropy"], rel=1e-4)
    assert len(planted["token_shifts"]["up"]) <= 5
    result, _ = lines(followed, "*/metrics/cascade/cascade.jsonl")
    assert result["cascade"]["layers"] == [0, 1, 2, 3]
    assert result["cascade"]["delta_entropy"][0] == 0.0
    assert result["cascade"]["delta_entropy"][-1] == pytest.approx(planted["deltas"]["entropy"], rel=1e-4)
    assert result["h_row_removed"][1] < 0.1 * result["h_row_baseline"][1]


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
        # a card is float64 throughout, the census multiplies in float32: half the time, and seven digits are enough
        assert [row["var"], row["var_cos"]] == pytest.approx(
            [card["moments"]["var"], card["moments_cos"]["var"]], rel=1e-5
        )
        assert row["kurt_cos"] == pytest.approx(card["moments_cos"]["kurt"], rel=1e-5, abs=1e-5)


def test_the_same_command_again_computes_nothing(folder, whole, followed):
    before = times(whole, followed)
    for words, results in ((VOCAB, "whole"), (CASCADE, "followed")):
        done = run(*words, "--output-dir", results, folder=folder)
        assert done.returncode == 0
        assert "finished already" in done.stderr
    assert times(whole, followed) == before


@pytest.mark.parametrize(("command", "asked"), [("vocab", ["--neurons", "0:1"]), ("cascade", WEIGHTS[2:])])
def test_a_model_is_freed_before_the_next_is_loaded(folder, monkeypatch, command, asked):
    load, seen, alive = swa.models.loading.load.load_model, [], []

    def watched(*args, **options):
        alive.append([one() is not None for one in seen])
        loaded = load(*args, **options)
        seen.extend((weakref.ref(loaded), weakref.ref(loaded.model)))
        return loaded

    monkeypatch.setattr("swa.models.loading.load.load_model", watched)
    monkeypatch.chdir(folder)
    shutil.copytree(folder / "model", folder / f"second-{command}")
    words = [command, "model", f"second-{command}", *SHORT, "--output-dir", f"freed-{command}", "-q"]
    assert main.run([*words, *asked]) == 0
    assert alive == [[], [False, False]]


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
    done = run(*words, folder=folder)
    assert done.returncode == 0, done.stderr
    assert "The window was clamped from 1024 to" in done.stderr
    (model,) = json.loads(done.stdout)["models"]
    windows = json.loads((folder / model["files"]["run_config"]).read_text())["cascade"]["windows"]
    assert windows["window_len"] < 1024
    assert windows["tokens"] == windows["tokens_scored"] == 200
