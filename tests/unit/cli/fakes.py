"""Stand-ins, so that the command is tested without a model."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Self

import pytest

from swa.models.loading.reference import ModelReference
from swa.schemas.detection import DetectionResult
from tests.support.records import confirmation, contents, detection, files_below, super_weight

__all__ = ["Machinery", "confirmation", "contents", "detection", "files_below", "super_weight"]


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
