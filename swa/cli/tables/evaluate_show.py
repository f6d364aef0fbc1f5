"""What `swa evaluate` shows: tables for people, one object for scripts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pydantic import MISSING

from swa.cli.evaluate_run import Evaluated
from swa.cli.tables.evaluation import build_tables, chosen
from swa.cli.terminal.output import Output
from swa.reports.verdict import is_confirmed
from swa.reports.worst import badness
from swa.schemas.evaluation import AccuracyImpact, ImpactRecord, ModelAnalysis
from swa.schemas.run import Status
from swa.schemas.runs import CommandResult, ModelOutcome
from swa.text.numbers import count
from swa.text.words import NOT_SIGNIFICANT, counted


def show(done: Evaluated, output: Output) -> None:
    """Show the evaluation of one model."""
    analysis = done.analysis
    shown = chosen(analysis, everything=output.verbose)
    output.text(headline(analysis))
    output.text("")
    for table in build_tables(analysis, shown, output.console):
        output.show(table)
        output.text("")
    n_more = len(analysis.individual) + len(analysis.combined) - len(shown)
    if n_more:
        output.text(f"and {counted(n_more, 'variant')} more in {done.files['analysis']} (-v shows all)")
    if analysis.baseline.accuracy is not MISSING and shown:
        output.text(f"drop: baseline - modified; {NOT_SIGNIFICANT}: its 95 % interval holds 0")
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
        parts.append(f"perplexity on {counted(perplexity.n_texts, noun)} ({count(perplexity.n_tokens)} tokens)")
    if accuracy is not MISSING:
        parts.append(", ".join(f"{task} {counted(seen.n, 'item')}" for task, seen in accuracy.items()))
    return f"{'' if analysis.model is MISSING else analysis.model}: {'; '.join(parts)}"


def command_result(done: Sequence[Evaluated], files: Mapping[str, str], *, status: Status) -> CommandResult:
    """What `--json` prints; the files of all models stand with each of them."""
    return CommandResult(command="evaluate", status=status, models=[_outcome(one, files) for one in done])


def _outcome(done: Evaluated, files: Mapping[str, str]) -> ModelOutcome:
    analysis = done.analysis
    weights = [] if analysis.super_weights is MISSING else analysis.super_weights
    return ModelOutcome(
        model="" if analysis.model is MISSING else analysis.model,
        folder=str(done.folder),
        n_candidates=len(weights),
        n_confirmed=sum(map(is_confirmed, weights)),
        headline=_headline_numbers(analysis),
        files={**done.files, **files},
    )


def _headline_numbers(analysis: ModelAnalysis) -> dict[str, float]:
    """The intact model, the worst single variant, and all together at the first factor."""
    numbers: dict[str, float] = {"n_variants": float(len(analysis.individual) + len(analysis.combined))}
    baseline = analysis.baseline
    if baseline.perplexity is not MISSING:
        numbers["baseline_perplexity"] = baseline.perplexity.value
    numbers |= _largest("largest_ratio", _ratios(analysis.individual))
    numbers |= _largest("combined_ratio", _ratios(analysis.combined[:1]))
    for task, seen in ({} if baseline.accuracy is MISSING else baseline.accuracy).items():
        numbers[f"baseline_{task}"] = seen.value
        numbers |= _largest(f"largest_drop_{task}", _drops(analysis.individual, task))
        numbers |= _largest(f"combined_drop_{task}", _drops(analysis.combined[:1], task))
    return numbers


def _ratios(impacts: Iterable[ImpactRecord]) -> list[float]:
    return [impact.perplexity.ratio for impact in impacts if impact.perplexity is not MISSING]


def _drops(impacts: Iterable[ImpactRecord], task: str) -> list[float]:
    seen: list[Mapping[str, AccuracyImpact]] = [one.accuracy for one in impacts if one.accuracy is not MISSING]
    return [of_variant[task].drop for of_variant in seen if task in of_variant]


def _largest(name: str, values: Sequence[float]) -> dict[str, float]:
    """The largest value under its name, where there is one; NaN is beyond all others."""
    return {name: max(values, key=badness)} if values else {}
