"""Records and stand-ins, so that the command is tested without a model."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Self

import pytest

from swa.models.loading.reference import ModelReference
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


class Machinery:
    """What the command calls, replaced: nothing is loaded, every call is remembered.

    Attributes:
        detected: Names of the models that were detected, in order.
        options: Options of the last detection.
        texts: Text of each detection, `None` where it got none.
        read_texts: Name and `--data-dir` of each text that was read.
        kinds: Kinds of the sites of every model.
        failing: What happens instead for a model.
        results: What is found in a model.
        figures: Modules that draw.
    """

    figures: tuple[str, ...] = ("detection_iterations", "super_weight_distribution")

    def __init__(self) -> None:
        self.detected: list[str] = []
        self.loaded: list[dict] = []
        self.options = None
        self.texts: list[str | None] = []
        self.read_texts: list[tuple[str, Path | None]] = []
        self.kinds = ["mlp_out"]
        self.failing: dict[str, BaseException] = {}
        self.results: dict[str, DetectionResult] = {}

    def fetch(self, reference: ModelReference, **_):
        return SimpleNamespace(reference=reference, fingerprint=f"fingerprint of {reference.name}", revision=None)

    def load_model(self, checkpoint, **details):
        self.loaded.append(details)
        name = checkpoint.reference.name
        if name in self.failing:
            raise self.failing[name]
        return SimpleNamespace(
            name=name,
            revision=None,
            fingerprint=checkpoint.fingerprint,
            dtype="torch.float32",
            device="cpu",
            sites=[SimpleNamespace(kind=kind) for kind in self.kinds],
        )

    def detect(self, loaded, text, *, options, progress):
        self.detected.append(loaded.name)
        self.options = options
        self.texts.append(text.name if text else None)
        with progress.task("Looking", 2) as task:
            task.advance(2)
        progress.warn("a warning of the analysis")
        return self.results.get(loaded.name) or detection(model=loaded.name)

    def load_text(self, dataset, *, data_dir=None):
        self.read_texts.append((dataset, data_dir))
        return SimpleNamespace(name=dataset, fingerprint=f"text {dataset}", data_dir=data_dir)

    def replacements(self) -> dict[str, object]:
        """What stands in for what."""
        return {
            "swa.models.loading.load.fetch": self.fetch,
            "swa.models.loading.load.load_model": self.load_model,
            "swa.models.loading.load.dtype_in_memory": lambda _checkpoint, dtype, **_: (
                "float32" if dtype == "auto" else dtype
            ),
            "swa.detection.analysis.detect": self.detect,
            "swa.data.sources.load_text": self.load_text,
            "swa.engine.variants.plan.release_memory": lambda: None,
        }

    def install(self, monkeypatch: pytest.MonkeyPatch, *, figures: bool = False) -> Self:
        """Replace what would load and compute; the figures too, unless wanted: they take most of the time."""
        for place, replacement in self.replacements().items():
            monkeypatch.setattr(place, replacement)
        if not figures:
            for name in self.figures:
                monkeypatch.setattr(f"swa.reports.plots.{name}.draw", lambda *_, **__: None)
            monkeypatch.setattr("swa.reports.plots.style.png", lambda _figure: b"\x89PNG, as it were")
        return self
