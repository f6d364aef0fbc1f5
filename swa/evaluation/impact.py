"""A variant against the intact model: perplexity over texts, accuracy over items, both paired.

See docs/methods.md#evaluation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from swa.findings.severity import accuracy_severity, perplexity_severity
from swa.schemas.evaluation import AccuracyImpact, PerplexityImpact
from swa.stats import (
    bootstrap_difference,
    bootstrap_mean_difference,
    bootstrap_ratio_of_sums,
    exp_or_infinity,
    mcnemar_exact,
    seeded_generator,
)

Aggregation = Callable[[list[Any]], float]
"""From the values of all items to the value of the metric."""


class TextLosses(NamedTuple):
    """Losses of one model on the texts.

    Attributes:
        nll: Sum of −log p of a text's targets, nats, `(n_texts,)`, float64.
        n_targets: Predicted tokens of a text, `(n_texts,)`.
    """

    nll: NDArray[np.float64]
    n_targets: NDArray[np.int64]

    @property
    def perplexity(self) -> float:
        """exp(Σ nll / Σ targets); infinite where it overflows."""
        return exp_or_infinity(float(self.nll.sum()) / int(self.n_targets.sum()))


def perplexity_impact(baseline: TextLosses, modified: TextLosses, *, seed: int, name: str) -> PerplexityImpact:
    """What a variant does to perplexity.

    Args:
        baseline: Losses of the intact model.
        modified: Losses of the variant on the same texts.
        seed: Seed of the bootstrap.
        name: What the draws are for, e.g. the variant's coordinates.

    Raises:
        ValueError: The texts are not the same.
    """
    if not np.array_equal(baseline.n_targets, modified.n_targets):
        raise ValueError("the losses are not of the same texts")
    with np.errstate(invalid="ignore"):
        change = modified.nll - baseline.nll
        log_ratio = float(change.sum() / baseline.n_targets.sum())
    interval = bootstrap_ratio_of_sums(change, baseline.n_targets, generator=seeded_generator(seed, "perplexity", name))
    ratio = exp_or_infinity(log_ratio)
    return PerplexityImpact.model_validate(
        {
            "baseline": baseline.perplexity,
            "modified": modified.perplexity,
            "ratio": ratio,
            "log_ratio": log_ratio,
            "increase": modified.perplexity - baseline.perplexity,
            "ratio_ci_2.5": exp_or_infinity(interval.low),
            "ratio_ci_97.5": exp_or_infinity(interval.high),
            "severity": perplexity_severity(ratio),
        }
    )


def accuracy_impact(
    baseline: Sequence[Any],
    modified: Sequence[Any],
    *,
    metric: str,
    seed: int,
    name: str,
    chance: float | None = None,
    aggregation: Aggregation | None = None,
) -> AccuracyImpact:
    """What a variant does to one task.

    Args:
        baseline: One value an item under the intact model: 0 or 1, or with `aggregation` whatever that takes.
        modified: The same items' values under the variant.
        metric: Main metric, in lm-evaluation-harness' name.
        seed: Seed of the bootstrap.
        name: What the draws are for, e.g. task and coordinates.
        chance: Accuracy of guessing; only 0/1 metrics have one.
        aggregation: The metric over all items where it is not the mean of 0 and 1; then McNemar's test, chance,
            severity and significance are absent.

    Raises:
        ValueError: The items are not paired, or without `aggregation` a value is neither 0 nor 1.
    """
    if len(baseline) != len(modified):
        raise ValueError("the values are not of the same items")
    generator = seeded_generator(seed, "accuracy", name)
    fields = (
        _of_right_and_wrong(baseline, modified, generator)
        if aggregation is None
        else _of_aggregates(baseline, modified, aggregation, generator)
    )
    if chance is not None and aggregation is None:
        fields["chance"] = float(chance)
    return AccuracyImpact.model_validate({"metric": metric, "n": len(baseline), **fields})


def _of_right_and_wrong(
    baseline: Sequence[Any], modified: Sequence[Any], generator: np.random.Generator
) -> dict[str, Any]:
    right, other = np.asarray(baseline, dtype=np.float64), np.asarray(modified, dtype=np.float64)
    if not np.isin(np.concatenate([right, other]), (0.0, 1.0)).all():
        raise ValueError("a metric with other values than 0 and 1 needs its aggregation")
    # of the counts, because a difference of two means can pass a bound of severity by its rounding: 0.9 − 0.7 > 0.2
    drop = float(right.sum() - other.sum()) / len(right)
    low, high = bootstrap_mean_difference(right, other, generator=generator)
    return {
        "baseline": float(right.mean()),
        "modified": float(other.mean()),
        "drop": drop,
        "drop_ci_2.5": low,
        "drop_ci_97.5": high,
        "mcnemar_p": mcnemar_exact(right, other),
        "severity": accuracy_severity(drop),
        "not_significant": low <= 0 <= high,
    }


def _of_aggregates(
    baseline: Sequence[Any], modified: Sequence[Any], aggregation: Aggregation, generator: np.random.Generator
) -> dict[str, Any]:
    before, after = float(aggregation(list(baseline))), float(aggregation(list(modified)))
    low, high = bootstrap_difference(baseline, modified, aggregation, generator=generator)
    return {"baseline": before, "modified": after, "drop": before - after, "drop_ci_2.5": low, "drop_ci_97.5": high}
