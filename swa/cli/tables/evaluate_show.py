"""What `swa evaluate` shows: tables for people, one object for scripts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pydantic import MISSING

from swa.cli.tables.evaluation import build_tables, chosen
from swa.cli.terminal.output import Output
from swa.findings import headline as headlines
from swa.findings.impact import drop_of, log_ratio_of, tasks_of, whole_drop, whole_ratio, worst_drop, worst_ratio
from swa.findings.names import edited_name
from swa.findings.verdict import n_confirmed
from swa.runs.driver.step import Outcome
from swa.schemas.evaluation import ModelAnalysis
from swa.schemas.run import Status
from swa.schemas.runs import CommandResult, ModelOutcome
from swa.text import numbers
from swa.text.words import NOT_SIGNIFICANT, counted


def show(done: Outcome[ModelAnalysis], output: Output) -> None:
    """Show the evaluation of one model."""
    analysis = done.record
    shown = chosen(analysis, everything=output.verbose)
    output.text(headline(analysis))
    output.text("")
    for table in build_tables(analysis, shown, output.console):
        output.show(table)
        output.text("")
    n_more = len(analysis.individual) + len(analysis.combined) - len(shown)
    if n_more:
        output.text(f"and {counted(n_more, 'variant')} more in {done.files['analysis']} (-v shows all)")
    for line in worst_lines(analysis):
        output.text(line)
    if analysis.baseline.accuracy is not MISSING and shown:
        output.text(f"drop: how much worse than the intact model; {NOT_SIGNIFICANT}: its 95 % interval holds 0")
    for note in [] if analysis.notes is MISSING else analysis.notes:
        output.text(f"Note: {note}")
    output.files(done.files)
    output.text("")


def headline(analysis: ModelAnalysis) -> str:
    """One line: the model, its super weights, what it was measured on."""
    weights = [] if analysis.super_weights is MISSING else analysis.super_weights
    parts = [f"{counted(len(weights), 'super weight')}{'' if weights else ', the intact model alone'}"]
    perplexity, accuracy = analysis.baseline.perplexity, analysis.baseline.accuracy
    if perplexity is not MISSING:
        noun = perplexity.protocol.removesuffix("s")
        parts.append(f"perplexity on {counted(perplexity.n_texts, noun)} ({numbers.count(perplexity.n_tokens)} tokens)")
    if accuracy is not MISSING:
        parts.append(", ".join(f"{task} {counted(seen.n, 'item')}" for task, seen in accuracy.items()))
    return f"{'' if analysis.model is MISSING else analysis.model}: {'; '.join(parts)}"


def worst_lines(analysis: ModelAnalysis) -> Iterator[str]:
    """The worst single removal beside the removal of all: of perplexity, then of each task."""
    worst, whole = worst_ratio(analysis), whole_ratio(analysis)
    if worst is not None:
        together = (
            "" if whole is None else f"; all together: {numbers.ratio(whole.seen.ratio, log_ratio_of(whole.seen))}"
        )
        ratio = numbers.ratio(worst.seen.ratio, log_ratio_of(worst.seen))
        yield f"worst removal: {ratio} ({edited_name(worst.variant)}){together}"
    for task in tasks_of(analysis):
        found, of_all = worst_drop(analysis, task), whole_drop(analysis, task)
        if found is not None:
            together = "" if of_all is None else f"; all together: {numbers.share(drop_of(of_all.seen).value)}"
            drop = numbers.share(drop_of(found.seen).value)
            yield f"largest drop in {task}: {drop} ({edited_name(found.variant)}){together}"


def command_result(
    done: Sequence[Outcome[ModelAnalysis]], files: Mapping[str, str], *, status: Status
) -> CommandResult:
    """What `--json` prints; the files of all models stand with each of them."""
    return CommandResult(command="evaluate", status=status, models=[_outcome(one, files) for one in done])


def _outcome(done: Outcome[ModelAnalysis], files: Mapping[str, str]) -> ModelOutcome:
    analysis = done.record
    weights = [] if analysis.super_weights is MISSING else analysis.super_weights
    return ModelOutcome(
        model="" if analysis.model is MISSING else analysis.model,
        folder=str(done.folder),
        n_candidates=len(weights),
        n_confirmed=n_confirmed(weights),
        headline=headlines.of_evaluation(analysis),
        files={**done.files, **files},
    )
