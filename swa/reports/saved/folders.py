"""Which folders hold artifacts of a model."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from swa.errors import UsageError
from swa.store.vocab_tree import VocabFolder


def model_folders(root: Path) -> list[VocabFolder]:
    """The folders of models in a folder, at any depth, itself included; sorted by path.

    Both trees of docs/files.md have their files in different places, so one layout knows them all.

    Raises:
        UsageError: There is no such folder, or no artifact in it.
    """
    if not root.is_dir():
        raise UsageError(f"There is no folder '{root}'.", hint="Name the results folder of an earlier run.")
    found = [folder for path in _folders(root) if _holds_artifacts(folder := VocabFolder(path.parent, path.name))]
    if not found:
        raise UsageError(
            f"There are no artifacts of swa in '{root}'.",
            hint="Name the results folder of `swa detect`, `swa evaluate` or `swa vocab`, or one model's folder in it.",
        )
    return found


def _folders(root: Path) -> Iterator[Path]:
    """Every folder; hidden ones hold temporary files and caches."""
    for place, names, _ in os.walk(root):
        names[:] = sorted(name for name in names if not name.startswith("."))
        yield Path(place)


def _holds_artifacts(folder: VocabFolder) -> bool:
    return bool(folder.detections() or folder.analyses()) or any(path.exists() for path in card_files(folder))


def card_files(folder: VocabFolder) -> Sequence[Path]:
    """Where the folder would have records one a line: interventions, neurons, cascades."""
    return (folder.super_weight_cards, folder.neuron_cards, folder.cascade_results)
