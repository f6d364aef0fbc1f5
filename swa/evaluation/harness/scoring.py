"""From answers to the values of single items, as `lm_eval.evaluate` does it: filters, then the task's own scoring."""

from __future__ import annotations

import copy
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from lm_eval.utils import handle_non_serializable, hash_string

from swa.evaluation.harness.metrics import filter_names, leaf_metric, metric_name
from swa.evaluation.harness.tasks import LeafTask

Answer = tuple[float, bool] | float | str
"""Log-likelihood in nats and whether it is the greedy continuation; a document's log-likelihood; a generated text."""


@dataclass(frozen=True)
class ScoredItem:
    """One item under one variant.

    Attributes:
        doc_id: Index in the evaluated split.
        doc_hash: lm-eval's sha256 of the document.
        target: The right answer, of choices their number. Empty where a whole document is scored: that is no answer.
        loglikelihoods: Σ log p of each choice, nats, not normalised; of a scored document the one of all its tokens.
        generation: What the model wrote; of several tries the first.
        values: Raw value by metric, as the task's aggregation takes it: a number, or a tuple (e.g. sum and weight).
        correct: Whether the main metric is 1; `None` where it is not 0 or 1.
    """

    doc_id: int
    doc_hash: str
    target: str
    loglikelihoods: tuple[float, ...] | None
    generation: str | None
    values: dict[str, Any]
    correct: bool | None


def score(leaf: LeafTask, answers: Sequence[Answer]) -> list[ScoredItem]:
    """Score one variant's answers. Nothing of them stays in the task.

    Args:
        leaf: The task.
        answers: One for each of `leaf.requests`.

    Returns:
        The items in the order of `leaf.doc_ids`.
    """
    with _answered(leaf, answers):
        by_doc = defaultdict(list)
        for instance in leaf.task.instances:
            by_doc[instance.doc_id].append(instance)
        # a broken variant answers with infinities and NaN; what the task makes of them is its own
        with np.errstate(invalid="ignore", divide="ignore"):
            return [
                _scored(leaf, doc_id, sorted(by_doc[place], key=lambda instance: instance.idx))
                for place, doc_id in enumerate(leaf.doc_ids)
            ]


@contextmanager
def _answered(leaf: LeafTask, answers: Sequence[Answer]) -> Iterator[None]:
    """The task with answers in its requests, filtered; as it was afterwards."""
    try:
        for instance in leaf.task.instances:
            instance.resps, instance.filtered_resps = [], {}
        for instance, answer in zip(leaf.requests, answers, strict=True):
            instance.resps.append(answer)
        leaf.task.apply_filters()
        yield
    finally:
        for instance in leaf.task.instances:
            instance.resps, instance.filtered_resps = [], {}


def _scored(leaf: LeafTask, doc_id: int, instances: Sequence[Any]) -> ScoredItem:
    doc = instances[0].doc
    filters = filter_names(leaf)
    values = {
        metric_name(metric, filter_name, filters): value
        for filter_name in filters
        # a copy: scoring code may write into the document
        for metric, value in leaf.task.process_results(
            copy.deepcopy(doc), [instance.filtered_resps[filter_name] for instance in instances]
        ).items()
    }
    main = values.get(leaf_metric(leaf))
    is_document = leaf.task.OUTPUT_TYPE == "loglikelihood_rolling"
    return ScoredItem(
        doc_id=doc_id,
        doc_hash=_doc_hash(doc),
        target="" if is_document else str(leaf.task.doc_to_target(copy.deepcopy(doc))),
        loglikelihoods=_loglikelihoods(leaf, instances),
        generation=next((i.resps[0] for i in instances if i.request_type == "generate_until"), None),
        values=values,
        correct=bool(main) if is_right_or_wrong(main) else None,
    )


def is_right_or_wrong(value: Any) -> bool:
    """Whether the value of a metric is the number 0 or 1."""
    return isinstance(value, int | float | np.number | np.bool_) and value in (0, 1)


def _loglikelihoods(leaf: LeafTask, instances: Sequence[Any]) -> tuple[float, ...] | None:
    found = []
    for instance in instances:
        if instance.request_type == "loglikelihood":
            found.append(float(instance.resps[0][0]))
        elif instance.request_type == "loglikelihood_rolling":
            found.append(float(instance.resps[0]))
    if "acc_mutual_info" in leaf.task.aggregation():
        found = found[: len(found) // 2]  # the second half are the choices without the question
    return tuple(found) if found else None


def _doc_hash(doc: Any) -> str:
    return str(hash_string(json.dumps(doc, indent=2, default=handle_non_serializable, ensure_ascii=False)))
