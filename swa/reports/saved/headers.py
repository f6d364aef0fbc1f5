"""The runs behind a model's artifacts."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from pydantic import MISSING

from swa.reports.saved.models import ModelArtifacts
from swa.schemas.run import RunHeader


class SavedRun(NamedTuple):
    """One run.

    Attributes:
        header: How it was made.
        config: The file that repeats it, which may be gone.
    """

    header: RunHeader
    config: Path


def runs_of(found: ModelArtifacts) -> dict[str, SavedRun]:
    """The runs by command, in the order of the way; records of the Python API have none."""
    runs: dict[str, SavedRun] = {}
    for record in (found.detection, found.analysis):
        if record is not None and record.result.run is not MISSING:
            run = record.result.run
            runs.setdefault(run.command, SavedRun(run, found.folder_of(record.path).run_config))
    for cards in (found.super_weights, found.neurons, found.cascades):
        if cards is not None and cards.run is not None:
            runs.setdefault(cards.run.command, SavedRun(cards.run, cards.folder.run_config))
    return runs


def any_run(found: ModelArtifacts) -> RunHeader | None:
    """One of the runs: model, weights and type are the same in all."""
    return next((run.header for run in runs_of(found).values()), None)
