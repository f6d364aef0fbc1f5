"""`--data-dir`: tasks read local copies in the hub's layout; what is found there never contacts the hub.

A copy is handed to `datasets` as lists of parquet files by split. Given the folder, `datasets` would fail on every
split that its README promises and that was not copied, and take a `dev-…` file without README for validation.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from swa.data.local_copies import check_complete, split_files
from swa.errors import UnavailableError
from swa.evaluation.harness.catalogue import BUILTIN_FOLDER

WAYS_OUT = "Give local copies with --data-dir, or use the items that ship with the package: `--accuracy-tasks builtin`."
_SPLIT_FIELDS = ("training_split", "validation_split", "fewshot_split")


def local_overrides(config: Mapping[str, Any], data_dir: Path | None, *, n_shots: int) -> dict[str, Any]:
    """What of a task's configuration has to change so that it reads its local copy; nothing where there is none.

    Splits that the copy lacks and that are not read are taken out: lm-eval opens every split that it knows.

    Args:
        config: The task's configuration.
        data_dir: Folder of local copies, named as on the hub without the organisation.
        n_shots: Examples in front of each prompt.

    Raises:
        UnavailableError: The folder does not exist, or the copy lacks the evaluated split or the one that the
            examples are drawn from. No other split is used in its place.
    """
    if data_dir is None:
        return {}
    if not data_dir.is_dir():
        raise UnavailableError(f"The data folder {data_dir} does not exist.", hint=WAYS_OUT)
    files = _copy_of(config, data_dir)
    if not files:
        return {}
    name, repository = config["task"], config["dataset_path"]
    evaluated = config.get("test_split") or config.get("validation_split")
    if evaluated is not None and evaluated not in files:
        raise UnavailableError(
            f"The local copy of '{repository}' has no split '{evaluated}', which the task '{name}' evaluates.",
            hint="Add its files, or take the copy out of --data-dir, so that the hub is asked.",
        )
    shots = config.get("fewshot_config") or {}
    shot_split = _shot_split(config, shots)
    if n_shots and shot_split is not None and shot_split not in files:
        raise UnavailableError(
            f"The local copy of '{repository}' has no split '{shot_split}', which the {n_shots} examples in the "
            f"prompts of '{name}' are drawn from.",
            hint="Add its files, take the copy out of --data-dir, so that the hub is asked, or use --num-fewshot 0.",
        )
    for split in (evaluated, shot_split if n_shots else None):
        if split is not None:
            check_complete(files[split], split=split, hint=WAYS_OUT)
    wanted = {evaluated, shot_split, *(config.get(field) for field in _SPLIT_FIELDS)}
    overrides: dict[str, Any] = {
        "dataset_path": "parquet",
        "dataset_name": None,
        "dataset_kwargs": {
            "data_files": {split: [str(path) for path in paths] for split, paths in files.items() if split in wanted}
        },
    }
    overrides |= {field: None for field in _SPLIT_FIELDS if config.get(field) not in files}
    if shots.get("split") not in (None, *files):
        overrides["fewshot_config"] = {**shots, "split": None}
    return overrides


def builtin_overrides(config: Mapping[str, Any]) -> dict[str, Any]:
    """Where the built-in items lie on this machine: their configuration names the files alone."""
    names = config["dataset_kwargs"]["data_files"]
    return {"dataset_kwargs": {"data_files": {split: str(BUILTIN_FOLDER / name) for split, name in names.items()}}}


def _copy_of(config: Mapping[str, Any], data_dir: Path) -> dict[str, list[Path]]:
    """Parquet files by split of a task's configuration of its data set; empty where there is no local copy."""
    repository = config.get("dataset_path")
    # a task that names its own files, or makes its data by a program, has no folder on the hub that could be copied
    is_own = config.get("custom_dataset") or "data_files" in (config.get("dataset_kwargs") or {})
    if not isinstance(repository, str) or is_own:
        return {}
    return split_files(data_dir.resolve() / repository.rstrip("/").rsplit("/", 1)[-1], config.get("dataset_name"))


def _shot_split(config: Mapping[str, Any], shots: Mapping[str, Any]) -> str | None:
    """The split that lm-eval draws examples from, or `None` where the task has them written out."""
    split: str | None = shots["split"] if "split" in shots else config.get("fewshot_split")
    if split is None and shots.get("samples") is None:
        split = config.get("training_split") or config.get("validation_split") or config.get("test_split")
    return split
