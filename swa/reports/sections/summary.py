"""Headline findings of one model, in words and numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import MISSING

from swa.evaluation.statistics import largest_of, log_ratio_of
from swa.reports.page import cells
from swa.reports.page.document import Block, Bullets, Code, Fact, Facts, Section, Strong, Words
from swa.reports.saved.models import ModelArtifacts
from swa.reports.sections.cards import name_of
from swa.reports.verdict import is_confirmed
from swa.schemas.detection import DetectionResult
from swa.schemas.evaluation import ImpactRecord, ModelAnalysis, PerplexityImpact
from swa.text import numbers
from swa.text.words import counted, task_title


def section(found: ModelArtifacts, anchor: str) -> Section:
    """A few numbers, and a sentence for each finding."""
    facts = tuple(_facts(found))
    blocks: list[Block] = [Facts(facts)] if facts else []
    blocks.append(Bullets(tuple(findings(found))))
    return Section("Findings", anchor, tuple(blocks))


def _facts(found: ModelArtifacts) -> Iterator[Fact]:
    if found.detection is not None:
        result = found.detection.result
        n_confirmed = sum(map(is_confirmed, result.super_weights))
        yield Fact("super weights", str(n_confirmed), f"of {counted(len(result.super_weights), 'candidate')}")
    if found.analysis is not None:
        analysis = found.analysis.result
        worst = worst_removal(analysis)
        if worst is not None:
            yield _ratio_fact("largest single ratio of perplexity", worst.perplexity)
        together = whole_removal(analysis)
        if together is not None:
            yield _ratio_fact("all removed together", together.perplexity)
        if analysis.baseline.perplexity is not MISSING:
            yield Fact("perplexity, intact", numbers.perplexity(analysis.baseline.perplexity.value))
    if found.super_weights is not None and found.super_weights.records:
        largest = max(found.super_weights.records, key=lambda card: card.deltas.loss)
        yield Fact("largest Δ loss of a card", numbers.change(largest.deltas.loss), "nats per token")


def _ratio_fact(label: str, seen: PerplexityImpact | MISSING) -> Fact:
    assert seen is not MISSING, "it was chosen by its ratio"
    detail = f"{seen.severity}{cells.interval(seen.ratio_ci_low, seen.ratio_ci_high)}"
    return Fact(label, numbers.ratio(seen.ratio, log_ratio_of(seen)), detail, tone=seen.severity)


def findings(found: ModelArtifacts) -> Iterator[Words]:
    """One sentence a finding."""
    if found.detection is not None:
        yield _detected(found.detection.result)
    if found.analysis is not None:
        yield from _impacts(found.analysis.result)
    if found.super_weights is not None and found.super_weights.records:
        largest = max(found.super_weights.records, key=lambda card: card.deltas.loss)
        control, neuron = largest.controls.random_coord_delta.loss, largest.controls.neuron_zero_delta.loss
        beside = (
            f"random scalars of the same matrix cost {numbers.change(control)}, the neuron {numbers.change(neuron)}"
        )
        delta = Strong(numbers.change(largest.deltas.loss))
        yield ("Of the cards, ", Code(name_of(largest)), " costs most: loss ", delta, f" nats per token; {beside}.")
    if found.detection is None and found.analysis is None and found.super_weights is None:
        yield ("Only part of the way was run; see what is missing below.",)


def _detected(result: DetectionResult) -> Words:
    weights = result.super_weights
    confirmed = [weight for weight in weights if is_confirmed(weight)]
    tested = any(weight.confirmation is not MISSING for weight in weights)
    if not weights:
        largest = numbers.number(result.threshold.largest_activation)
        return (f"No candidate was found; the largest activation is {largest}, {result.coverage.text}.",)
    if not tested:
        return (f"{counted(len(weights), 'candidate')} found; none was removed to confirm it.",)
    if not confirmed:
        return (f"No super weight: removal bears out none of {counted(len(weights), 'candidate')}.",)
    seen = confirmed[0].confirmation
    assert seen is not MISSING, "it is confirmed"
    largest = f"{numbers.change(seen.delta_loss)}{cells.interval(seen.ci_low, seen.ci_high)}"
    is_or_are = "is a super weight" if len(confirmed) == 1 else "are super weights"
    words: Words = (
        Strong(f"{len(confirmed)} of {counted(len(weights), 'candidate')} {is_or_are}"),
        ": removed alone on held-out text, each costs at least 5 % of perplexity and over three times its controls. ",
        "The largest is ",
        Code(confirmed[0].coordinate),
        f" (value {numbers.number(confirmed[0].weight)}): Δ loss {largest} nats per token.",
    )
    if result.combined_delta_loss is not MISSING and len(confirmed) > 1:
        words += (f" All together: {numbers.change(result.combined_delta_loss)}.",)
    return words


def _impacts(analysis: ModelAnalysis) -> Iterator[Words]:
    worst, together = worst_removal(analysis), whole_removal(analysis)
    if worst is not None:
        yield ("Without ", Code(worst.coordinates[0] if worst.coordinates else worst.variant), *_perplexity(worst))
    if together is not None and len(together.coordinates) != 1:
        n_all = f"all {len(together.coordinates)}" if together.coordinates else "all"
        yield (f"Without {n_all} together", *_perplexity(together))
    for task in {} if analysis.baseline.accuracy is MISSING else analysis.baseline.accuracy:
        yield from _accuracy(analysis, task)


def _perplexity(impact: ImpactRecord) -> Words:
    seen = impact.perplexity
    assert seen is not MISSING, "it was chosen by its ratio"
    return (
        " perplexity goes from ", numbers.perplexity(seen.baseline), " to ", numbers.perplexity(seen.modified), ": ",
        Strong(numbers.ratio(seen.ratio, log_ratio_of(seen))),
        f"{cells.interval(seen.ratio_ci_low, seen.ratio_ci_high)}, {seen.severity}.",
    )  # fmt: skip


def _accuracy(analysis: ModelAnalysis, task: str) -> Iterator[Words]:
    measured = [
        (impact, impact.accuracy[task])
        for impact in _removals([*analysis.individual, *analysis.combined])
        if impact.accuracy is not MISSING and task in impact.accuracy
    ]
    if not measured:
        return
    impact, seen = max(measured, key=lambda pair: pair[1].drop)
    who = impact.coordinates[0] if len(impact.coordinates) == 1 else impact.variant
    interval = cells.interval(seen.drop_ci_low, seen.drop_ci_high, numbers.share)
    chance = "" if seen.chance is MISSING else f"; guessing gives {numbers.share(seen.chance)}"
    sure = ", which its interval does not tell from none" if seen.not_significant is True else ""
    yield (
        f"{task_title(task)}: largest drop {numbers.share(seen.drop)}{interval} in {seen.metric} (", Code(who),
        f": {numbers.share(seen.baseline)} to {numbers.share(seen.modified)}, ",
        f"{counted(seen.n, 'item')}{chance}){sure}.",
    )  # fmt: skip


def _removals(impacts: Sequence[ImpactRecord]) -> list[ImpactRecord]:
    return [impact for impact in impacts if impact.factor == 0]


def worst_removal(analysis: ModelAnalysis) -> ImpactRecord | None:
    """The single removal with the largest ratio."""
    measured = [impact for impact in _removals(analysis.individual) if impact.perplexity is not MISSING]
    ratios = [impact.perplexity for impact in measured if impact.perplexity is not MISSING]
    if not ratios:
        return None
    largest = largest_of(ratios)
    return next(impact for impact in measured if impact.perplexity is largest)


def whole_removal(analysis: ModelAnalysis) -> ImpactRecord | None:
    """The removal of all together."""
    removed = [impact for impact in _removals(analysis.combined) if impact.perplexity is not MISSING]
    return removed[0] if removed else None


def headline_numbers(found: ModelArtifacts) -> dict[str, float]:
    """The numbers to look at first, by name."""
    found_numbers: dict[str, float] = {}
    if found.analysis is not None:
        analysis = found.analysis.result
        removals = {"largest_ratio": worst_removal(analysis), "combined_ratio": whole_removal(analysis)}
        for name, impact in removals.items():
            if impact is not None and impact.perplexity is not MISSING:
                found_numbers[name] = impact.perplexity.ratio
    if found.detection is not None and found.detection.result.combined_delta_loss is not MISSING:
        found_numbers["combined_delta_loss"] = found.detection.result.combined_delta_loss
    if found.super_weights is not None and found.super_weights.records:
        found_numbers["largest_card_delta_loss"] = max(card.deltas.loss for card in found.super_weights.records)
    return found_numbers
