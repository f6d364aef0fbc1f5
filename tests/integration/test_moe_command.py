"""All commands on a tiny mixture of experts on disk, without any option for experts: dense layer, shared, routed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch

from swa.cli.main import run
from swa.data.sources import load_text
from swa.detection.analysis import detect
from swa.detection.options import DetectOptions
from swa.models.loading.load import load_model
from swa.schemas.validation import validate_file
from tests.support.experts import experts_of, planted_expert
from tests.support.tiny_checkpoint import letter_tokenizer, write_tiny_checkpoint
from tests.support.tiny_loaded import loaded_tiny

TEXT = ("--dataset", "builtin")
WINDOWS = (*TEXT, "--tokens", "300", "--window-len", "40", "--stride", "20")
DETECTION = ("--screen", "spike", "--max-iterations", "1", "--prompt", "Apple Inc. is")
EXPERT = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A DeepSeek-V3 with a super weight in expert 2 of layer 2, and the results of every command."""
    folder = tmp_path_factory.mktemp("moe")
    loaded = loaded_tiny("deepseek_v3")
    site = experts_of(loaded, 2)[EXPERT]
    ids = letter_tokenizer()("the first of them was the last to be seen, and more", return_tensors="pt")["input_ids"]
    with planted_expert(loaded, site, ids, output=3e3) as plant:
        write_tiny_checkpoint(folder / "model", model=loaded.model)
    (folder / "plant.json").write_text(json.dumps([plant.row, plant.col]))
    threshold = ("--spike-threshold", str(plant.x / 2))
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("SWA_")]:
            patch.delenv(name)
        patch.chdir(folder)
        words = ("--enable-causal-scoring", "--router-analysis-samples", "2", *TEXT, "-q")
        assert run(["detect", "model", *threshold, *DETECTION, *words]) == 0
        assert run(["evaluate", "model", *TEXT, "--all-candidates", "--accuracy-tasks", "builtin", "-q"]) == 0
        assert run(["vocab", "model", *WINDOWS, "--all-candidates", "-q"]) == 0
        assert run(["cascade", "model", *WINDOWS, "--all-candidates", "--layers", "all", "-q"]) == 0
    return folder


@pytest.fixture(scope="module")
def coordinate(folder) -> str:
    row, col = json.loads((folder / "plant.json").read_text())
    return f"L2.mlp.experts.{EXPERT}.down_proj[{row},{col}]"


def records(folder: Path, pattern: str) -> list[dict]:
    (path,) = folder.glob(f"results/{pattern}")
    texts = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
    return [json.loads(text) for text in texts]


def test_every_file_is_valid(folder):
    paths = list(folder.glob("results/**/*.json*"))
    assert len(paths) >= 12
    for path in paths:
        assert validate_file(path).problems == (), path


def test_the_detection_counts_experts_and_finds_the_planted_one(folder, coordinate):
    (result,) = records(folder, "*/*/data/detection_*.json")
    assert result["coverage"]["n_experts"] == 12
    assert result["coverage"]["text"] == "examined 4/4 MLP sites and 12/12 experts"
    assert [layer["layer"] for layer in result["routing"]] == [1, 2, 3]
    found = {weight["coordinate"]: weight for weight in result["super_weights"]}
    block = found[coordinate]["moe"]
    assert {"impact_natural", "impact_interventional", "stopword_skew", "p_active"} <= block.keys()
    assert result["config"]["router_analysis_samples"] == 2
    (figure,) = folder.glob("results/*/*/plots/moe_analysis.png")
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_evaluate_removes_the_scalar_of_the_expert(folder, coordinate):
    (analysis,) = records(folder, "*/*/data/analysis_*.json")
    (number,) = [i for i, one in enumerate(analysis["individual"]) if one["coordinates"] == [coordinate]]
    assert analysis["individual"][number]["perplexity"]["log_ratio"] != 0
    intact, removed = (
        [
            item["loglikelihoods"]
            for item in records(folder, f"*/*/data/items/builtin_{name}.jsonl")
            if "loglikelihoods" in item
        ]
        for name in ("baseline", f"sw_{number}")
    )
    assert intact != removed


def test_vocab_writes_cards_of_the_expert(folder, coordinate):
    cards = {card["coordinate"]: card for card in records(folder, "*/*/metrics/super_weights/super_weights.jsonl")}
    card = cards[coordinate]
    assert (card["tensor"], card["layer"], card["expert"]) == ("expert_out", 2, EXPERT)
    (result,) = records(folder, "*/*/data/detection_*.json")
    (weight,) = [weight for weight in result["super_weights"] if weight["coordinate"] == coordinate]
    assert card["moe"] == weight["moe"]
    assert card["deltas"]["loss"] != 0
    stem = f"expert_out-e{EXPERT}-L2-R{card['row']}-C{card['col']}"
    assert {path.name for path in folder.glob(f"results/*/*/plots/super_weights/{stem}-*.png")} == {
        f"{stem}-{what}.png" for what in ("deltas", "tokens", "cascade")
    }
    neurons = records(folder, "*/*/metrics/neurons/neurons.jsonl")
    assert (2, EXPERT, card["col"]) in [(one["layer"], one["expert"], one["neuron"]) for one in neurons]


def test_experts_on_disk_give_the_same(folder, coordinate):
    (before,) = records(folder, "*/*/data/detection_*.json")
    options = DetectOptions(
        screens=("spike",),
        spike_threshold=before["threshold"]["value"],
        max_iterations=1,
        prompts=tuple(before["prompts"]),
        router_analysis_samples=2,
        enable_causal_scoring=True,
    )
    loaded = load_model(str(folder / "model"), max_memory=0, cache_dir=folder / "cache")
    assert loaded.offloaded
    result = detect(loaded, load_text("builtin"), options=options)
    assert [layer.model_dump(mode="json") for layer in result.routing] == before["routing"]
    found = {weight.coordinate: weight.moe for weight in result.super_weights}
    known = {weight["coordinate"]: weight["moe"] for weight in before["super_weights"] if "moe" in weight}
    assert coordinate in known.keys() & found.keys()
    for name, value in known[coordinate].items():
        assert getattr(found[coordinate], name) == pytest.approx(value, rel=1e-3, abs=1e-6), name


def test_the_cards_delta_is_that_of_the_edited_checkpoint(folder, coordinate):
    (card,) = [
        card
        for card in records(folder, "*/*/metrics/super_weights/super_weights.jsonl")
        if card["coordinate"] == coordinate
    ]
    loaded = load_model(str(folder / "model"))
    weight = dict(loaded.model.named_parameters())[f"{card['module']}.down_proj"]
    assert weight[EXPERT, card["row"], card["col"]].item() == pytest.approx(card["weight"])
    ids = torch.tensor(loaded.tokenizer(load_text("builtin").text, add_special_tokens=False)["input_ids"])
    losses = []
    for factor in (1.0, 0.0):
        weight.data[EXPERT, card["row"], card["col"]] *= factor
        nll, end = 0.0, 1
        for start in range(0, 400, 20):
            stop = min(start + 40, 301)
            with torch.no_grad():
                logits = loaded.model(input_ids=ids[None, start:stop], use_cache=False).logits[0].double()
            each = torch.nn.functional.cross_entropy(logits[:-1], ids[start + 1 : stop], reduction="none")
            nll, end = nll + float(each[end - start - 1 :].sum()), stop
            if stop == 301:
                break
        losses.append(nll / 300)
    assert card["baselines"]["loss"] == pytest.approx(losses[0], rel=1e-6)
    assert card["deltas"]["loss"] == pytest.approx(losses[1] - losses[0], rel=1e-4, abs=1e-7)


def test_the_cascade_begins_in_the_layer_of_the_expert(folder, coordinate):
    (followed,) = [
        one for one in records(folder, "*/*/metrics/cascade/cascade.jsonl") if one["coordinate"] == coordinate
    ]
    assert (followed["layer"], followed["expert"]) == (2, EXPERT)
    assert followed["cascade"]["layers"] == [0, 1, 2, 3]
    assert followed["cascade"]["kl"][:2] == [0.0, 0.0]
    assert followed["cascade"]["kl"][2] > 0
