"""`--data-dir`: local copies are read, never half, never another split in the place of one that is missing."""

from __future__ import annotations

import pytest

from swa.errors import UnavailableError
from swa.evaluation.harness.catalogue import BUILTIN_FOLDER
from swa.evaluation.harness.local_data import builtin_overrides, local_overrides
from tests.unit.evaluation.tiny_data import arc_copy, arc_rows, write_parquet

ARC = {
    "task": "arc_easy",
    "dataset_path": "allenai/ai2_arc",
    "dataset_name": "ARC-Easy",
    "training_split": "train",
    "validation_split": "validation",
    "test_split": "test",
}


def _files(overrides) -> dict:
    return overrides["dataset_kwargs"]["data_files"]


def test_a_copy_takes_the_place_of_the_hub(tmp_path):
    arc_copy(tmp_path, train=3, validation=3, test=3)
    overrides = local_overrides(ARC, tmp_path, n_shots=0)
    assert overrides["dataset_path"] == "parquet"
    assert overrides["dataset_name"] is None
    assert set(_files(overrides)) == {"train", "validation", "test"}
    assert _files(overrides)["test"] == [str(tmp_path / "ai2_arc/ARC-Easy/test-00000-of-00001.parquet")]
    assert not {"training_split", "validation_split", "fewshot_config"} & overrides.keys()


def test_paths_hold_from_everywhere(tmp_path, monkeypatch):
    arc_copy(tmp_path, test=1)
    monkeypatch.chdir(tmp_path)
    from pathlib import Path

    assert _files(local_overrides(ARC, Path(), n_shots=0))["test"][0].startswith(str(tmp_path))


@pytest.mark.parametrize(
    "config",
    [
        {**ARC, "dataset_path": "other/data"},
        {**ARC, "dataset_name": "ARC-Challenge"},
        {**ARC, "dataset_kwargs": {"data_files": {"test": "own.jsonl"}}},
        {**ARC, "custom_dataset": "a.function"},
        {"task": "in_python", "class": "a.Class"},
    ],
)
def test_what_has_no_copy_is_left_alone(tmp_path, config):
    assert local_overrides(config, arc_copy(tmp_path, test=1), n_shots=0) == {}


def test_without_a_folder_nothing_changes():
    assert local_overrides(ARC, None, n_shots=5) == {}


def test_a_folder_that_does_not_exist_is_no_empty_one(tmp_path):
    with pytest.raises(UnavailableError, match=r"data folder .* does not exist") as caught:
        local_overrides(ARC, tmp_path / "nowhere", n_shots=0)
    assert "--accuracy-tasks builtin" in caught.value.hint


def test_splits_that_nobody_reads_may_be_missing(tmp_path):
    overrides = local_overrides(ARC, arc_copy(tmp_path, test=2), n_shots=0)
    assert overrides["training_split"] is None
    assert overrides["validation_split"] is None
    assert "test_split" not in overrides


@pytest.mark.parametrize(
    ("changes", "copied", "missing"),
    [
        ({}, ("validation", "train"), "test"),
        ({"test_split": None}, ("test", "train"), "validation"),
    ],
)
def test_the_evaluated_split_must_be_there(tmp_path, changes, copied, missing):
    arc_copy(tmp_path, **dict.fromkeys(copied, 2))
    with pytest.raises(UnavailableError, match=f"'allenai/ai2_arc' has no split '{missing}', which the task") as caught:
        local_overrides({**ARC, **changes}, tmp_path, n_shots=0)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({}, "train"),
        ({"training_split": None}, "validation"),
        ({"fewshot_split": "dev"}, "dev"),
        ({"fewshot_split": "test", "fewshot_config": {"split": "dev"}}, "dev"),
        ({"fewshot_split": "test", "fewshot_config": {"split": None}}, "train"),
    ],
)
def test_examples_come_from_their_own_split_or_not_at_all(tmp_path, changes, missing):
    copy = arc_copy(tmp_path, test=2)
    with pytest.raises(UnavailableError, match=f"no split '{missing}', which the 5 examples in the prompts") as caught:
        local_overrides({**ARC, **changes}, copy, n_shots=5)
    assert "--num-fewshot 0" in caught.value.hint
    overrides = local_overrides({**ARC, **changes}, copy, n_shots=0)
    assert set(_files(overrides)) == {"test"}
    assert all(overrides.get(field) is None for field in ("training_split", "validation_split"))


@pytest.mark.parametrize("changes", [{"fewshot_split": "test"}, {"fewshot_config": {"samples": [{"question": "q"}]}}])
def test_examples_that_are_there_need_no_other_split(tmp_path, changes):
    overrides = local_overrides({**ARC, **changes}, arc_copy(tmp_path, test=2), n_shots=5)
    assert "fewshot_config" not in overrides
    assert overrides.get("fewshot_split") is None


def test_a_missing_split_of_the_few_shot_block_is_taken_out_of_it(tmp_path):
    config = {**ARC, "fewshot_config": {"sampler": "first_n", "split": "dev"}}
    overrides = local_overrides(config, arc_copy(tmp_path, test=2), n_shots=0)
    assert overrides["fewshot_config"] == {"sampler": "first_n", "split": None}


def test_half_a_split_is_refused_where_it_is_read(tmp_path):
    arc_copy(tmp_path, test=2)
    write_parquet(tmp_path / "ai2_arc/ARC-Easy/train-00000-of-00002.parquet", arc_rows("train", 2))
    local_overrides(ARC, tmp_path, n_shots=0)
    with pytest.raises(UnavailableError, match="holds 1 files of split 'train', but 2 belong to it"):
        local_overrides(ARC, tmp_path, n_shots=1)


def test_the_built_in_items_are_found_where_the_package_lies():
    overrides = builtin_overrides({"dataset_kwargs": {"data_files": {"test": "choices.jsonl"}}})
    assert _files(overrides) == {"test": str(BUILTIN_FOLDER / "choices.jsonl")}
