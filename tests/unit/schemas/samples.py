"""Objects that the tests of records start from; `examples/` holds the documented ones word for word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parent / "examples"


def example(name: str) -> dict[str, Any]:
    """The documented example of a record."""
    return json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))


HEADER: dict[str, Any] = {
    "command": "evaluate",
    "command_line": ["swa", "evaluate", "demo"],
    "options": {"seed": {"value": 42, "origin": "default"}},
    "seed": 42,
    "model": "demo",
    "revision": None,
    "weights_fingerprint": "f" * 64,
    "dtype": "float32",
    "device": "cpu",
    "versions": {"swa": "0.1.0"},
    "dataset_fingerprint": None,
    "started": "2026-01-01T00:00:00Z",
    "ended": None,
    "status": "started",
}
CONFIRMATION: dict[str, Any] = {
    "delta_loss": 1.9,
    "ci_2.5": 1.7,
    "ci_97.5": 2.1,
    "perplexity_ratio": 6.9,
    "n_windows": 16,
    "control_delta_loss": 0.01,
    "control_coords": [[1, 2], [3, 4]],
    "confirmed": True,
    "improves": False,
}
SUPER_WEIGHT: dict[str, Any] = {
    "model": "demo",
    "layer": 11,
    "site": "mlp_out",
    "expert": None,
    "row": 507,
    "col": 1229,
    "module": "model.layers.11.mlp.down_proj",
    "coordinate": "L11.mlp.down_proj[507,1229]",
    "weight": 5.876,
    "prompts": ["Apple Inc. is a worldwide tech company."],
    "found_by": ["spike", "gradient"],
    "published": False,
    "confirmation": CONFIRMATION,
}
_LENS = {"layers": [10, 11], "delta_entropy": [0.0, 0.3], "delta_margin": [0.0, -0.1], "kl": [0.0, 1.2]}
_STATISTICS = {"n_models": 1, "n_with_super_weights": 0, "models": []}
_IMPACT = example("ModelAnalysis")["individual"][0]

VALID: dict[str, dict[str, Any]] = {
    "CascadeResult": {
        key: SUPER_WEIGHT[key] for key in ("model", "layer", "site", "expert", "row", "col", "module", "coordinate")
    }
    | {"cascade": _LENS}
    | {
        key: [0.0, "Infinity"]
        for key in (
            "delta_logit_margin residual_cosine residual_norm_ratio h_row_baseline h_row_removed".split()  # over layers
        )
    },
    "CommandResult": {
        "command": "detect",
        "status": "complete",
        "models": [
            {
                "model": "demo",
                "folder": "results/demo",
                "n_candidates": 3,
                "n_confirmed": 1,
                "headline": {"delta_loss": 1.9},
                "files": {"detection": "results/demo/data/detection.json"},
            }
        ],
    },
    "Comparison": {
        "sources": ["a", "b"],
        "statistics": _STATISTICS,
        "agreements": [
            {
                "model": "demo",
                "runs": ["a", "b"],
                "common": [],
                "differing": {"L11.mlp.down_proj[507,1229]": ["a"]},
            }
        ],
        "mismatches": [],
    },
    "CompleteAnalysis": {"run": HEADER, "models": [example("ModelAnalysis")], "statistics": _STATISTICS},
    "CrossModelSummary": {
        "models": [{"model": "demo", "n_super_weights": 1, "n_neurons": 2, "labels": {"prediction": 2}}],
        "n_models": 1,
        "n_super_weights": 1,
        "mean_super_weights": 1.0,
    },
    "DetectionResult": {
        "model": "demo",
        "revision": None,
        "weights_fingerprint": "f" * 64,
        "architecture": "llama (dense, 30 layers)",
        "dtype": "float32",
        "config": {"spike_threshold": 50.0},
        "screens": ["spike"],
        "screens_skipped": {},
        "threshold": {"rule": "absolute", "value": 50.0, "largest_activation": 900.0, "auto_candidates": []},
        "prompts": ["Apple Inc. is a worldwide tech company."],
        "iterations": [],
        "coverage": {
            "text": "examined 30/30 MLP sites",
            "n_sites": 30,
            "n_examined": 30,
            "n_experts": 0,
            "n_experts_examined": 0,
            "n_layers": 30,
            "not_examined": [],
        },
        "near_misses": [],
        "super_weights": [SUPER_WEIGHT],
        "notes": [],
        "timings": {"spikes": 1.5},
        "environment": {"device": "cpu"},
    },
    "ImpactRecord": _IMPACT,
    "ItemRecord": {
        "task": "mmlu_anatomy",
        "group": "mmlu",
        "variant": "sw_0",
        "doc_id": 3,
        "doc_hash": "0" * 64,
        "target": "B",
        "loglikelihoods": [-1.0, "-Infinity", -2.5, -3.0],
        "metrics": {"acc": 1.0},
        "correct": True,
    },
    "ModelAnalysis": example("ModelAnalysis"),
    "NeuronCard": example("NeuronCard"),
    "RunConfig": {"evaluate": HEADER},
    "SuperWeight": SUPER_WEIGHT,
    "SuperWeightCard": example("SuperWeightCard"),
    "VariantAnalysis": {
        "run": HEADER,
        "super_weights": [SUPER_WEIGHT],
        "baseline": example("ModelAnalysis")["baseline"],
        "results": [_IMPACT],
    },
}
"""One valid object of every record, without `record` and (mostly) without `schema_version`, as older files are."""
