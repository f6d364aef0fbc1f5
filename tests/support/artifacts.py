"""Trees of saved artifacts made of records, as the commands would leave them; no model takes part."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from swa.schemas.base import Record
from swa.schemas.cards import NeuronCard, SuperWeightCard
from swa.schemas.cascade import CascadeResult
from swa.schemas.detection import DetectionResult, SuperWeight
from swa.schemas.evaluation import ModelAnalysis
from swa.schemas.moe import LayerRouting
from swa.schemas.run import RunHeader
from swa.schemas.runs import RunConfig
from tests.support.evaluation_records import accuracy, analysis, perplexity
from tests.support.records import confirmation, detection, super_weight
from tests.unit.schemas.samples import HEADER, VALID, example

STAMP = "20260101_120000"
HOSTILE = (
    "<script>document.title='hacked'</script>",
    '"><img src=x onerror="document.title=\'hacked\'">',
    "'; alert(1); //",
    "\u202eevil\u202c",
    "\x1b[31mred\x00",
    "`|` [x](javascript:alert(1)) **b**",
    "שלום",
    "\u0301",
    " ",
    "",
)
"""Texts that a tokenizer may hold."""
COORDINATES = ((11, 507, 1229), (9, 260, 200), (2, 507, 90))


def header(command: str = "detect", **fields: Any) -> RunHeader:
    values = HEADER | {
        "command": command,
        "command_line": ["swa", command, "org/model", "--seed", "42"],
        "model": "org/model",
        "versions": {"swa": "0.1.0", "python": "3.11.9", "torch": "2.9.0"},
        "dataset_fingerprint": "d" * 64,
        "ended": "2026-01-01T00:10:00Z",
        "status": "complete",
        "options": {
            "seed": {"value": 42, "origin": "default"},
            "dataset": {"value": "wikitext-2", "origin": "default"},
            "prompt": {"value": ["Apple Inc."], "origin": "command line"},
        },
    }
    return RunHeader.model_validate_json(json.dumps(values | fields))


def weights(model: str = "org/model") -> list[SuperWeight]:
    """Three confirmed ones of falling effect and five others."""
    found = [
        super_weight(
            row,
            col,
            model=model,
            layer=layer,
            coordinate=f"L{layer}.mlp.down_proj[{row},{col}]",
            module=f"model.layers.{layer}.mlp.down_proj",
            confirmation=confirmation(1.94 / (number + 1)),
            iteration=1 if number != 1 else None,
            found_by=["spike", "gradient"] if number != 1 else ["gradient"],
            gradient_rank=number,
        )
        for number, (layer, row, col) in enumerate(COORDINATES)
    ]
    found += [
        super_weight(
            number,
            7 * number,
            model=model,
            layer=27,
            coordinate=f"L27.mlp.down_proj[{number},{7 * number}]",
            module="model.layers.27.mlp.down_proj",
            confirmation=confirmation(0.01 * (3 - number), confirmed=False, improves=number == 4),
            input_value=60.0 + number,
            output_value=-300.0 * (number + 1),
            found_by=["spike"],
        )
        for number in range(5)
    ]
    return found


def detection_record(model: str = "org/model", *, run: RunHeader | None = None, **fields: Any) -> DetectionResult:
    values = {
        "architecture": "llama (dense, 30 layers)",
        "weights_fingerprint": "f" * 64,
        "combined_delta_loss": 4.2,
        "notes": ["The text has fewer windows than asked for."],
        "coverage": {
            "text": "examined 30/30 MLP sites",
            "n_sites": 30,
            "n_examined": 30,
            "n_experts": 0,
            "n_experts_examined": 0,
            "n_layers": 30,
            "not_examined": [],
        },
    }
    record = detection(weights(model), model=model, run=run or header(model=model))
    data = json.loads(record.model_dump_json()) | {
        key: value if not isinstance(value, Record) else json.loads(value.model_dump_json())
        for key, value in (values | fields).items()
    }
    return DetectionResult.model_validate_json(json.dumps(data))


def analysis_record(
    model: str = "org/model",
    *,
    tasks: tuple[str, ...] = ("hellaswag", "builtin"),
    run: RunHeader | None = None,
    **fields,
) -> ModelAnalysis:
    record = analysis(
        [weight for weight in weights(model) if weight.confirmation.confirmed],
        tasks=tasks,
        model=model,
        run=run or header("evaluate", model=model),
        family="llama",
        n_layers=30,
    )
    return record.model_copy(update=fields)


def special_analysis(model: str = "org/model") -> ModelAnalysis:
    """Infinite, NaN and inactive."""
    record = analysis_record(model)
    odd = [
        perplexity(math.inf, modified=math.inf, log_ratio=900.0, severity="catastrophic"),
        perplexity(math.nan, severity="invalid"),
        perplexity(1.0),
    ]
    individual = [impact.model_copy(update={"perplexity": p}) for impact, p in zip(record.individual, odd, strict=True)]
    individual[2] = individual[2].model_copy(
        update={"edit_inactive": "its input is zero", "accuracy": {"hellaswag": accuracy(0.01)}}
    )
    return record.model_copy(update={"individual": individual})


def super_weight_cards(model: str = "org/model", *, tokens: tuple[str, ...] = HOSTILE) -> list[SuperWeightCard]:
    base = example("SuperWeightCard")
    cards = []
    for number, (layer, row, col) in enumerate(COORDINATES):
        shifts = [
            {
                "id": index,
                "tok": text,
                "str": text,
                "delta_p": 0.01 / (index + 1),
                "delta_logp": 0.4,
                "p_baseline": 0.01,
                "p_modified": 0.02,
            }
            for index, text in enumerate(tokens)
        ]
        interval = {"mean": 1.94, "ci_2.5": 1.7 / (number + 1), "ci_97.5": 2.1 / (number + 1), "n_windows": 58}
        data = base | {
            "model": model,
            "layer": layer,
            "row": row,
            "col": col,
            "module": f"model.layers.{layer}.mlp.down_proj",
            "coordinate": f"L{layer}.mlp.down_proj[{row},{col}]",
            "deltas": {"loss": 1.94 / (number + 1), "entropy": 0.8, "topk_margin": -0.11, "stopword_mass": -0.04},
            "token_shifts": {"up": shifts, "down": shifts[::-1], "total_variation": 0.31},
            "bootstrap": {"loss": interval},
            "cascade": {
                "layers": [0, layer - 1, layer, 15, 29],
                "delta_entropy": [0.0, 0.0, 0.4, 0.9, 0.8],
                "delta_margin": [0.0, 0.0, -0.05, -0.2, -0.11],
                "kl": [0.0, 0.0, 0.3, 1.2, "Infinity" if number == 2 else 1.9],
            },
        }
        data.pop("moe")
        cards.append(SuperWeightCard.model_validate_json(json.dumps(data)))
    return cards


def neuron_cards(model: str = "org/model", *, tokens: tuple[str, ...] = HOSTILE, n: int = 7) -> list[NeuronCard]:
    base = example("NeuronCard")
    effects = [{"id": i, "tok": text, "str": text, "effect": 2.0 - 0.1 * i} for i, text in enumerate(tokens)]
    return [
        NeuronCard.model_validate_json(
            json.dumps(
                base
                | {
                    "model": model,
                    "layer": 2 + number,
                    "neuron": 90 + number,
                    "top_tokens_up": effects,
                    "top_tokens_down": effects[::-1],
                    "label": ("prediction", "suppression", "unclear")[number % 3],
                }
            )
        )
        for number in range(n)
    ]


def cascade_results(model: str = "org/model") -> list[CascadeResult]:
    data = VALID["CascadeResult"] | {"model": model}
    return [CascadeResult.model_validate_json(json.dumps(data))]


def moe_detection(model: str = "org/moe") -> DetectionResult:
    """A mixture of experts with one super weight in an expert."""
    routing = LayerRouting(
        layer=3,
        module="model.layers.3.mlp.experts",
        n_experts=4,
        n_selected=2,
        n_samples=10,
        n_tokens=2560,
        n_routed_tokens=[2000, 1500, 1620, 0],
        p_active=[0.78, 0.59, 0.63, 0.0],
        routing_entropy=1.08,
        position_entropy=[0.5, 0.9],
        position_entropy_bound=1.39,
        load_max_over_mean=1.56,
        load_variation=0.62,
        largest_output=[900.0, 3.0, 2.0, 0.0],
        super_experts=[0],
    )
    record = detection_record(model, architecture="olmoe (MoE, 16 layers)")
    expert = record.super_weights[0].model_copy(
        update={
            "site": "expert",
            "expert": 0,
            "layer": 3,
            "module": "model.layers.3.mlp.experts.0.down_proj",
            "coordinate": "L3.mlp.experts.0.down_proj[5,9]",
        }
    )
    block = {"p_active": 0.78, "co_spike_score": 0.83, "impact_natural": 1.9, "impact_interventional": 1.9}
    data = json.loads(expert.model_dump_json()) | {"moe": block | {"causal_agreement": 1.28, "super_expert": True}}
    expert = SuperWeight.model_validate_json(json.dumps(data))
    return record.model_copy(update={"routing": [routing], "super_weights": [expert, *record.super_weights[3:]]})


def save(path: Path, *records: Record) -> Path:
    """Write a JSON file, or JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    indent = None if path.suffix == ".jsonl" else 2
    path.write_text("".join(f"{record.model_dump_json(indent=indent)}\n" for record in records), encoding="utf-8")
    return path


def save_detection(folder: Path, record: DetectionResult, *, stamp: str = STAMP) -> Path:
    return save(folder / "data" / f"detection_{stamp}.json", record)


def save_analysis(folder: Path, record: ModelAnalysis, *, stamp: str = STAMP) -> Path:
    return save(folder / "data" / f"analysis_{stamp}.json", record)


def save_vocab(folder: Path, model: str = "org/model", *, tokens: tuple[str, ...] = HOSTILE, **fields: Any) -> None:
    save(folder / "metrics/super_weights/super_weights.jsonl", *super_weight_cards(model, tokens=tokens))
    save(folder / "metrics/neurons/neurons.jsonl", *neuron_cards(model, tokens=tokens))
    save(folder / "run_config.json", RunConfig(vocab=header("vocab", model=model, **fields)))


def save_cascade(folder: Path, model: str = "org/model") -> None:
    save(folder / "metrics/cascade/cascade.jsonl", *cascade_results(model))


def save_everything(root: Path, model: str = "org/model", *, tokens: tuple[str, ...] = HOSTILE) -> Path:
    """Both trees of one model, as `swa run` leaves them; the folder of its records."""
    name = model.replace("/", "--")
    folder = root / "comprehensive_super_weight_analysis" / name
    save_detection(folder, detection_record(model))
    save_analysis(folder, analysis_record(model))
    save(folder / "run_config.json", RunConfig(detect=header(model=model), evaluate=header("evaluate", model=model)))
    save_vocab(root / "vocab-analysis" / name, model, tokens=tokens)
    save_cascade(root / "vocab-analysis" / name, model)
    return folder
