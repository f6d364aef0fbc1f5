"""Records as the analyses would make them, and what stands in a results folder."""

from __future__ import annotations

from pathlib import Path

from swa.schemas.detection import Confirmation, Coverage, DetectionResult, SuperWeight, Threshold


def confirmation(delta: float = 1.94, *, confirmed: bool = True, **fields) -> Confirmation:
    values = {
        "delta_loss": delta,
        "ci_2.5": delta - 0.2,
        "ci_97.5": delta + 0.2,
        "perplexity_ratio": 2.718**delta,
        "n_windows": 16,
        "control_delta_loss": 0.001,
        "confirmed": confirmed,
        "improves": False,
    }
    return Confirmation(**(values | fields))


def super_weight(row: int = 507, col: int = 1229, *, model: str = "fake/model", **fields) -> SuperWeight:
    values = {
        "model": model,
        "layer": 11,
        "site": "mlp_out",
        "expert": None,
        "row": row,
        "col": col,
        "module": "model.layers.11.mlp.down_proj",
        "coordinate": f"L11.mlp.down_proj[{row},{col}]",
        "weight": 5.876,
        "input_value": 2996.0,
        "output_value": 24022.0,
        "share": 0.73,
        "prompts": ["Apple"],
        "found_by": ["spike", "gradient"],
        "published": False,
        "confirmation": confirmation(),
    }
    chosen = {name: value for name, value in (values | fields).items() if value is not None or name == "expert"}
    return SuperWeight(**chosen)


def detection(weights: list[SuperWeight] | None = None, *, model: str = "fake/model", **fields) -> DetectionResult:
    values = {
        "model": model,
        "revision": None,
        "weights_fingerprint": f"fingerprint of {model}",
        "architecture": "llama (dense, 2 layers)",
        "dtype": "float32",
        "config": {},
        "environment": {},
        "screens": ["spike", "gradient"],
        "screens_skipped": {},
        "threshold": Threshold(rule="absolute", value=50.0, largest_activation=38.0, auto_candidates=["L1.a[0,1]"]),
        "prompts": ["Apple"],
        "iterations": [],
        "coverage": Coverage(
            text="examined 2/2 MLP sites",
            n_sites=2,
            n_examined=2,
            n_experts=0,
            n_experts_examined=0,
            n_layers=2,
            not_examined=[],
        ),
        "near_misses": [],
        "super_weights": [super_weight(model=model)] if weights is None else weights,
        "notes": [],
        "timings": {},
    }
    return DetectionResult(**(values | fields))


def files_below(folder: Path) -> dict[Path, int]:
    """When each file was written."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


def contents(folder: Path) -> dict[str, bytes]:
    """What is there, but for times, logs and answers of items, which hold how long they took."""
    timed = ("run_config.json", "cross_model_summary.json", "analysis.log", ".lock", "ledger")
    files = (path for path in folder.rglob("*") if path.is_file() and not {*timed} & {*path.parts})
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
