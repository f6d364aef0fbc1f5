"""From the values of items to the values of metrics, and to what a bootstrap over items needs."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval.api.metrics import aggregate_subtask_metrics, mean

from swa.evaluation.harness.metrics import CORRECT, main_metric
from swa.evaluation.harness.scoring import ScoredItem, is_right_or_wrong
from swa.evaluation.harness.tasks import LeafTask, RequestedTask

Scored = Mapping[str, Sequence[ScoredItem]]
"""Items under one variant by name of the task."""


@dataclass(frozen=True)
class ItemValues:
    """The main metric item by item, the same items in the same order for every variant.

    Attributes:
        metric: Its name.
        values: One entry an item: what `aggregation` takes.
        is_right_or_wrong: Whether every value is 0 or 1 and the metric is their mean.
        aggregation: From the values, or any resample of them, to the metric; that of one variant serves all.
    """

    metric: str
    values: tuple[Any, ...]
    is_right_or_wrong: bool
    aggregation: Callable[[list[Any]], float]


def aggregate(requested: RequestedTask, scored: Scored) -> dict[str, float]:
    """Every metric by its name, with the task's own aggregation.

    A group has the metrics that all its tasks share, weighted by their number of items, as lm-eval weights mmlu, and
    `correct` where that is its main metric. The main metric is always there: NaN where it is not defined.

    Args:
        requested: What was asked for.
        scored: Its items under one variant.
    """
    by_leaf = [aggregate_items(leaf, scored[leaf.name]) for leaf in requested.leaves]
    sizes = [len(scored[leaf.name]) for leaf in requested.leaves]
    shared = [metric for metric in by_leaf[0] if all(metric in values for values in by_leaf)]
    found = {metric: _weighted([values[metric] for values in by_leaf], sizes) for metric in shared}
    main = main_metric(requested)
    if main == CORRECT:
        found[CORRECT] = _mean_of_all([item.correct for leaf in requested.leaves for item in scored[leaf.name]])
    found.setdefault(main, math.nan)
    return found


def aggregate_items(leaf: LeafTask, items: Sequence[ScoredItem]) -> dict[str, float]:
    """Every metric of some items of one task, by its name."""
    values: dict[str, list[Any]] = defaultdict(list)
    for item in items:
        for metric, value in item.values.items():
            values[metric].append(value)
    return {metric: _apply(leaf, metric, of_items) for metric, of_items in values.items()}


def item_values(requested: RequestedTask, scored: Scored) -> ItemValues:
    """The main metric's values, item by item, and how they, or a resample of them, are aggregated.

    Args:
        requested: What was asked for.
        scored: Its items under one variant.
    """
    metric = main_metric(requested)
    items = [(leaf, item) for leaf in requested.leaves for item in scored[leaf.name]]
    raw: list[Any] = [item.correct if metric == CORRECT else item.values.get(metric) for _, item in items]
    if metric == CORRECT or all(_aggregation(leaf, metric) is mean for leaf in requested.leaves):
        average = _mean_of_all if metric == CORRECT else _mean_of_present
        return ItemValues(metric, tuple(raw), all(map(is_right_or_wrong, raw)), average)
    # of another aggregation a group's value is no function of the values alone: each keeps its task's name
    named = tuple((leaf.name, value) for (leaf, _), value in zip(items, raw, strict=True))
    leaves = {leaf.name: leaf for leaf in requested.leaves}

    def aggregation(drawn: list[tuple[str, Any]]) -> float:
        by_leaf = defaultdict(list)
        for name, value in drawn:
            by_leaf[name].append(value)
        found = [_apply(leaves[name], metric, values) for name, values in by_leaf.items()]
        return _weighted(found, [len(values) for values in by_leaf.values()])

    return ItemValues(metric, named, False, aggregation)


def _weighted(values: Sequence[float], sizes: Sequence[int]) -> float:
    """Mean over tasks by their number of items; one task's value is its own, to the bit."""
    return values[0] if len(values) == 1 else float(aggregate_subtask_metrics(values, sizes))


def _apply(leaf: LeafTask, metric: str, values: Sequence[Any]) -> float:
    """The metric of some items; as in lm-eval over those that have a value."""
    present = [value for value in values if value is not None]
    if not present:
        return math.nan
    try:
        return float(_aggregation(leaf, metric)(present))
    except OverflowError:  # a perplexity beyond the largest float
        return math.inf


def _aggregation(leaf: LeafTask, metric: str) -> Callable[[list[Any]], Any]:
    """The task's own aggregation; as in lm-eval the mean where it names none."""
    found: Callable[[list[Any]], Any] = leaf.task.aggregation().get(metric.split(",")[0], mean)
    return found


def _mean_of_all(values: Sequence[float | None]) -> float:
    """NaN where one is missing: the mean of the others would be of other items."""
    return math.nan if None in values else _mean_of_present(values)


def _mean_of_present(values: Sequence[float | None]) -> float:
    present = [value for value in values if value is not None]
    return float(mean(present)) if present else math.nan
