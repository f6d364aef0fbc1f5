"""The real demo model, end to end. Every number is checked against a plain transformers loop written here."""

from __future__ import annotations

import json
import shutil

import pytest
import torch

from swa.schemas.detection import DetectionResult
from swa.schemas.evaluation import ModelAnalysis
from tests.conftest import run_swa

pytestmark = pytest.mark.real_model

# Δ loss of removing each, on windows 0-15 of WikiText-2's test split: value and interval
KNOWN = {
    (11, 507, 1229): (1.94, 1.74, 2.15),
    (9, 260, 200): (1.04, 0.59, 1.58),
    (2, 507, 90): (0.44, 0.35, 0.57),
    (2, 260, 90): (0.19, 0.14, 0.23),
    (11, 507, 1487): (0.13, 0.11, 0.15),
    (9, 507, 200): (0.11, 0.09, 0.13),
}


@pytest.fixture(scope="module")
def record(demo_run):
    assert demo_run.done.returncode == 0, demo_run.done.stderr
    (path,) = demo_run.folder.glob("data/detection_*.json")
    return DetectionResult.model_validate_json(path.read_bytes())


@pytest.fixture(scope="module")
def windows(demo, data_dir):
    """Windows 0-15 as the specification defines them, cut here and not by the package."""
    import pyarrow.parquet as pq

    (path,) = data_dir.glob("wikitext/wikitext-2-raw-v1/test-*.parquet")
    text = "\n\n".join(pq.read_table(path).column("text").to_pylist())
    ids = demo.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    return torch.tensor(ids[: 16 * 256]).view(16, 256)


def _losses(model, windows):
    losses = []
    with torch.no_grad():
        for window in windows:
            logits = model(input_ids=window[None]).logits[0].double()
            losses.append(float(torch.nn.functional.cross_entropy(logits[:-1], window[1:])))
    return torch.tensor(losses)


def test_the_known_super_weights_cost_what_a_plain_loop_says(demo, windows, record):
    intact = _losses(demo.model, windows)
    found = {(w.layer, w.row, w.col): w for w in record.super_weights}
    assert record.baseline_loss == pytest.approx(float(intact.mean()), abs=1e-4)
    for (layer, row, col), (delta, low, high) in KNOWN.items():
        weight = demo.model.model.layers[layer].mlp.down_proj.weight
        old = weight[row, col].clone()
        with torch.no_grad():
            weight[row, col] = 0
        plain = float((_losses(demo.model, windows) - intact).mean())
        with torch.no_grad():
            weight[row, col] = old
        confirmation = found[layer, row, col].confirmation
        assert confirmation.delta_loss == pytest.approx(plain, abs=2e-4)
        assert low - 0.01 <= confirmation.delta_loss <= high + 0.01
        assert confirmation.delta_loss == pytest.approx(delta, abs=0.011)
        assert confirmation.confirmed
        assert found[layer, row, col].weight == float(old)


def test_the_worst_scalar_comes_first(record):
    first = record.super_weights[0]
    assert (first.layer, first.row, first.col) == (11, 507, 1229)
    assert first.coordinate == "L11.mlp.down_proj[507,1229]"
    deltas = [weight.confirmation.delta_loss for weight in record.super_weights]
    assert deltas == sorted(deltas, reverse=True)


def test_only_what_costs_perplexity_is_confirmed(record):
    for weight in record.super_weights:
        if weight.confirmation.confirmed:
            assert weight.confirmation.perplexity_ratio >= 1.05
            assert weight.confirmation.ci_low > 0
        if weight.layer >= 27 and weight.found_by == ["spike"]:
            assert abs(weight.confirmation.delta_loss) <= 0.02
            assert not weight.confirmation.confirmed


def test_every_site_was_examined(record):
    assert record.coverage.text == "examined 30/30 MLP sites"
    assert record.notes == []


def test_spikes_and_gradients_complete_each_other(record):
    found = {(w.layer, w.row, w.col): w.found_by for w in record.super_weights}
    assert found[9, 260, 200] == ["gradient"]  # no spike ever shows it
    assert found[11, 507, 1229] == ["spike", "gradient"]
    spikes = [w for w in record.super_weights if "spike" in w.found_by]
    assert len(record.iterations) == 10
    assert len(spikes) == 53
    assert sum(w.layer >= 27 for w in spikes) == 30


def test_values_at_the_spike_equal_a_plain_forward(demo, record):
    first = record.super_weights[0]
    module = demo.model.model.layers[11].mlp.down_proj
    seen = {}
    hook = module.register_forward_hook(lambda _m, args, out: seen.update(x=args[0][0], y=out[0]))
    with torch.no_grad():
        demo.model(**demo.tokenizer(record.prompts[0], return_tensors="pt"))
    hook.remove()
    assert int(seen["y"].abs().argmax()) == first.output_position * 576 + 507
    assert first.input_value == pytest.approx(float(seen["x"][first.input_position, 1229]), rel=1e-5)
    assert first.output_value == pytest.approx(float(seen["y"][first.output_position, 507]), rel=1e-5)
    share = first.weight * first.input_value / first.output_value
    assert first.share == pytest.approx(share, rel=1e-5)
    assert first.residual_value == pytest.approx(first.output_value, rel=1e-5)


def test_the_whole_tree_is_written_and_valid(demo_run, record):
    folder = demo_run.folder
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    names = {name for name in names if not name.startswith("ledger/")}
    stamp = next(folder.glob("data/detection_*.json")).stem.removeprefix("detection_")
    assert names - {".lock"} == {
        f"data/detection_{stamp}.json",
        "data/super_weights.jsonl",
        "plots/detection_iterations.png",
        "plots/super_weight_distribution.png",
        f"logs/analysis_{stamp}.log",
        "run_config.json",
    }
    files = [str(path) for path in folder.rglob("*.json*")]
    done = run_swa("validate", *files)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = (folder / "data/super_weights.jsonl").read_text().splitlines()
    assert [json.loads(line)["coordinate"] for line in lines] == [w.coordinate for w in record.super_weights]


def test_the_table_is_on_stdout_and_nothing_else_is(demo_run):
    out = demo_run.done.stdout
    assert "L11.mlp.down_proj[507,1229]" in out
    assert "confirmed" in out
    assert "\x1b[" not in out + demo_run.done.stderr


def test_the_same_command_again_computes_nothing(demo_run, data_dir, cache_dir):
    before = {path: path.stat().st_mtime_ns for path in demo_run.folder.glob("data/*")}
    done = run_swa(
        *("detect", "demo", "--dataset", "wikitext-2", "--data-dir", str(data_dir)),
        *("--cache-dir", str(cache_dir), "--results-dir", str(demo_run.results), "--json"),
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["models"][0]["n_confirmed"] >= 6
    assert {path: path.stat().st_mtime_ns for path in demo_run.folder.glob("data/*")} == before


def test_the_text_of_the_package_confirms_the_three_worst(cache_dir, tmp_path):
    done = run_swa(
        *("detect", "demo", "--dataset", "builtin", "--screen-top", "12", "--max-iterations", "2", "--jsonl"),
        *("--confirmed-only", "--cache-dir", str(cache_dir), "--results-dir", str(tmp_path)),
    )
    assert done.returncode == 0, done.stderr
    confirmed = [json.loads(line)["coordinate"] for line in done.stdout.splitlines()]
    worst = ["L11.mlp.down_proj[507,1229]", "L9.mlp.down_proj[260,200]", "L2.mlp.down_proj[507,90]"]
    assert set(worst) <= set(confirmed)


def test_swa_evaluate_takes_the_finished_detection(demo_run, data_dir, cache_dir, tmp_path):
    results = tmp_path / "results"
    shutil.copytree(demo_run.results, results)
    folder = results / "demo"
    words = (
        *("evaluate", "demo", "--dataset", "wikitext-2", "--data-dir", str(data_dir), "--cache-dir", str(cache_dir)),
        *("--results-dir", str(results), "--perplexity-samples", "4", "--skip-individual"),
        *("--accuracy-tasks", "builtin", "--accuracy-samples", "4", "--json"),
    )
    done = run_swa(*words)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert "Looking for spikes" not in done.stderr  # nothing is detected again
    (path,) = folder.glob("data/analysis_*.json")
    analysis = ModelAnalysis.model_validate_json(path.read_bytes())
    assert [record.variant for record in analysis.combined] == ["all"]
    assert analysis.individual == []
    assert len(analysis.combined[0].coordinates) == answer["models"][0]["n_confirmed"] >= 6
    assert analysis.combined[0].perplexity.ratio > 10
    records = [str(file) for file in folder.rglob("*.json*") if file.parent.name != "units"]
    done = run_swa("validate", *records)
    assert done.returncode == 0, done.stdout
    assert run_swa(*words).returncode == 0
    assert list(folder.glob("data/analysis_*.json")) == [path]
