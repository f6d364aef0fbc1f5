"""What `swa detect` shows: a table for people, records or one object for scripts."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydantic import MISSING

from swa.cli.tables.detection import build_table, chosen
from swa.cli.tables.experts import expert_lines, expert_table
from swa.cli.terminal.output import Output
from swa.findings import headline as headlines
from swa.findings.verdict import are_tested, is_confirmed, n_confirmed
from swa.runs.driver.step import Outcome
from swa.schemas.detection import DetectionResult
from swa.schemas.run import Status
from swa.schemas.runs import CommandResult, ModelOutcome
from swa.text import numbers
from swa.text.words import counted


def show(found: Outcome[DetectionResult], output: Output, *, as_lines: bool, confirmed_only: bool) -> None:
    """Show the detection of one model."""
    result = found.record
    weights = [weight for weight in result.super_weights if is_confirmed(weight) or not confirmed_only]
    if as_lines:
        for weight in weights:
            output.line(weight.model_dump_json())
        return
    output.text(headline(result))
    if weights:
        shown = chosen(weights, everything=output.verbose)
        output.text("")
        output.show(build_table(shown, output.console))
        output.text("")
        in_experts = expert_table(shown)
        if in_experts is not None:
            output.show(in_experts)
            output.text("")
        n_more = len(weights) - len(shown)
        if n_more:
            where = found.files.get("super_weights", found.files["detection"])
            output.text(f"and {n_more} more candidate{'' if n_more == 1 else 's'} in {where} (-v shows all)")
    if _found_nothing(result):
        for line in distance(result):
            output.text(line)
    for line in expert_lines(result, everything=output.verbose):
        output.text(line)
    for note in result.notes:
        output.text(f"Note: {note}")
    output.files(found.files)
    output.text("")


def _found_nothing(result: DetectionResult) -> bool:
    """Whether there is no candidate, or none that removal confirmed."""
    weights = result.super_weights
    return not weights or (are_tested(weights) and not n_confirmed(weights))


def headline(result: DetectionResult) -> str:
    """One line: the model, what was found, in how much of it."""
    n_candidates = len(result.super_weights)
    counts = counted(n_candidates, "candidate")
    if are_tested(result.super_weights):
        counts = f"{n_confirmed(result.super_weights)} confirmed of {counts}"
    if not n_candidates:
        counts = "no super weight found"
    parts = [f"{result.model}: {counts}", result.coverage.text]
    if result.combined_delta_loss is not MISSING:
        parts.append(f"removing all confirmed ones together: Δ loss {numbers.change(result.combined_delta_loss)}")
    return "; ".join(parts)


def distance(result: DetectionResult) -> list[str]:
    """How far the model was from the threshold, and what the other rule would find."""
    threshold = result.threshold
    largest = threshold.largest_activation
    if threshold.value is MISSING:
        return [
            f"The rule auto was used; the largest activation (both |input| and |output|) is {numbers.metric(largest)}."
        ]
    share = f" ({numbers.percent(largest / threshold.value)})" if math.isfinite(largest) else ""
    auto = ", ".join(threshold.auto_candidates) or "nothing either"
    limit = f"the threshold {numbers.number(threshold.value)}{share}"
    return [
        f"The largest activation (|input| and |output|) is {numbers.metric(largest)}, {limit}.",
        f"--spike-threshold auto would find {auto}.",
    ]


def command_result(found: Sequence[Outcome[DetectionResult]], *, status: Status) -> CommandResult:
    """What `--json` prints."""
    return CommandResult(command="detect", status=status, models=[_outcome(one) for one in found])


def _outcome(found: Outcome[DetectionResult]) -> ModelOutcome:
    result = found.record
    return ModelOutcome(
        model=result.model,
        folder=str(found.folder),
        n_candidates=len(result.super_weights),
        n_confirmed=n_confirmed(result.super_weights),
        headline=headlines.of_detection(result),
        files=found.files,
    )
