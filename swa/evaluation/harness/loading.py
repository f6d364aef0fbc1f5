"""Loads one task of lm-evaluation-harness as `simple_evaluate` does, and says in one sentence why it cannot."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from swa.data.hub import first_line, hub_failures
from swa.errors import UnavailableError, UsageError
from swa.evaluation.harness.leaves import LeafSpec, refuse_code, refuse_multimodal
from swa.evaluation.harness.local_data import WAYS_OUT, builtin_overrides, local_overrides
from swa.progress import Progress
from swa.text.words import BUILTIN_LEAVES


def load_leaf(
    spec: LeafSpec, manager: Any, *, num_fewshot: int | None, data_dir: Path | None, progress: Progress
) -> Any:
    """Load a task with its local copy, or from the hub.

    Args:
        spec: The task.
        manager: lm-eval's `TaskManager` that knows it.
        num_fewshot: Examples in front of each prompt, as asked for.
        data_dir: Folder of local copies.
        progress: Where is told what a user may want to know.

    Returns:
        lm-eval's `Task`, with the number of examples that `simple_evaluate` would give it.

    Raises:
        UsageError: It runs code or needs images or sound.
        UnavailableError: Its data, or a package that it needs, are not to be had.
    """
    if spec.name in BUILTIN_LEAVES:
        overrides = builtin_overrides(spec.config)
    else:
        n_shots = _n_shots(spec.config.get("num_fewshot"), num_fewshot)
        overrides = local_overrides(spec.config, data_dir, n_shots=n_shots)
    task = _loaded(spec, manager, overrides)
    if getattr(task, "UNSAFE_CODE", False):
        refuse_code(spec.name)
    if getattr(task, "MULTIMODAL", False):
        refuse_multimodal(spec.name)
    own = task.get_config("num_fewshot")
    if num_fewshot and own == 0:
        progress.info(f"'{spec.name}' is defined without examples and stays so.")
    task.set_config("num_fewshot", _n_shots(own, num_fewshot))
    return task


def build_requests(name: str, task: Any, doc_ids: Sequence[int]) -> None:
    """Build a task's requests; do it once, since the same task would draw other examples the next time.

    Args:
        name: The task's name.
        task: lm-eval's `Task`.
        doc_ids: Its items, ascending, at least one.

    Raises:
        UsageError: It has fewer examples than wanted.
    """
    from lm_eval.defaults import DEFAULT_OTHER_SEED

    assert doc_ids, "lm-eval would take an empty choice for all items"
    n_shots, sampler = task.get_config("num_fewshot"), getattr(task, "sampler", None)
    if n_shots and sampler is not None:
        # lm-eval draws one more, to leave out the item itself, where both come from the same split or neither is named
        n_drawn = n_shots + (task.fewshot_cfg.split == task.config.test_split)
        if n_drawn > len(sampler.df):
            raise UsageError(
                f"'{name}' has {len(sampler.df)} examples to draw {n_drawn} from for --num-fewshot {n_shots}."
            )
    task.set_fewshot_seed(DEFAULT_OTHER_SEED)
    task.build_all_requests(samples=list(doc_ids))


@contextmanager
def lm_eval_seeds() -> Iterator[None]:
    """The global generators as `simple_evaluate` seeds them (some tasks shuffle choices with them), then as before.

    Seeded for each task anew, so that what a task asks does not depend on the tasks before it.
    """
    from lm_eval.defaults import DEFAULT_OTHER_SEED, DEFAULT_RANDOM_SEED

    state, numpy_state = random.getstate(), np.random.get_state()
    random.seed(DEFAULT_RANDOM_SEED)
    np.random.seed(DEFAULT_OTHER_SEED)
    try:
        yield
    finally:
        random.setstate(state)
        np.random.set_state(numpy_state)


def _loaded(spec: LeafSpec, manager: Any, overrides: dict[str, Any]) -> Any:
    # overrides reach a registered task only as a member of a group: given alone, they would be all of its definition
    group = {"group": spec.group, "task": [{**spec.member, **overrides}]}
    repository = str(spec.config.get("dataset_path", spec.name))
    try:
        with hub_failures(repository, name=repository if "/" in repository else spec.name, hint=WAYS_OUT):
            (task,) = manager.load([group])["tasks"].values()
    except ImportError as error:
        raise UnavailableError(
            f"The task '{spec.name}' needs a package that is not installed: {first_line(error)}",
            hint="lm-evaluation-harness names such packages in the README of the task.",
        ) from error
    except (ValueError, KeyError) as error:  # a configuration or a split that the data do not have
        raise UnavailableError(
            f"The data of the task '{spec.name}' cannot be read: {first_line(error)}", hint=WAYS_OUT
        ) from error
    return task


def _n_shots(own: int | None, num_fewshot: int | None) -> int:
    """Examples in front of a prompt, by lm-eval's rule: a task that is defined with 0 keeps it."""
    if num_fewshot is None or own == 0:
        return own or 0
    return num_fewshot
