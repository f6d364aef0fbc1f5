"""Texts and items of the project's own are for trying out: they are called so wherever they are shown."""

from __future__ import annotations

from typing import TypeVar

from pydantic import MISSING

from swa.evaluation.harness.catalogue import BUILTIN, BUILTIN_LEAVES
from swa.schemas.evaluation import ImpactRecord, ModelAnalysis
from swa.schemas.run import RunHeader

Value = TypeVar("Value")

SMOKE_TEST = "smoke test, no benchmark"


def task_title(task: str) -> str:
    """A task's name; of the built-in items with what they are."""
    return f"{task} ({SMOKE_TEST})" if task in (BUILTIN, *BUILTIN_LEAVES) else task


def with_task_titles(analysis: ModelAnalysis) -> ModelAnalysis:
    """The analysis with titles in place of the names of tasks, for figures."""
    baseline = analysis.baseline
    changes = {
        "baseline": baseline.model_copy(update={"accuracy": _titled(baseline.accuracy)}),
        "individual": [_with_titles(impact) for impact in analysis.individual],
        "combined": [_with_titles(impact) for impact in analysis.combined],
    }
    return analysis.model_copy(update=changes)


def _with_titles(impact: ImpactRecord) -> ImpactRecord:
    return impact.model_copy(update={"accuracy": _titled(impact.accuracy)})


def _titled(by_task: dict[str, Value] | MISSING) -> dict[str, Value] | MISSING:
    return MISSING if by_task is MISSING else {task_title(task): value for task, value in by_task.items()}


def is_builtin_text(run: RunHeader | None) -> bool:
    """Whether a run measured on the small text that comes with the package."""
    dataset = None if run is None else run.options.get("dataset")
    return dataset is not None and dataset.value == BUILTIN
