"""Tasks of lm-evaluation-harness with a seeded choice of their items, their requests built once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swa.errors import UsageError
from swa.evaluation.harness.catalogue import check_tasks, task_manager
from swa.evaluation.harness.items import choose_items, share_out
from swa.evaluation.harness.leaves import leaves_of
from swa.evaluation.harness.loading import build_requests, lm_eval_seeds, load_leaf
from swa.progress import Progress, SilentProgress


@dataclass(frozen=True)
class LeafTask:
    """One task with the requests of its chosen items.

    Attributes:
        name: lm-eval's name, e.g. `mmlu_anatomy`.
        task: lm-eval's `Task`, its requests built.
        doc_ids: Indices of the items in the evaluated split, ascending.
    """

    name: str
    task: Any
    doc_ids: tuple[int, ...]

    @property
    def requests(self) -> list[Any]:
        """lm-eval's `Instance`s in its own order, each as often as the task wants it answered."""
        return [instance for instance in self.task.instances for _ in range(instance.repeats)]


@dataclass(frozen=True)
class RequestedTask:
    """What was asked for by one name.

    Attributes:
        name: Task, group, tag or `builtin`.
        leaves: The tasks behind it that have items.
    """

    name: str
    leaves: tuple[LeafTask, ...]

    @property
    def n_items(self) -> int:
        """Items of all its tasks."""
        return sum(len(leaf.doc_ids) for leaf in self.leaves)


def load_tasks(
    names: Sequence[str],
    *,
    n_items: int = 100,
    seed: int = 42,
    num_fewshot: int | None = None,
    data_dir: Path | None = None,
    progress: Progress | None = None,
) -> list[RequestedTask]:
    """Load tasks, choose their items and build their requests.

    A task that is named twice, alone and in a group, is loaded twice: its items may differ.

    Args:
        names: Tasks, groups and tags of lm-eval, or `builtin`; a name that is repeated counts once.
        n_items: Items per name; a group's are spread over its tasks, and tasks without an item are left out.
        seed: Seed of the choice of items. The few-shot examples always have lm-eval's own seed.
        num_fewshot: Examples in front of each prompt; `None`: the task's own number, else 0. As in lm-eval, tasks
            that are defined with 0 keep it.
        data_dir: Folder with local copies of data sets; what is found there never contacts the hub.
        progress: Where is told what a user may want to know.

    Returns:
        In the order of the names.

    Raises:
        UsageError: A name is unknown, a task cannot be evaluated as text, or there are fewer examples than wanted.
        UnavailableError: Data are not to be had. Nothing else is used in their place.
    """
    progress = progress or SilentProgress()
    if n_items < 1:
        raise UsageError("--accuracy-samples must be at least 1.")
    if num_fewshot is not None and num_fewshot < 0:
        raise UsageError("--num-fewshot must not be negative.")
    names = list(dict.fromkeys(names))
    if not names:
        return []
    check_tasks(names)
    manager = task_manager(names)
    plans = []
    for name in names:
        specs = leaves_of(name, manager.task_index)
        shares = share_out([spec.name for spec in specs], n_items=n_items, seed=seed, group=name)
        plans.append((name, [(spec, shares[spec.name]) for spec in specs if spec.name in shares]))
    requested = []
    with progress.task("Loading tasks", sum(len(plan) for _, plan in plans)) as bar:
        for name, plan in plans:
            leaves = []
            for spec, share in plan:
                with lm_eval_seeds():
                    task = load_leaf(spec, manager, num_fewshot=num_fewshot, data_dir=data_dir, progress=progress)
                    leaves.append(_with_items(spec.name, task, n_items=share, seed=seed, progress=progress))
                bar.advance()
            requested.append(RequestedTask(name, tuple(leaves)))
    return requested


def _with_items(name: str, task: Any, *, n_items: int, seed: int, progress: Progress) -> LeafTask:
    n_docs = len(task.eval_docs)
    if n_docs < n_items:
        progress.info(f"'{name}' has only {n_docs} items, all of which are used.")
    doc_ids = choose_items(n_docs, n_items=n_items, seed=seed, leaf=name)
    build_requests(name, task, doc_ids)
    return LeafTask(name, task, doc_ids)
