"""Prompts, values of items and metrics are those of `lm_eval.simple_evaluate` with the same items, to the bit."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import lm_eval
import pytest

from swa.evaluation.harness.aggregation import aggregate, item_values
from swa.evaluation.harness.catalogue import BUILTIN_FOLDER
from swa.evaluation.harness.metrics import chance, main_metric
from swa.evaluation.harness.scoring import score
from swa.evaluation.harness.tasks import load_tasks
from swa.progress import SilentProgress
from tests.unit.evaluation.tiny_data import HashLM

TASKS = Path(lm_eval.__file__).parent / "tasks"
FOLDERS = ["hellaswag", "arc", "mmlu/default", "gsm8k", "wikitext"]
pytestmark = pytest.mark.usefixtures("no_hub")


def _redirected(leaf: str, data_dir: Path) -> dict:
    """A task on its local copy, written by hand: the folder as `datasets` itself reads it."""
    folder = data_dir if data_dir else Path()
    if leaf.startswith("builtin"):
        file = BUILTIN_FOLDER / f"{leaf.removeprefix('builtin_')}.jsonl"
        return {"dataset_kwargs": {"data_files": {"test": str(file)}}}
    if leaf.startswith("mmlu"):
        return {"dataset_path": str(folder / "mmlu")}
    return {
        "hellaswag": {"dataset_path": str(folder / "hellaswag"), "training_split": None},
        "arc_easy": {"dataset_path": str(folder / "ai2_arc")},
        "arc_challenge": {"dataset_path": str(folder / "ai2_arc")},
        "gsm8k": {"dataset_path": str(folder / "gsm8k")},
        "wikitext": {
            "dataset_path": str(folder / "wikitext_document_level"),
            "training_split": None,
            "validation_split": None,
        },
    }[leaf]


def _simple_evaluate(monkeypatch, requested, data_dir, *, num_fewshot):
    from lm_eval import evaluator
    from lm_eval.tasks import TaskManager

    monkeypatch.setattr(evaluator, "add_env_info", lambda results: None)  # asks the machine for half a minute
    monkeypatch.setattr(evaluator, "get_git_commit_hash", lambda: None)
    manager = TaskManager(include_defaults=False, include_path=[*(TASKS / name for name in FOLDERS), BUILTIN_FOLDER])
    group = {
        "group": "all_of_it",
        "task": [{"task": leaf.name, **_redirected(leaf.name, data_dir)} for leaf in requested.leaves],
        "aggregate_metric_list": [{"metric": "acc", "weight_by_size": True}],
    }
    return evaluator.simple_evaluate(
        model=HashLM(),
        tasks=[{"group": "outer", "task": [group]}],  # given alone, a group's own fields become fields of its tasks
        samples={leaf.name: list(leaf.doc_ids) for leaf in requested.leaves},
        num_fewshot=num_fewshot,
        bootstrap_iters=0,
        task_manager=manager,
    )


CASES = [
    ("hellaswag", 20, None, "acc_norm", 0.25),
    ("arc_easy", 20, None, "acc_norm", None),
    ("arc_easy", 6, 3, "acc_norm", None),
    ("arc_challenge", 20, None, "acc_norm", None),
    ("mmlu", 30, 5, "acc", 0.25),
    ("mmlu_anatomy", 6, 5, "acc", 0.25),
    ("mmlu_virology", 6, 5, "acc", 0.25),
    ("gsm8k", 12, None, "exact_match,strict-match", 0.0),
    ("gsm8k", 6, 2, "exact_match,strict-match", 0.0),
    ("wikitext", 5, None, "word_perplexity", "absent"),
    ("builtin", 100, None, "correct", 1 / 6),
    ("builtin", 7, 2, "correct", 1 / 7),
]
"""Task, items, examples; main metric and chance (some questions of ARC have three or five choices)."""


@pytest.mark.parametrize(("name", "n_items", "num_fewshot", "metric", "guessed"), CASES)
def test_the_same_as_simple_evaluate(monkeypatch, request, name, n_items, num_fewshot, metric, guessed):
    data_dir = None if name == "builtin" else request.getfixturevalue("data_dir")
    (ours,) = load_tasks(
        [name],
        n_items=n_items,
        seed=42,
        num_fewshot=num_fewshot,
        data_dir=data_dir,
        progress=SilentProgress(),
    )
    assert ours.n_items == min(n_items, 24 if name == "builtin" else n_items)
    scored = {leaf.name: score(leaf, HashLM().answers(leaf)) for leaf in ours.leaves}
    theirs = _simple_evaluate(monkeypatch, ours, data_dir, num_fewshot=num_fewshot)
    for leaf in ours.leaves:
        _compare_items(leaf, scored[leaf.name], theirs["samples"][leaf.name])
        assert aggregate(type(ours)(leaf.name, (leaf,)), scored) == _metrics(theirs["results"][leaf.name])
    if name == "mmlu":
        assert aggregate(ours, scored) == {"acc": theirs["results"]["outer::all_of_it"]["acc,none"]}
        _compare_subjects(ours)
    assert main_metric(ours) == metric
    values = item_values(ours, scored)
    assert values.metric == metric
    assert values.aggregation(list(values.values)) == pytest.approx(aggregate(ours, scored)[metric], rel=1e-12)
    assert values.is_right_or_wrong == (guessed != "absent")
    if guessed == "absent":
        assert chance(ours) is None
    else:
        assert chance(ours) == pytest.approx(_chance_by_hand(ours) if guessed is None else guessed)


def _chance_by_hand(requested) -> float:
    n_choices = Counter(instance.doc_id for leaf in requested.leaves for instance in leaf.task.instances)
    return sum(1 / n for n in n_choices.values()) / requested.n_items


def _compare_subjects(mmlu) -> None:
    """MMLU is spread over tasks with examples of their own subjects."""
    assert len(mmlu.leaves) == 30
    for leaf in mmlu.leaves:
        assert len(leaf.doc_ids) == 1
        subject = leaf.name.removeprefix("mmlu_")
        assert {instance.doc["subject"] for instance in leaf.task.instances} == {subject}
        assert {doc["subject"] for doc in leaf.task.sampler.df} == {subject}
        assert len(leaf.task.sampler.df) == 5


def _metrics(results: dict) -> dict:
    found = {key: value for key, value in results.items() if "," in key and "_stderr," not in key}
    filters = {key.split(",")[1] for key in found}
    return found if len(filters) > 1 else {key.split(",")[0]: value for key, value in found.items()}


def _compare_items(leaf, items, samples):
    arguments = defaultdict(list)
    for instance in leaf.requests:
        arguments[leaf.doc_ids[instance.doc_id]].append(instance.args)
    filters = {sample["filter"] for sample in samples}
    assert len(samples) == len(items) * len(filters)
    by_id = {item.doc_id: item for item in items}
    assert [item.doc_id for item in items] == list(leaf.doc_ids)
    for sample in samples:
        item = by_id[sample["doc_id"]]
        assert arguments[item.doc_id] == sample["arguments"]
        assert item.doc_hash == sample["doc_hash"]
        if leaf.name != "wikitext":
            assert item.target == str(sample["target"])
        suffix = f",{sample['filter']}" if len(filters) > 1 else ""
        assert {f"{m}{suffix}": sample[m] for m in sample["metrics"]}.items() <= item.values.items()
        assert len(item.values) == len(sample["metrics"]) * len(filters)
        if item.generation is not None:
            assert [[item.generation]] == sample["resps"]
        elif leaf.task.OUTPUT_TYPE == "multiple_choice":
            assert [
                [(value, greedy)]
                for value, (_, greedy) in zip(item.loglikelihoods, (resps[0] for resps in sample["resps"]), strict=True)
            ] == sample["resps"]
        else:
            assert [[value] for value in item.loglikelihoods] == sample["resps"]


def test_shots_that_the_local_copy_lacks_are_not_replaced(data_dir):
    from swa.errors import UnavailableError

    with pytest.raises(UnavailableError, match="no split 'train', which the 2 examples in the prompts of 'hellaswag'"):
        load_tasks(["hellaswag"], n_items=3, seed=0, num_fewshot=2, data_dir=data_dir, progress=SilentProgress())
