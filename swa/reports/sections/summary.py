"""Headline findings of one model, in words and numbers."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import MISSING

from swa.findings.headline import worst_confirmed
from swa.findings.impact import drop_of, log_ratio_of, tasks_of, whole_drop, whole_ratio, worst_drop, worst_ratio
from swa.findings.names import edited_name, place_of
from swa.findings.verdict import are_tested, n_confirmed
from swa.findings.vocabulary import worst_card
from swa.reports.page import cells
from swa.reports.page.document import Block, Bullets, Code, Fact, Facts, Section, Strong, Words
from swa.reports.saved.models import ModelArtifacts
from swa.schemas.cards import SuperWeightCard
from swa.schemas.detection import DetectionResult
from swa.schemas.evaluation import ModelAnalysis, PerplexityImpact
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
        yield Fact(
            "super weights",
            str(n_confirmed(result.super_weights)),
            f"of {counted(len(result.super_weights), 'candidate')}",
        )
    if found.analysis is not None:
        analysis = found.analysis.result
        worst, together = worst_ratio(analysis), whole_ratio(analysis)
        if worst is not None:
            yield _ratio_fact("largest single ratio of perplexity", worst.seen)
        if together is not None:
            yield _ratio_fact("all removed together", together.seen)
        if analysis.baseline.perplexity is not MISSING:
            yield Fact("perplexity, intact", numbers.perplexity(analysis.baseline.perplexity.value))
    largest = _worst_card(found)
    if largest is not None:
        yield Fact("largest Δ loss of a card", numbers.change(largest.deltas.loss), "nats per token")


def _worst_card(found: ModelArtifacts) -> SuperWeightCard | None:
    candidates = () if found.detection is None else found.detection.result.super_weights
    return None if found.super_weights is None else worst_card(found.super_weights.records, candidates)


def _ratio_fact(label: str, seen: PerplexityImpact) -> Fact:
    detail = f"{seen.severity}{cells.interval(seen.ratio_ci_low, seen.ratio_ci_high)}"
    return Fact(label, numbers.ratio(seen.ratio, log_ratio_of(seen)), detail, tone=seen.severity)


def findings(found: ModelArtifacts) -> Iterator[Words]:
    """One sentence a finding."""
    if found.detection is not None:
        yield _detected(found.detection.result)
    if found.analysis is not None:
        yield from _impacts(found.analysis.result)
    largest = _worst_card(found)
    if largest is not None:
        control, neuron = largest.controls.random_coord_delta.loss, largest.controls.neuron_zero_delta.loss
        beside = (
            f"random scalars of the same matrix cost {numbers.change(control)}, the neuron {numbers.change(neuron)}"
        )
        delta = Strong(numbers.change(largest.deltas.loss))
        yield ("Of the cards, ", Code(place_of(largest)), " costs most: loss ", delta, f" nats per token; {beside}.")
    if found.detection is None and found.analysis is None and found.super_weights is None:
        yield ("Only part of the way was run; see what is missing below.",)


def _detected(result: DetectionResult) -> Words:
    weights = result.super_weights
    worst = worst_confirmed(weights)
    if not weights:
        largest = numbers.metric(result.threshold.largest_activation)
        return (f"No candidate was found; the largest activation is {largest}, {result.coverage.text}.",)
    if not are_tested(weights):
        return (f"{counted(len(weights), 'candidate')} found; none was removed to confirm it.",)
    if worst is None:
        return (f"No super weight: removal bears out none of {counted(len(weights), 'candidate')}.",)
    n_super_weights, seen = n_confirmed(weights), worst.confirmation
    assert seen is not MISSING, "it is confirmed"
    largest = f"{numbers.change(seen.delta_loss)}{cells.interval(seen.ci_low, seen.ci_high)}"
    is_or_are = "is a super weight" if n_super_weights == 1 else "are super weights"
    words: Words = (
        Strong(f"{n_super_weights} of {counted(len(weights), 'candidate')} {is_or_are}"),
        ": removed alone on held-out text, each costs at least 5 % of perplexity and over three times its controls. ",
        "The largest is ",
        Code(worst.coordinate),
        f" (value {numbers.number(worst.weight)}): Δ loss {largest} nats per token.",
    )
    if result.combined_delta_loss is not MISSING and n_super_weights > 1:
        words += (f" All together: {numbers.change(result.combined_delta_loss)}.",)
    return words


def _impacts(analysis: ModelAnalysis) -> Iterator[Words]:
    worst, together = worst_ratio(analysis), whole_ratio(analysis)
    if worst is not None:
        yield ("Without ", Code(edited_name(worst.variant)), *_perplexity(worst.seen))
    if together is not None and len(together.variant.coordinates) != 1:
        n_all = f"all {len(together.variant.coordinates)}" if together.variant.coordinates else "all"
        yield (f"Without {n_all} together", *_perplexity(together.seen))
    for task in tasks_of(analysis):
        yield from _accuracy(analysis, task)


def _perplexity(seen: PerplexityImpact) -> Words:
    return (
        " perplexity goes from ", numbers.perplexity(seen.baseline), " to ", numbers.perplexity(seen.modified), ": ",
        Strong(numbers.ratio(seen.ratio, log_ratio_of(seen))),
        f"{cells.interval(seen.ratio_ci_low, seen.ratio_ci_high)}, {seen.severity}.",
    )  # fmt: skip


def _accuracy(analysis: ModelAnalysis, task: str) -> Iterator[Words]:
    found = worst_drop(analysis, task)
    if found is None:
        return
    seen, drop = found.seen, drop_of(found.seen)
    interval = cells.interval(drop.low, drop.high, numbers.share)
    chance = "" if seen.chance is MISSING else f"; guessing gives {numbers.share(seen.chance)}"
    sure = ", which its interval does not tell from none" if seen.not_significant is True else ""
    yield (
        f"{task_title(task)}: largest drop {numbers.share(drop.value)}{interval} in {seen.metric} (",
        Code(edited_name(found.variant)),
        f": {numbers.share(seen.baseline)} to {numbers.share(seen.modified)}, ",
        f"{counted(seen.n, 'item')}{chance}){sure}{_together(analysis, task)}.",
    )  # fmt: skip


def _together(analysis: ModelAnalysis, task: str) -> str:
    found = whole_drop(analysis, task)
    if found is None:
        return ""
    drop = drop_of(found.seen)
    return f"; all together {numbers.share(drop.value)}{cells.interval(drop.low, drop.high, numbers.share)}"
