"""From the cards of several models to one summary, and which of them is the worst."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import MISSING

from swa.findings.order import worst
from swa.findings.verdict import refused_among
from swa.schemas.cards import NeuronCard, SuperWeightCard
from swa.schemas.cascade import CascadeResult
from swa.schemas.detection import SuperWeight
from swa.schemas.run import RunHeader
from swa.schemas.summaries import CrossModelSummary, ModelSummary
from swa.stats import exp_or_infinity


def worst_card(cards: Iterable[SuperWeightCard], candidates: Iterable[SuperWeight]) -> SuperWeightCard | None:
    """The card whose removal costs most, of those that count: a candidate that removal refused does not.

    Args:
        cards: Of one model.
        candidates: What is known of its scalars; without any all cards count.
    """
    refused = refused_among(candidates)
    return worst((card for card in cards if card.coordinate not in refused), lambda card: card.deltas.loss)


def worst_cascade(results: Iterable[CascadeResult]) -> CascadeResult | None:
    """The super weight that changes the last layer that was read most."""
    return worst(results, lambda result: result.cascade.kl[-1])


def model_summary(
    model: str, super_weights: Sequence[SuperWeightCard], neurons: Sequence[NeuronCard], *, threshold: float | None
) -> ModelSummary:
    """Counts and headline numbers of one model.

    Args:
        model: As it was named.
        super_weights: Its cards.
        neurons: Its cards.
        threshold: Spike threshold of the detection, `None` where there is none.
    """
    optional: dict[str, Any] = {} if threshold is None else {"spike_threshold": threshold}
    deltas = [card.deltas.loss for card in super_weights]
    if deltas:
        mean = sum(deltas) / len(deltas)
        optional |= {
            "largest_delta_loss": worst(deltas, float),
            "mean_log_ratio": mean,
            "geometric_mean_ratio": exp_or_infinity(mean),
        }
    labels = Counter(card.label for card in neurons)
    return ModelSummary(
        model=model,
        n_super_weights=len(super_weights),
        n_neurons=len(neurons),
        labels={str(label): n for label, n in sorted(labels.items())},
        **optional,
    )


def cross_model_summary(models: Sequence[ModelSummary], *, run: RunHeader | MISSING = MISSING) -> CrossModelSummary:
    """Totals and means over models, at least one."""
    n_super_weights = sum(model.n_super_weights for model in models)
    largest = [model.largest_delta_loss for model in models if model.largest_delta_loss is not MISSING]
    return CrossModelSummary(
        run=run,
        models=list(models),
        n_models=len(models),
        n_super_weights=n_super_weights,
        mean_super_weights=n_super_weights / len(models),
        mean_largest_delta_loss=sum(largest) / len(largest) if largest else MISSING,
    )
