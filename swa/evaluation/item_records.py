"""Items as they are written to `items/{task}_{variant}.jsonl`."""

from __future__ import annotations

from typing import Any

import numpy as np

from swa.evaluation.harness.aggregation import Scored, aggregate_items
from swa.evaluation.harness.scoring import ScoredItem
from swa.evaluation.harness.tasks import LeafTask, RequestedTask
from swa.schemas.evaluation import ItemRecord


def item_records(requested: RequestedTask, scored: Scored, *, variant: str) -> list[ItemRecord]:
    """The items of one variant, in the order of the tasks and of their items.

    Metrics that are plain numbers are written as lm-eval has them. Where a whole document is scored lm-eval has a sum
    and its weight (words, bytes); written is what they amount to, the document's own perplexity or bits per byte.
    Other values that only mean something together (answers for an F1 score, texts for BLEU) are left out.

    Args:
        requested: What was asked for.
        scored: Its items under the variant.
        variant: Name of the variant.
    """
    return [
        _record(leaf, item, group=requested.name, variant=variant)
        for leaf in requested.leaves
        for item in scored[leaf.name]
    ]


def _record(leaf: LeafTask, item: ScoredItem, *, group: str, variant: str) -> ItemRecord:
    optional: dict[str, Any] = {
        "loglikelihoods": None if item.loglikelihoods is None else list(item.loglikelihoods),
        "generation": item.generation,
        "correct": item.correct,
    }
    return ItemRecord(
        task=leaf.name,
        group=group,
        variant=variant,
        doc_id=item.doc_id,
        doc_hash=item.doc_hash,
        target=item.target,
        metrics=_numbers(leaf, item),
        **{name: value for name, value in optional.items() if value is not None},
    )


def _numbers(leaf: LeafTask, item: ScoredItem) -> dict[str, float]:
    if leaf.task.OUTPUT_TYPE == "loglikelihood_rolling":
        return aggregate_items(leaf, [item])
    return {
        metric: float(value)
        for metric, value in item.values.items()
        if isinstance(value, int | float | np.number | np.bool_)
    }
