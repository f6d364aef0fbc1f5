"""The numbers to look at first, by name: `--json`, pages and terminal of all commands take them from here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import MISSING

from swa.findings.impact import (
    TaskImpact,
    TextImpact,
    drop_of,
    tasks_of,
    whole_drop,
    whole_ratio,
    worst_drop,
    worst_ratio,
)
from swa.findings.order import worst
from swa.findings.verdict import is_confirmed
from swa.findings.vocabulary import worst_card, worst_cascade
from swa.schemas.cards import NeuronCard, SuperWeightCard
from swa.schemas.cascade import CascadeResult
from swa.schemas.detection import DetectionResult, SuperWeight
from swa.schemas.evaluation import ModelAnalysis

Numbers = dict[str, float]


def of_detection(result: DetectionResult) -> Numbers:
    """How large activations are, what the confirmed ones cost, how many experts there are."""
    numbers: Numbers = {"largest_activation": result.threshold.largest_activation}
    if result.baseline_loss is not MISSING:
        numbers["baseline_loss"] = result.baseline_loss
    if result.combined_delta_loss is not MISSING:
        numbers["combined_delta_loss"] = result.combined_delta_loss
    numbers |= _of_experts(result)
    largest = worst_confirmed(result.super_weights)
    if largest is not None and largest.confirmation is not MISSING:
        numbers["largest_delta_loss"] = largest.confirmation.delta_loss
        numbers["largest_perplexity_ratio"] = largest.confirmation.perplexity_ratio
    return numbers


def worst_confirmed(weights: Iterable[SuperWeight]) -> SuperWeight | None:
    """The confirmed super weight whose removal costs most."""
    return worst(
        filter(is_confirmed, weights),
        lambda weight: 0.0 if weight.confirmation is MISSING else weight.confirmation.delta_loss,
    )


def _of_experts(result: DetectionResult) -> Numbers:
    if result.routing is MISSING:
        return {}
    return {
        "n_experts": float(result.coverage.n_experts),
        "n_experts_examined": float(result.coverage.n_experts_examined),
        "n_super_experts": float(sum(len(layer.super_experts) for layer in result.routing)),
    }


def of_evaluation(analysis: ModelAnalysis) -> Numbers:
    """The intact model, the worst single removal, and the removal of all together."""
    numbers: Numbers = {"n_variants": float(len(analysis.individual) + len(analysis.combined))}
    baseline = analysis.baseline
    if baseline.perplexity is not MISSING:
        numbers["baseline_perplexity"] = baseline.perplexity.value
    numbers |= _ratio("largest_ratio", worst_ratio(analysis))
    numbers |= _ratio("combined_ratio", whole_ratio(analysis))
    for task in tasks_of(analysis):
        assert baseline.accuracy is not MISSING, "it has tasks"
        numbers[f"baseline_{task}"] = baseline.accuracy[task].value
        numbers |= _drop(f"largest_drop_{task}", worst_drop(analysis, task))
        numbers |= _drop(f"combined_drop_{task}", whole_drop(analysis, task))
    return numbers


def of_vocabulary(
    super_weights: Sequence[SuperWeightCard], neurons: Sequence[NeuronCard], candidates: Iterable[SuperWeight]
) -> Numbers:
    """How many cards there are, and the one whose removal costs most beside its controls.

    Args:
        super_weights: Cards of one model.
        neurons: Cards of one model.
        candidates: What is known of its scalars: cards of refused ones are counted, and are never the worst.
    """
    numbers: Numbers = {"n_super_weights": len(super_weights), "n_neurons": len(neurons)}
    largest = worst_card(super_weights, candidates)
    if largest is not None:
        numbers |= {
            "baseline_loss": largest.baselines.loss,
            "largest_delta_loss": largest.deltas.loss,
            "largest_delta_entropy": largest.deltas.entropy,
            "control_delta_loss": largest.controls.random_coord_delta.loss,
            "neuron_zero_delta_loss": largest.controls.neuron_zero_delta.loss,
        }
    return numbers


def of_cascades(results: Sequence[CascadeResult]) -> Numbers:
    """Of the super weight that changes the last layer that was read most."""
    numbers: Numbers = {"n_super_weights": len(results)}
    largest = worst_cascade(results)
    if largest is not None:
        numbers |= {
            "largest_kl": largest.cascade.kl[-1],
            "delta_entropy": largest.cascade.delta_entropy[-1],
            "delta_margin": largest.cascade.delta_margin[-1],
        }
    return numbers


def of_artifacts(
    detection: DetectionResult | None, analysis: ModelAnalysis | None, super_weights: Sequence[SuperWeightCard]
) -> Numbers:
    """Everything that is saved of one model, in as few numbers as can be."""
    evaluated = {} if analysis is None else of_evaluation(analysis)
    numbers: Numbers = {name: evaluated[name] for name in ("largest_ratio", "combined_ratio") if name in evaluated}
    if detection is not None and detection.combined_delta_loss is not MISSING:
        numbers["combined_delta_loss"] = detection.combined_delta_loss
    largest = worst_card(super_weights, () if detection is None else detection.super_weights)
    if largest is not None:
        numbers["largest_card_delta_loss"] = largest.deltas.loss
    return numbers


def _ratio(name: str, found: TextImpact | None) -> Numbers:
    return {} if found is None else {name: found.seen.ratio}


def _drop(name: str, found: TaskImpact | None) -> Numbers:
    return {} if found is None else {name: drop_of(found.seen).value}
