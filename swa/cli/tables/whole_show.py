"""What `swa run` shows: the tables of each step as it ends, one object for scripts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from swa.cli.tables import detect_show, evaluate_show, vocab_show
from swa.cli.terminal.output import Output
from swa.cli.terminal.progress import TerminalProgress
from swa.runs.driver.cards import Cards
from swa.runs.driver.step import Outcome
from swa.runs.steps.whole_end import WholeOutcome, WholeOutcomes, merged
from swa.schemas.detection import DetectionResult
from swa.schemas.runs import CommandResult, ModelOutcome


def step_shower(output: Output, progress: TerminalProgress, *, confirmed_only: bool) -> Callable[[Outcome[Any]], None]:
    """Shows the outcome of any step."""

    def show(outcome: Outcome[Any]) -> None:
        with progress.hidden():
            if isinstance(outcome.record, DetectionResult):
                detect_show.show(outcome, output, as_lines=False, confirmed_only=confirmed_only)
            elif isinstance(outcome.record, Cards):
                vocab_show.show(outcome, output)
            else:
                evaluate_show.show(outcome, output)

    return show


def command_result(done: WholeOutcomes) -> CommandResult:
    """What `--json` prints; the files of all models stand with each of them."""
    return CommandResult(command="run", status=done.status, models=[_outcome(one, done) for one in done.models])


def _outcome(one: WholeOutcome, done: WholeOutcomes) -> ModelOutcome:
    """One object for all steps of a model."""
    steps: dict[str, ModelOutcome] = {}
    if one.detected is not None:
        steps["detect"] = detect_show.command_result([one.detected], status="complete").models[0]
    if one.evaluated is not None:
        steps["evaluate"] = evaluate_show.command_result([one.evaluated], {}, status="complete").models[0]
    if one.analysed is not None:
        steps["vocab"] = vocab_show.command_result([one.analysed], {}, status="complete").models[0]
    first = next(iter(steps.values()))
    headlines = [(step, outcome.headline) for step, outcome in steps.items()]
    files = [(step, outcome.files) for step, outcome in steps.items()]
    return first.model_copy(update={"headline": merged(headlines), "files": merged([*files, *done.parts.items()])})
