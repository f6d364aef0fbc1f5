"""What `swa run` writes when its models are done: summaries, comparison, report, its own options."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from swa.errors import PartialFailureError, SwaError
from swa.progress import Progress
from swa.runs.driver.call import Call
from swa.runs.driver.cards import Cards
from swa.runs.driver.models import Failure, Outcomes
from swa.runs.driver.provenance import header_of_call, write_block
from swa.runs.driver.step import Outcome
from swa.runs.files.evaluations import write_summary
from swa.runs.files.root import write_root
from swa.runs.steps.compare import compare
from swa.runs.steps.report import report
from swa.schemas.detection import DetectionResult
from swa.schemas.evaluation import ModelAnalysis
from swa.schemas.run import Status
from swa.store.results import RunFolder

Value = TypeVar("Value")


@dataclass
class WholeOutcome:
    """What became of one model.

    Attributes:
        name: The model as it was named.
        detected: `None` where super weights were named.
        evaluated: `None` where the step failed.
        analysed: `None` where the step failed.
        failures: What failed, by step.
    """

    name: str
    detected: Outcome[DetectionResult] | None = None
    evaluated: Outcome[ModelAnalysis] | None = None
    analysed: Outcome[Cards] | None = None
    failures: list[Failure] = field(default_factory=list)

    def __str__(self) -> str:
        """The tables of each step, one step after the other."""
        return "\n\n".join(map(str, self.steps.values()))

    @property
    def steps(self) -> dict[str, Outcome[Any]]:
        """What succeeded, by command."""
        named = {"detect": self.detected, "evaluate": self.evaluated, "vocab": self.analysed}
        return {name: outcome for name, outcome in named.items() if outcome is not None}


@dataclass(frozen=True)
class WholeOutcomes(Outcomes[WholeOutcome]):
    """What became of the models of one `swa run`.

    Attributes:
        parts: Paths by name, of each part that is about all models.
        failed: Everything that failed, each as part of a sentence.
    """

    parts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    failed: Sequence[str] = ()

    @property
    def status(self) -> Status:
        """Whether everything succeeded."""
        return "partial" if self.failed else "complete"

    def raise_failures(self) -> None:
        """Raise what failed.

        Raises:
            PartialFailureError: Something failed.
            SwaError: All models failed; the kind is that of the first.
        """
        if not self.models:
            super().raise_failures()
        if self.failed:
            raise PartialFailureError(
                f"Failed: {', '.join(self.failed)}; everything else is written.",
                hint="The same command goes on from there.",
            )


def finish_whole(
    folder: RunFolder,
    call: Call,
    calls: Mapping[str, Call],
    done: Outcomes[WholeOutcome],
    *,
    progress: Progress,
    allow_mismatch: bool,
) -> WholeOutcomes:
    """Write what is about all models; a part that fails does not stop the others.

    Args:
        folder: Where everything is.
        call: How the command was called.
        calls: The same as each step's own command would have got it.
        done: The models, of which at least one succeeded.
        progress: Where warnings and failures go.
        allow_mismatch: Whether models are compared that were not measured alike.
    """
    models = done.models
    end = _Ending(progress, [f"{one.name}: {failure.name}" for one in models for failure in one.failures])
    end.failed += [failure.name for failure in done.failures]
    analyses = [one.evaluated.record for one in models if one.evaluated is not None]
    cards = [one.analysed for one in models if one.analysed is not None]
    if analyses:
        end.add(
            "evaluate",
            lambda: write_summary(folder.evaluations, calls["evaluate"], analyses, status=end.status),
        )
    if cards:
        end.add(
            "vocab",
            lambda: write_root(folder.cards, calls["vocab"], cards, status=end.status, warn=progress.warn),
        )
    end.add("run", lambda: _write_options(folder, call, models, status=end.status, progress=progress))
    measured = [one.folder for model in models if (one := model.evaluated or model.detected) is not None]
    if len(measured) > 1:
        end.add(
            "comparison",
            lambda: compare(measured, folder.comparison, allow_mismatch=allow_mismatch).files,
        )
    end.add("report", lambda: report(folder.path).files)
    return WholeOutcomes(models, done.failures, merged(end.parts.items()), end.parts, end.failed)


@dataclass
class _Ending:
    """The end of a call as far as it has come.

    Attributes:
        progress: Where failures are told.
        failed: What failed, each as part of a sentence.
        parts: Paths by name, of each part.
    """

    progress: Progress
    failed: list[str]
    parts: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def add(self, part: str, write: Callable[[], Mapping[str, str]]) -> None:
        """Write a part; where that fails, it is told and the others go on."""
        try:
            self.parts[part] = write()
        except SwaError as error:
            self.progress.fail(f"{part}: {error.message}", error.hint)
            self.failed.append(part)

    @property
    def status(self) -> Status:
        """Whether everything succeeded so far."""
        return "partial" if self.failed else "complete"


def _write_options(
    folder: RunFolder, call: Call, models: Sequence[WholeOutcome], *, status: Status, progress: Progress
) -> dict[str, str]:
    headers = [outcome.header for one in models for outcome in one.steps.values()]
    run = header_of_call(call, headers, status=status)
    names = ", ".join(one.name for one in models)
    write_block(folder.run_config, run.model_copy(update={"command": call.command, "model": names}), progress.warn)
    return {"run_config_of_run": str(folder.run_config)}


def merged(parts: Iterable[tuple[str, Mapping[str, Value]]]) -> dict[str, Value]:
    """Everything in one mapping; a name that another part has taken for something else gets its part in front."""
    together: dict[str, Value] = {}
    for part, values in parts:
        for name, value in values.items():
            is_free = name not in together or together[name] == value
            together[name if is_free else f"{part}_{name}"] = value
    return together
