"""What tests of commands and of their runs share: a tiny model on disk, and stand-ins for what takes time."""

from __future__ import annotations

import gc
import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from swa.detection.given import record_of
from swa.engine.ledger import Ledger, Round
from swa.runs.options import RunOptions
from swa.schemas.detection import DetectionResult
from swa.store.names import model_folder_name
from swa.store.tree import ModelFolder
from tests.support.records import confirmation, detection

ROOT = RunOptions.results_dir
FIGURES = (
    *("detection_iterations", "super_weight_distribution", "moe_analysis", "impact_comparison", "combined_analysis"),
    *("model_comparison", "intervention_deltas", "token_shifts", "neuron_effects", "cascade"),
    *("depth", "impact_of_runs"),
)


@pytest.fixture(scope="session")
def helpful(tmp_path_factory) -> str:
    """The path of a tiny model with one confirmed super weight."""
    from tests.support.helpful import write_helpful_checkpoint

    folder = tmp_path_factory.mktemp("models") / "helpful"
    write_helpful_checkpoint(folder)
    gc.collect()
    gc.freeze()  # garbage is collected after each model: it need not look through all modules each time
    return str(folder)


@pytest.fixture
def folder(helpful) -> ModelFolder:
    """Where commands put what is about it."""
    return ModelFolder(ROOT, model_folder_name(helpful, Path(helpful)))


@pytest.fixture(scope="session")
def plain(tmp_path_factory) -> str:
    """The path of a tiny model of the same type without a super weight."""
    from tests.support.tiny_checkpoint import write_tiny_checkpoint

    folder = tmp_path_factory.mktemp("models") / "plain"
    write_tiny_checkpoint(folder, "gpt2")
    return str(folder)


def undraw(patched: pytest.MonkeyPatch) -> None:
    """Figures take most of the time; each is a sentence instead."""
    for name in FIGURES:
        patched.setattr(f"swa.reports.plots.{name}.draw", lambda *_, name=name, **__: f"{name}, as it were")
    for holder in ("sections.detection", "sections.impact", "plots.style"):  # first those that hold the real one
        patched.setattr(f"swa.reports.{holder}.png", str.encode)


@pytest.fixture
def undrawn(monkeypatch) -> None:
    """No figure is drawn."""
    undraw(monkeypatch)


class Detecting:
    """Stands in for the analysis of a detection: it finds one confirmed super weight.

    Attributes:
        asked: Options of each detection.
        texts: Name of each one's text, `None` where it got none.
        failure: What is raised as the work begins.
    """

    def __init__(self) -> None:
        self.asked: list[object] = []
        self.texts: list[str | None] = []
        self.failure: BaseException | None = None
        self._found = detection([])

    def __call__(self, loaded, text, options, progress) -> Detecting:
        """Plan it."""
        self.asked.append(options)
        self.texts.append(text.name if text else None)
        site = [*loaded.sites][1]
        weight = record_of(loaded, site, 5, 9, prompts=[], found_by=["spike"], confirmation=confirmation())
        self._found = detection([weight], model=loaded.name)
        n_experts = sum(site.kind == "expert" for site in loaded.sites)
        coverage = self._found.coverage.model_copy(update={"n_experts": n_experts})
        self._found = self._found.model_copy(update={"coverage": coverage})
        progress.warn("a warning of the analysis")
        return self

    def rounds(self, _ledger: Ledger) -> Iterator[Round]:
        if self.failure:
            raise self.failure
        yield from ()

    def records(self, _ledger: Ledger) -> DetectionResult:
        return self._found


@pytest.fixture
def detecting(monkeypatch, undrawn) -> Detecting:
    """Nothing is searched and nothing is drawn."""
    stand_in = Detecting()
    monkeypatch.setattr("swa.detection.analysis.Detection", stand_in)
    return stand_in


@pytest.fixture
def stdin(monkeypatch) -> Callable[[bytes], None]:
    """Gives standard input its content."""

    def give(content: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))

    return give
