"""What `swa run` writes and says when its models are done: summaries, report, comparison, its own options."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from pydantic import MISSING

from swa.cli.compare_files import write_comparison
from swa.cli.declare.invocation import Invocation
from swa.cli.each_model import ModelsDone
from swa.cli.evaluate_summary import write_summary
from swa.cli.header import header_of_call, write_block
from swa.cli.report_files import write_report
from swa.cli.run_steps import StepsDone
from swa.cli.tables import detect_show, evaluate_show, vocab_show
from swa.cli.terminal.failures import say
from swa.cli.terminal.output import Output
from swa.cli.terminal.progress import TerminalProgress
from swa.cli.vocab_root import write_root
from swa.errors import PartialFailureError, SwaError
from swa.schemas.run import RunHeader, Status
from swa.schemas.runs import CommandResult, ModelOutcome
from swa.store.results import RunFolder

Value = TypeVar("Value")


@dataclass
class _Ending:
    """The end of a call as far as it has come.

    Attributes:
        files: Paths by name, of each part.
        failures: What failed, each as part of a sentence; it has been reported.
    """

    files: dict[str, Mapping[str, str]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def add(self, part: str, write: Callable[[], Mapping[str, str]]) -> None:
        """Write a part; where that fails, it is reported and the others go on."""
        try:
            self.files[part] = write()
        except SwaError as error:
            say(f"{part}: {error.message}", error.hint)
            self.failures.append(part)

    @property
    def status(self) -> Status:
        """Whether everything succeeded so far."""
        return "partial" if self.failures else "complete"


class Finished(NamedTuple):
    """A call at its end.

    Attributes:
        result: What `--json` prints.
        failures: What failed.
    """

    result: CommandResult
    failures: Sequence[str]

    def raise_failures(self) -> None:
        """End the command with the right exit code.

        Raises:
            PartialFailureError: Something failed.
        """
        if self.failures:
            raise PartialFailureError(
                f"Failed: {', '.join(self.failures)}; everything else is written.",
                hint="The same command goes on from there.",
            )


def finish(
    folder: RunFolder,
    call: Invocation,
    calls: Mapping[str, Invocation],
    done: ModelsDone[StepsDone],
    *,
    output: Output,
    progress: TerminalProgress,
    allow_mismatch: bool,
) -> Finished:
    """Write what is about all models, and say where it is.

    Args:
        folder: Where everything is.
        call: How the command was called.
        calls: The same as each step's own command would have got it.
        done: The models, of which at least one succeeded.
        output: Where the paths are shown.
        progress: Where warnings go.
        allow_mismatch: Whether models are compared that were not measured alike.
    """
    models = done.results
    end = _Ending(failures=[f"{one.name}: {step}" for one in models for step, _ in one.failures])
    end.failures += [name for name, _ in done.failures]
    evaluated = [one.evaluated.analysis for one in models if one.evaluated is not None]
    analysed = [one.analysed for one in models if one.analysed is not None]
    if evaluated:
        end.add("evaluate", lambda: write_summary(folder.evaluations, calls["evaluate"], evaluated, status=end.status))
    if analysed:
        end.add(
            "vocab",
            lambda: write_root(folder.cards, calls["vocab"], analysed, status=end.status, warn=progress.warn),
        )
    end.add("run", lambda: _write_options(folder, call, models, status=end.status, progress=progress))
    measured = [one.folder for model in models if (one := model.evaluated or model.detected) is not None]
    if len(measured) > 1:
        end.add(
            "comparison",
            lambda: write_comparison(measured, folder.comparison, allow_mismatch=allow_mismatch).files,
        )
    end.add("report", lambda: write_report(folder.path).files)
    output.files(merged(end.files.items()))
    outcomes = [_outcome(one, end.files) for one in models]
    return Finished(CommandResult(command=call.command, status=end.status, models=outcomes), end.failures)


def _write_options(
    folder: RunFolder, call: Invocation, models: Sequence[StepsDone], *, status: Status, progress: TerminalProgress
) -> dict[str, str]:
    headers = [header for one in models for header in _headers(one)]
    run = header_of_call(call, headers, status=status)
    names = ", ".join(one.name for one in models)
    write_block(folder.run_config, run.model_copy(update={"command": call.command, "model": names}), progress.warn)
    return {"run_config_of_run": str(folder.run_config)}


def _headers(done: StepsDone) -> Iterator[RunHeader]:
    """The runs of the steps that succeeded."""
    if done.detected is not None and done.detected.result.run is not MISSING:
        yield done.detected.result.run
    if done.evaluated is not None and done.evaluated.analysis.run is not MISSING:
        yield done.evaluated.analysis.run
    if done.analysed is not None:
        yield done.analysed.header


def _outcome(done: StepsDone, of_all: Mapping[str, Mapping[str, str]]) -> ModelOutcome:
    """One object for all steps of a model; the files of all models stand with each of them."""
    steps: dict[str, ModelOutcome] = {}
    if done.detected is not None:
        steps["detect"] = detect_show.command_result([done.detected], status="complete").models[0]
    if done.evaluated is not None:
        steps["evaluate"] = evaluate_show.command_result([done.evaluated], {}, status="complete").models[0]
    if done.analysed is not None:
        steps["vocab"] = vocab_show.command_result([done.analysed], {}, status="complete").models[0]
    first = next(iter(steps.values()))
    headlines = [(step, outcome.headline) for step, outcome in steps.items()]
    files = [(step, outcome.files) for step, outcome in steps.items()]
    return first.model_copy(update={"headline": merged(headlines), "files": merged([*files, *of_all.items()])})


def merged(parts: Iterable[tuple[str, Mapping[str, Value]]]) -> dict[str, Value]:
    """Everything in one mapping; a name that another part has taken for something else gets its part in front."""
    together: dict[str, Value] = {}
    for part, values in parts:
        for name, value in values.items():
            is_free = name not in together or together[name] == value
            together[name if is_free else f"{part}_{name}"] = value
    return together
