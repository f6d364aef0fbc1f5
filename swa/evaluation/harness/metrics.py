"""Names of a task's metrics, which of them is the main one, and what guessing would reach."""

from __future__ import annotations

from swa.evaluation.harness.tasks import LeafTask, RequestedTask

CORRECT = "correct"
"""Main metric of a group whose tasks have different ones: whether the item is right by its own task's metric."""

_PUBLISHED = (
    ("hellaswag", "acc_norm"),
    ("arc_", "acc_norm"),
    ("mmlu", "acc"),
    ("gsm8k", "exact_match,strict-match"),
)
_ACCURACIES = frozenset({"acc", "acc_norm", "acc_bytes", "acc_mutual_info", "exact_match"})


def metric_names(leaf: LeafTask) -> list[str]:
    """Names of all metrics that a task declares, the filter behind them only where it has several."""
    filters = filter_names(leaf)
    return [metric_name(metric, filter_name, filters) for filter_name in filters for metric in leaf.task.aggregation()]


def filter_names(leaf: LeafTask) -> list[str]:
    """Names of the task's filters (ways of reading an answer), in its order."""
    return [ensemble.name for ensemble in leaf.task._filters]


def metric_name(metric: str, filter_name: str, filters: list[str]) -> str:
    """`exact_match`, or `exact_match,strict-match` where the task has several filters."""
    return f"{metric},{filter_name}" if len(filters) > 1 else metric


def leaf_metric(leaf: LeafTask) -> str:
    """Main metric of one task: the one that its results are published with, else its first."""
    names = metric_names(leaf)
    published = [metric for prefix, metric in _PUBLISHED if leaf.name.startswith(prefix) and metric in names]
    return [*published, *names][0]


def main_metric(requested: RequestedTask) -> str:
    """Main metric of what was asked for: that of its tasks, or `correct` where they differ."""
    metrics = {leaf_metric(leaf) for leaf in requested.leaves}
    return metrics.pop() if len(metrics) == 1 else CORRECT


def chance(requested: RequestedTask) -> float | None:
    """Accuracy of guessing: mean over the items of 1 / number of choices; 0 for written answers.

    Returns:
        `None` where a task has no choices to guess from or its main metric is no accuracy.
    """
    chances: list[float] = []
    for leaf in requested.leaves:
        docs = {instance.doc_id: instance.doc for instance in leaf.task.instances}
        if leaf.task.OUTPUT_TYPE == "generate_until":
            chances += [0.0] * len(docs)
        elif leaf.task.OUTPUT_TYPE == "multiple_choice" and leaf_metric(leaf).split(",")[0] in _ACCURACIES:
            chances += [1 / len(leaf.task.doc_to_choice(doc)) for doc in docs.values()]
        else:
            return None
    return sum(chances) / len(chances)
