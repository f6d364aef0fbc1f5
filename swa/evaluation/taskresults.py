"""One requested task, scored under every variant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from swa.evaluation.harness.aggregation import Scored, aggregate, item_values
from swa.evaluation.harness.metrics import chance, main_metric
from swa.evaluation.harness.scoring import Answer, score
from swa.evaluation.harness.tasks import RequestedTask
from swa.evaluation.impact import accuracy_impact
from swa.evaluation.item_records import item_records
from swa.evaluation.variants import INTACT, EvaluatedVariant
from swa.schemas.evaluation import AccuracyImpact, BaselineAccuracy, ItemRecord


@dataclass(frozen=True)
class TaskResults:
    """The items of a task under every variant.

    Attributes:
        requested: The task.
        scored: By name of the variant, then by task: its items.
    """

    requested: RequestedTask
    scored: Mapping[str, Scored]

    @classmethod
    def of(cls, requested: RequestedTask, answers: Mapping[str, Sequence[Sequence[Answer]]]) -> TaskResults:
        """Score the answers of every variant, which are given leaf by leaf."""
        return cls(
            requested,
            {
                variant: {leaf.name: score(leaf, given) for leaf, given in zip(requested.leaves, by_leaf, strict=True)}
                for variant, by_leaf in answers.items()
            },
        )

    def baseline(self) -> BaselineAccuracy:
        """The intact model."""
        metrics = aggregate(self.requested, self.scored[INTACT.name])
        metric = main_metric(self.requested)
        return BaselineAccuracy(metric=metric, value=metrics[metric], n=self.requested.n_items, all_metrics=metrics)

    def impact(self, variant: EvaluatedVariant, *, seed: int) -> AccuracyImpact:
        """A variant against the intact model."""
        before = item_values(self.requested, self.scored[INTACT.name])
        after = item_values(self.requested, self.scored[variant.name])
        paired = before.is_right_or_wrong and after.is_right_or_wrong
        return accuracy_impact(
            before.values,
            after.values,
            metric=before.metric,
            seed=seed,
            name=f"{self.requested.name} {variant.key}",
            chance=chance(self.requested) if paired else None,
            aggregation=None if paired else before.aggregation,
        )

    def items(self, variant: str) -> list[ItemRecord]:
        """The items' records under one variant."""
        return item_records(self.requested, self.scored[variant], variant=variant)
