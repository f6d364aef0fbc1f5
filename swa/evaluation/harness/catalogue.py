"""Which tasks exist, by name. The usual ones are found without lm-eval's whole index, which takes 8-10 s to build."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from swa.errors import UsageError
from swa.evaluation.harness.leaves import leaves_of
from swa.text.words import is_builtin_task

BUILTIN_FOLDER = Path(str(files("swa.data"))) / "builtin"

_FOLDERS = {
    "hellaswag": "hellaswag",
    "arc_easy": "arc",
    "arc_challenge": "arc",
    "gsm8k": "gsm8k",
    "wikitext": "wikitext",
}
_MMLU_FOLDER = "mmlu/default"
_LIST_COMMAND = "`swa evaluate --list-tasks` shows all names."


def check_tasks(names: Sequence[str]) -> None:
    """Refuse what cannot be evaluated, before a model is loaded.

    Args:
        names: Tasks, groups or tags of lm-evaluation-harness, or `builtin`.

    Raises:
        UsageError: A name is unknown, or one of its tasks runs code or needs images or sound.
    """
    others = [name for name in dict.fromkeys(names) if _folder(name) is None]
    if not others:
        return
    manager = task_manager(others)
    unknown = [name for name in others if name not in manager.task_index]
    if unknown:
        raise UsageError(
            f"There is no task {' or '.join(repr(name) for name in unknown)}.", hint=_hint(unknown, manager.all_tasks)
        )
    for name in others:
        leaves_of(name, manager.task_index)


def task_names() -> list[str]:
    """All names that an evaluation accepts, sorted: tasks, groups and tags of lm-eval, and the built-in items."""
    return sorted(_whole_index().all_tasks)


def task_manager(names: Sequence[str]) -> Any:
    """lm-eval's `TaskManager` that knows the names, those that exist; as small as it can be.

    Args:
        names: Tasks, groups or tags.
    """
    folders = {_folder(name) for name in names}
    return _whole_index() if None in folders else _task_manager(*sorted(str(folder) for folder in folders))


@cache
def _whole_index() -> Any:
    return _task_manager(str(BUILTIN_FOLDER), include_defaults=True)


def _task_manager(*folders: str, include_defaults: bool = False) -> Any:
    from lm_eval.tasks import TaskManager

    # what the library says is the log's: without any handler Python would print its warnings
    logging.getLogger("lm_eval").addHandler(logging.NullHandler())
    return TaskManager(include_path=list(folders), include_defaults=include_defaults)


def _folder(name: str) -> Path | None:
    """Folder that defines a well-known name completely, or `None`: a tag may have members anywhere."""
    if is_builtin_task(name):
        return BUILTIN_FOLDER
    tasks = Path(str(files("lm_eval"))) / "tasks"
    if name in _FOLDERS:
        folder = tasks / _FOLDERS[name]
        return folder if folder.is_dir() else None
    folder = tasks / _MMLU_FOLDER
    is_mmlu = name.startswith("mmlu") and any((folder / f"{mark}{name}.yaml").is_file() for mark in ("", "_"))
    return folder if is_mmlu else None


def _hint(unknown: Sequence[str], known: Sequence[str]) -> str:
    close = [match for name in unknown for match in difflib.get_close_matches(name, known, n=3)]
    if any(name == "demo" or "/" in name or Path(name).exists() for name in unknown):
        return f"Write models before list options, after --models, or after `--`. {_LIST_COMMAND}"
    return f"Did you mean {', '.join(dict.fromkeys(close))}? {_LIST_COMMAND}" if close else _LIST_COMMAND
